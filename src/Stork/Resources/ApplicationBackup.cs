namespace PxBackup.Stork.Resources;

/// <summary>Stork's <c>ApplicationBackup</c>: one backup of namespaces (stork.libopenstorage.org/v1alpha1).</summary>
public sealed class ApplicationBackup : KubernetesResource
{
    /// <summary>What to back up and where to. Stork rewrites some of it (namespaces, reclaimPolicy).</summary>
    public ApplicationBackupSpec Spec { get; set => field = value ?? new(); } = new();

    /// <summary>Written by Stork only.</summary>
    public ApplicationBackupStatus Status { get; set => field = value ?? new(); } = new();
}

/// <summary><c>ApplicationBackup.spec</c>; field for field Stork's.</summary>
public sealed class ApplicationBackupSpec
{
    /// <summary>Namespaces, or <c>*</c> alone for all.</summary>
    public List<string> Namespaces { get; set => field = value ?? []; } = [];

    /// <summary>Name of the BackupLocation in the same namespace as this resource.</summary>
    public string BackupLocation { get; set => field = value ?? ""; } = "";

    /// <summary>Name of a PlatformCredential (Rancher).</summary>
    public string PlatformCredential { get; set => field = value ?? ""; } = "";

    /// <summary>Rancher project id to name.</summary>
    public Dictionary<string, string> RancherProjects { get; set => field = value ?? []; } = [];

    /// <summary>Labels that a resource must carry (all of them).</summary>
    public Dictionary<string, string> Selectors { get; set => field = value ?? []; } = [];

    /// <summary>Label selector that picks the namespaces, evaluated on the cluster.</summary>
    public string NamespaceSelector { get; set => field = value ?? ""; } = "";

    /// <summary>Name of the Rule that runs before.</summary>
    public string PreExecRule { get; set => field = value ?? ""; } = "";

    /// <summary>Name of the Rule that runs after.</summary>
    public string PostExecRule { get; set => field = value ?? ""; } = "";

    /// <summary><c>Delete</c> (Stork's default) or <c>Retain</c>: what happens to the data when this resource is deleted.</summary>
    public string ReclaimPolicy { get; set => field = value ?? ""; } = "";

    /// <summary>Keep Services as they are.</summary>
    public bool SkipServiceUpdate { get; set; }

    /// <summary>Options for the volume driver.</summary>
    public Dictionary<string, string> Options { get; set => field = value ?? []; } = [];

    /// <summary>Single resources; a namespace without an entry is backed up in full.</summary>
    public List<ObjectReference> IncludeResources { get; set => field = value ?? []; } = [];

    /// <summary>Kinds; without PersistentVolumeClaim no volume is backed up.</summary>
    public List<string> ResourceTypes { get; set => field = value ?? []; } = [];

    /// <summary><c>Generic</c>, or empty for the first driver that owns the claim.</summary>
    public string BackupType { get; set => field = value ?? ""; } = "";

    /// <summary>CSI provisioner to VolumeSnapshotClass.</summary>
    public Dictionary<string, string> CsiSnapshotClassMap { get; set => field = value ?? []; } = [];

    /// <summary>Empty, <c>All</c> or <c>VirtualMachine</c>; anything else fails at once.</summary>
    public string BackupObjectType { get; set => field = value ?? ""; } = "";

    /// <summary>Do not freeze and thaw virtual machines by themselves.</summary>
    public bool SkipAutoExecRules { get; set; }

    /// <summary>Set by Stork from its ConfigMap kdmp-config.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("directKDMP")]
    public bool DirectKdmp { get; set; }
}

/// <summary><c>ApplicationBackup.status</c>. Final means <see cref="Stage"/> is <see cref="StorkStage.Final"/>, nothing else.</summary>
public sealed class ApplicationBackupStatus
{
    /// <summary>One of <see cref="StorkStage"/>, or a value of a newer Stork.</summary>
    public string Stage { get; set => field = value ?? ""; } = "";

    /// <summary>One of <see cref="StorkStatus"/>, or a value of a newer Stork.</summary>
    public string Status { get; set => field = value ?? ""; } = "";

