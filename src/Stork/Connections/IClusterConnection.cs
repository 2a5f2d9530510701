using System.Text.Json.Nodes;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>An application cluster: its Kubernetes API server over one connection. Thread-safe.</summary>
/// <remarks>Every method throws <see cref="ApiException"/> when the API server said no, and <see cref="ClusterException"/> when no usable answer came;
/// after the latter a create, patch or delete may nevertheless have happened.</remarks>
public interface IClusterConnection : IAsyncDisposable
{
    /// <summary>Checks step by step: name, TCP, TLS, API, sign-in, identity, Stork's resources, rights, Stork's version, Stork's program.</summary>
    /// <exception cref="ClusterException">The first step that failed, with its cause and cure.</exception>
    Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken = default);

    /// <summary>Looks for Stork's program by one small read (two where there is no lease): cheap enough to be asked several times a minute.</summary>
    /// <param name="withDeployment">Reads its Deployment, too, where the lease would do.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task<StorkLook> LookAtStorkAsync(bool withDeployment, CancellationToken cancellationToken = default);

    /// <summary>Creates a resource in <c>metadata.namespace</c>; apiVersion and kind are filled in. Answers what the server stored.</summary>
    Task<T> CreateAsync<T>(T resource, CancellationToken cancellationToken = default) where T : KubernetesResource;

    /// <summary>
    /// Creates a resource together with its status, as Stork's own backup sync does with backups that it finds in a bucket: for
    /// finished ApplicationBackups that were taken elsewhere. Stork takes such a status at its word.
    /// </summary>
    Task<T> ImportAsync<T>(T resource, CancellationToken cancellationToken = default) where T : KubernetesResource;

    /// <summary>Reads a resource; null when there is none. A kind that the server does not know is an <see cref="ApiException"/>.</summary>
    /// <param name="resourceNamespace">Namespace; ignored for cluster-scoped kinds.</param>
    /// <param name="name">Name.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task<T?> FindAsync<T>(string resourceNamespace, string name, CancellationToken cancellationToken = default) where T : KubernetesResource;

    /// <summary>Changes single fields (JSON merge patch, RFC 7396: null removes). Never a full update: that could wipe Stork's status.</summary>
    Task<T> MergePatchAsync<T>(string resourceNamespace, string name, JsonObject patch, CancellationToken cancellationToken = default)
        where T : KubernetesResource;

    /// <summary>Asks for deletion; finalizers may keep the resource for a while.</summary>
    /// <param name="resourceNamespace">Namespace; ignored for cluster-scoped kinds.</param>
    /// <param name="name">Name.</param>
    /// <param name="uid">Delete only this very object.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>True when a delete was accepted; false when there is no such resource (or, with <paramref name="uid"/>, only another one of that name).</returns>
    Task<bool> DeleteAsync<T>(string resourceNamespace, string name, string? uid = null, CancellationToken cancellationToken = default)
        where T : KubernetesResource;

    /// <summary>Lists all pages. A namespace of null means all namespaces.</summary>
    Task<ResourceList<T>> ListAsync<T>(string? resourceNamespace, string? labelSelector = null, CancellationToken cancellationToken = default)
        where T : KubernetesResource;

    /// <summary>The cluster's namespaces.</summary>
    Task<IReadOnlyList<NamespaceSummary>> ListNamespacesAsync(string? labelSelector = null, CancellationToken cancellationToken = default);

    /// <summary>Warning Events about one object, oldest first: the only place where Stork tells why something never ends.</summary>
    Task<IReadOnlyList<EventSummary>> ListWarningEventsAsync(
        string resourceNamespace, string involvedUid, CancellationToken cancellationToken = default);

    /// <summary>Kinds that Stork can back up on this cluster, sorted: the built-in ones that are served, plus custom ones with an ApplicationRegistration.</summary>
    Task<IReadOnlyList<string>> ListBackupKindsAsync(CancellationToken cancellationToken = default);

    /// <summary>Lists and watches until cancelled; survives whatever the cluster does. Returns when <paramref name="cancellationToken"/> is cancelled.</summary>
    Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken);
}

/// <summary>Opens connections to application clusters.</summary>
public interface IClusterConnectionFactory
{
    /// <summary>Makes a connection; nothing is sent before the first call.</summary>
    /// <param name="endpoint">From <see cref="KubeconfigParser"/>.</param>
    /// <param name="tokens">Required when <see cref="ClusterUser.AwsIam"/> is set; otherwise it replaces the endpoint's own token.</param>
    /// <param name="identity">
    /// Uid of the cluster's namespace kube-system, when it is known. Nothing but that namespace is then read or written before the server behind each new
    /// connection has shown it: another one is <see cref="ClusterFailure.OtherCluster"/>.
    /// </param>
    IClusterConnection Open(ClusterEndpoint endpoint, IBearerTokenSource? tokens = null, string? identity = null);
}

/// <summary>Gives the token of a request; called for each one, so it caches.</summary>
public interface IBearerTokenSource
{
    /// <summary>A token that is valid now.</summary>
    ValueTask<string> GetTokenAsync(CancellationToken cancellationToken);

    /// <summary>The API server answered 401 to this token: do not give it again.</summary>
    void Rejected(string token);
}

/// <summary>A list and the version it was true at.</summary>
public sealed record ResourceList<T>
{
    /// <summary>All of them.</summary>
    public required IReadOnlyList<T> Items { get; init; }

    /// <summary>The collection's resourceVersion.</summary>
    public required string ResourceVersion { get; init; }
}

/// <summary>A namespace of the cluster.</summary>
public sealed record NamespaceSummary
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Uid.</summary>
    public required string Uid { get; init; }

    /// <summary>Labels.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary><c>Active</c> or <c>Terminating</c>.</summary>
    public required string Phase { get; init; }
}

/// <summary>A Warning Event.</summary>
public sealed record EventSummary
{
    /// <summary>One word; Stork writes <c>Failed</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>The text, cut to 1,024 characters.</summary>
    public required string Message { get; init; }

    /// <summary>How often it happened; at least 1.</summary>
    public required int Count { get; init; }

    /// <summary>When it happened last (UTC); null when the Event does not say.</summary>
    public DateTimeOffset? LastSeenAt { get; init; }
}

/// <summary>What a working cluster is like.</summary>
public sealed record ClusterProbe
{
    /// <summary>Such as <c>v1.36.2</c>.</summary>
    public required string KubernetesVersion { get; init; }

    /// <summary>From ConfigMap kube-system/stork-version; null when Stork does not publish it.</summary>
    public string? StorkVersion { get; init; }

    /// <summary>Namespace where Stork acts on resources for all namespaces; <c>kube-system</c> unless the cluster says otherwise.</summary>
    public required string AdminNamespace { get; init; }

    /// <summary>Uid of namespace kube-system: the cluster's identity; null when it may not be read.</summary>
    public string? ClusterUid { get; init; }

    /// <summary>Stork's program at the end of the check.</summary>
    public StorkLook? Stork { get; init; }
}
