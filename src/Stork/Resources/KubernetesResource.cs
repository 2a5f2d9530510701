namespace PxBackup.Stork.Resources;

/// <summary>What every Kubernetes object has. Reading is tolerant: unknown fields are skipped; null, absent and "" read alike.</summary>
public abstract class KubernetesResource
{
    /// <summary>Group and version, such as <c>stork.libopenstorage.org/v1alpha1</c>. Filled in on create.</summary>
    public string ApiVersion { get; set => field = value ?? ""; } = "";

    /// <summary>The kind, such as <c>ApplicationBackup</c>. Filled in on create.</summary>
    public string Kind { get; set => field = value ?? ""; } = "";

    /// <summary>Name, labels and what the API server keeps about the object.</summary>
    public ResourceMetadata Metadata { get; set => field = value ?? new(); } = new();
}

/// <summary>The part of <c>ObjectMeta</c> that this product reads or sets.</summary>
public sealed class ResourceMetadata
{
    /// <summary>Name, unique for kind and namespace.</summary>
    public string Name { get; set => field = value ?? ""; } = "";

    /// <summary>Namespace; empty for cluster-scoped kinds.</summary>
    public string Namespace { get; set => field = value ?? ""; } = "";

    /// <summary>Unique over time; set by the API server.</summary>
    public string Uid { get; set => field = value ?? ""; } = "";

    /// <summary>Version of this state of the object; set by the API server.</summary>
    public string ResourceVersion { get; set => field = value ?? ""; } = "";

    /// <summary>Labels.</summary>
    public Dictionary<string, string> Labels { get; set => field = value ?? []; } = [];

    /// <summary>Annotations.</summary>
    public Dictionary<string, string> Annotations { get; set => field = value ?? []; } = [];

    /// <summary>When the API server made the object (UTC, whole seconds).</summary>
    public DateTimeOffset? CreationTimestamp { get; set; }

    /// <summary>Set once a delete was accepted; the object goes when its finalizers are gone.</summary>
    public DateTimeOffset? DeletionTimestamp { get; set; }

    /// <summary>Who still has to act before the object may go.</summary>
    public List<string> Finalizers { get; set => field = value ?? []; } = [];
}
