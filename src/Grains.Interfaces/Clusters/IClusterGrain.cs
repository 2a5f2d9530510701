using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Interfaces.Clusters;

/// <summary>One application cluster: its registration, its connection and the work admitted to it. Key: org/uid.</summary>
[Alias("px.IClusterGrain"), GrainInterfaceType("px.IClusterGrain")]
public interface IClusterGrain : IObjectGrain
{
    /// <summary>Checks the kubeconfig and the access it gives, then registers the cluster.</summary>
    [Alias("Create"), ResponseTimeout("00:01:00")]
    Task<ClusterObject> CreateAsync(ClusterCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Changes kubeconfig, credential or labels; the new access is checked first.</summary>
    [Alias("Update"), ResponseTimeout("00:01:00")]
    Task UpdateAsync(ClusterUpdateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The cluster; secrets blank unless asked for and allowed.</summary>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<ClusterObject> InspectAsync(ClusterInspectRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Removes the cluster in the background, with its restores or backups as the flags say.</summary>
    [Alias("Delete")]
    Task DeleteAsync(ClusterDeleteRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The kinds that can be backed up there.</summary>
    [AlwaysInterleave, Alias("ResourceTypes")]
    Task<ResourceTypeResponse> ResourceTypesAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>What a feature must know before it starts work there.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/> also when the caller may not use the cluster</exception>
    [AlwaysInterleave, Alias("Facts")]
    Task<ClusterFacts> FactsAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Asks for room; the answer is a later <c>AdmittedAsync</c> on the asking grain. Asking again is harmless.</summary>
    [AlwaysInterleave, Alias("Enqueue")]
    Task EnqueueAsync(ClusterWork work, CancellationToken cancellationToken = default);

    /// <summary>Gives the room back, or leaves the queue.</summary>
    [AlwaysInterleave, Alias("Release")]
    Task ReleaseAsync(ClusterWork work, CancellationToken cancellationToken = default);

    /// <summary>One call to the cluster's API server. Own time-out; a slow cluster holds up nobody else.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.Unreachable"/>, <see cref="ErrorReason.Rejected"/></exception>
    [AlwaysInterleave, Alias("Call")]
    Task<ClusterReply> CallAsync(ClusterCall call, CancellationToken cancellationToken = default);

    /// <summary>Makes sure that the cluster is connected and watched, and goes on with unfinished work.</summary>
    [AlwaysInterleave, Alias("Wake")]
    Task WakeAsync(CancellationToken cancellationToken = default);
}

/// <summary>What is known of a cluster.</summary>
[GenerateSerializer, Immutable, Alias("px.ClusterFacts")]
public sealed record ClusterFacts
{
    /// <summary>Name of the cluster's object.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>It answers and Stork is there.</summary>
    [Id(1)]
    public bool Online { get; init; }

    /// <summary>Why it is not online, as the object's status says.</summary>
    [Id(2)]
    public string Reason { get; init; } = "";

    /// <summary>The namespace in which Stork takes resources for several namespaces; <c>kube-system</c> unless configured.</summary>
    [Id(3)]
    public string AdminNamespace { get; init; } = "kube-system";

    /// <summary>Stork's version as it publishes it.</summary>
    [Id(4)]
    public string StorkVersion { get; init; } = "";

    /// <summary>The cluster is being removed: no new work.</summary>
    [Id(5)]
    public bool Leaving { get; init; }
}

/// <summary>A unit of admission.</summary>
[GenerateSerializer, Immutable, Alias("px.ClusterWork")]
public sealed record ClusterWork
{
    /// <summary><see cref="ObjectKind.Backup"/> or <see cref="ObjectKind.Restore"/>.</summary>
    [Id(0)]
    public required ObjectKind Kind { get; init; }

    /// <summary>The backup or restore.</summary>
    [Id(1)]
    public required ObjectKey Key { get; init; }

    /// <summary>Whose it is: owners take turns in the queue.</summary>
    [Id(2)]
    public required string Owner { get; init; }

    /// <summary>It already runs on the cluster (after a restart): it keeps its room whatever the queue.</summary>
    [Id(3)]
    public bool Running { get; init; }
}

/// <summary>What to do on the cluster.</summary>
public enum ClusterVerb
{
    /// <summary>Not set.</summary>
    None = 0,

    /// <summary>Create; when it exists and carries our uid label with the same value, take it over.</summary>
    Adopt = 1,

    /// <summary>Create, or merge-patch what exists and is ours.</summary>
    Apply = 2,

    /// <summary>Read one; an empty reply when there is none.</summary>
    Find = 3,

    /// <summary>Delete one, only if it is ours.</summary>
    Delete = 4,

    /// <summary>The namespaces that match a label selector (all when empty).</summary>
    ListNamespaces = 5,

    /// <summary>The warnings recorded about one object.</summary>
    ListWarnings = 6,

    /// <summary>Merge-patch one that is there and ours; an empty reply when there is none.</summary>
    Patch = 7,

    /// <summary>The kinds that Stork can back up there.</summary>
    ListKinds = 8,
}

/// <summary>The resources that features place on a cluster.</summary>
public enum ClusterResource
{
    /// <summary>Not set.</summary>
    None = 0,

    /// <summary>Stork's ApplicationBackup.</summary>
    ApplicationBackup = 1,

    /// <summary>Stork's ApplicationRestore.</summary>
    ApplicationRestore = 2,

    /// <summary>Stork's BackupLocation.</summary>
    BackupLocation = 3,

    /// <summary>Stork's Rule.</summary>
    Rule = 4,

    /// <summary>A core Secret.</summary>
    Secret = 5,
}

/// <summary>One call to a cluster's API server.</summary>
[GenerateSerializer, Immutable, Alias("px.ClusterCall")]
public sealed record ClusterCall
{
    /// <summary>What to do.</summary>
    [Id(0)]
    public required ClusterVerb Verb { get; init; }

    /// <summary>On which resource.</summary>
    [Id(1)]
    public ClusterResource Resource { get; init; }

    /// <summary>Namespace of the resource.</summary>
    [Id(2)]
    public string Namespace { get; init; } = "";

    /// <summary>Name of the resource; the label selector of <see cref="ClusterVerb.ListNamespaces"/>; the uid of <see cref="ClusterVerb.ListWarnings"/>.</summary>
    [Id(3)]
    public string Name { get; init; } = "";

    /// <summary>The resource as JSON, for <see cref="ClusterVerb.Adopt"/> and <see cref="ClusterVerb.Apply"/>; the fields to change, for <see cref="ClusterVerb.Patch"/>.</summary>
    [Id(4)]
    public byte[] Body { get; init; } = [];

    /// <summary>Value of our uid label that a resource must carry to be taken over, patched or deleted.</summary>
    [Id(5)]
    public string Uid { get; init; } = "";
}

/// <summary>The answer of a cluster.</summary>
[GenerateSerializer, Immutable, Alias("px.ClusterReply")]
public sealed record ClusterReply
{
    /// <summary>There is such a resource (before a delete: there was).</summary>
    [Id(0)]
    public bool Found { get; init; }

    /// <summary>The resource as JSON.</summary>
    [Id(1)]
    public byte[] Body { get; init; } = [];

    /// <summary>Names of namespaces or kinds, or texts of warnings, newest last.</summary>
    [Id(2)]
    public IReadOnlyList<string> Lines { get; init; } = [];

    /// <summary>A resource of that name exists but is not ours: it was left alone.</summary>
    [Id(3)]
    public bool Foreign { get; init; }
}