    /// <summary>Stork's text; may be long and have several lines.</summary>
    public string Reason { get; set => field = value ?? ""; } = "";

    /// <summary>What was backed up; empty when <see cref="LargeResourceEnabled"/>. The core group reads <c>core</c> here.</summary>
    public List<ResourceOutcome> Resources { get; set => field = value ?? []; } = [];

    /// <summary>Volumes, with their sizes in bytes.</summary>
    public List<BackupVolume> Volumes { get; set => field = value ?? []; } = [];

    /// <summary>Prefix of the objects in the bucket, without a trailing slash.</summary>
    public string BackupPath { get; set => field = value ?? ""; } = "";

    /// <summary>When Stork accepted it.</summary>
    public DateTimeOffset? TriggerTimestamp { get; set; }

    /// <summary>Stork's last sign of life; may be older than the event.</summary>
    public DateTimeOffset? LastUpdateTimestamp { get; set; }

    /// <summary>End; null in some failed ones.</summary>
    public DateTimeOffset? FinishTimestamp { get; set; }

    /// <summary>Bytes of all volumes.</summary>
    public ulong TotalSize { get; set; }

    /// <summary>How many resources, also when the list was left out.</summary>
    public int ResourceCount { get; set; }

    /// <summary>The list was left out because the resource would have been too large.</summary>
    public bool LargeResourceEnabled { get; set; }

    /// <summary>Volumes that failed.</summary>
    public int FailedVolCount { get; set; }
}

/// <summary>One volume of a backup.</summary>
public sealed class BackupVolume
{
    /// <summary>Name of the claim.</summary>
    public string PersistentVolumeClaim { get; set => field = value ?? ""; } = "";

    /// <summary>Uid of the claim.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("persistentVolumeClaimUID")]
    public string PersistentVolumeClaimUid { get; set => field = value ?? ""; } = "";

    /// <summary>Namespace of the claim.</summary>
    public string Namespace { get; set => field = value ?? ""; } = "";

    /// <summary>Name of the PersistentVolume.</summary>
    public string Volume { get; set => field = value ?? ""; } = "";

    /// <summary>The driver's id of this copy.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("backupID")]
    public string BackupId { get; set => field = value ?? ""; } = "";

    /// <summary><c>pxd</c>, <c>csi</c>, <c>kdmp</c> …</summary>
    public string DriverName { get; set => field = value ?? ""; } = "";

    /// <summary>Zones of the volume.</summary>
    public List<string> Zones { get; set => field = value ?? []; } = [];

    /// <summary>One of <see cref="StorkStatus"/>.</summary>
    public string Status { get; set => field = value ?? ""; } = "";

    /// <summary>Stork's text.</summary>
    public string Reason { get; set => field = value ?? ""; } = "";

    /// <summary>The driver's options. Stork's key is the Go name, with a capital.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("Options")]
    public Dictionary<string, string> Options { get; set => field = value ?? []; } = [];

    /// <summary>Bytes.</summary>
    public ulong TotalSize { get; set; }

    /// <summary>Bytes that were moved.</summary>
    public ulong ActualSize { get; set; }

    /// <summary>StorageClass of the claim.</summary>
    public string StorageClass { get; set => field = value ?? ""; } = "";

    /// <summary>Its provisioner.</summary>
    public string Provisioner { get; set => field = value ?? ""; } = "";

    /// <summary>Snapshot, when one was taken.</summary>
    public string VolumeSnapshot { get; set => field = value ?? ""; } = "";

    /// <summary>User and group of the job's pod. Stork's key is the Go name, with a capital.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("JobSecurityContext")]
    public JobSecurityContext JobSecurityContext { get; set => field = value ?? new(); } = new();
}

/// <summary>User and group under which a data job ran.</summary>
public sealed class JobSecurityContext
{
    /// <summary>Numeric user id; 0 when not set.</summary>
    public long RunAsUser { get; set; }

    /// <summary>Numeric group id; 0 when not set.</summary>
    public long RunAsGroup { get; set; }
}
