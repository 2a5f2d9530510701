using System.Text.Json.Serialization;

namespace PxBackup.Stork.Resources;

/// <summary>Stork's <c>ApplicationRestore</c>: one restore of a backup (stork.libopenstorage.org/v1alpha1).</summary>
public sealed class ApplicationRestore : KubernetesResource
{
    /// <summary>What to restore and where to.</summary>
    public ApplicationRestoreSpec Spec { get; set => field = value ?? new(); } = new();

    /// <summary>Written by Stork only.</summary>
    public ApplicationRestoreStatus Status { get; set => field = value ?? new(); } = new();
}

/// <summary><c>ApplicationRestore.spec</c>. Set <see cref="ReplacePolicy"/> always: its documented default is lost in Stork.</summary>
public sealed class ApplicationRestoreSpec
{
    /// <summary>Name of the ApplicationBackup in the same namespace.</summary>
    public string BackupName { get; set => field = value ?? ""; } = "";

    /// <summary>Ignored by Stork, which takes the backup's own location.</summary>
    public string BackupLocation { get; set => field = value ?? ""; } = "";

    /// <summary>Source namespace to destination namespace; a namespace that is not in it is left out.</summary>
    public Dictionary<string, string> NamespaceMapping { get; set => field = value ?? []; } = [];

    /// <summary><c>Retain</c> or <c>Delete</c>.</summary>
    public string ReplacePolicy { get; set => field = value ?? ""; } = "";

    /// <summary>Kinds that are left out unless named, such as <c>Job</c>.</summary>
    public List<string> IncludeOptionalResourceTypes { get; set => field = value ?? []; } = [];

    /// <summary>Single resources; empty means all.</summary>
    public List<ObjectReference> IncludeResources { get; set => field = value ?? []; } = [];

    /// <summary>Source StorageClass to destination StorageClass.</summary>
    public Dictionary<string, string> StorageClassMapping { get; set => field = value ?? []; } = [];

    /// <summary>Rancher project to project.</summary>
    public Dictionary<string, string> RancherProjectMapping { get; set => field = value ?? []; } = [];

    /// <summary>Empty, <c>All</c> or <c>VirtualMachine</c>.</summary>
    public string BackupObjectType { get; set => field = value ?? ""; } = "";
}

/// <summary><c>ApplicationRestore.status</c>. Final means <see cref="Stage"/> is <see cref="StorkStage.Final"/>, nothing else.</summary>
public sealed class ApplicationRestoreStatus
{
    /// <summary>One of <see cref="StorkStage"/>, or a value of a newer Stork.</summary>
    public string Stage { get; set => field = value ?? ""; } = "";

    /// <summary>One of <see cref="StorkStatus"/>, or a value of a newer Stork.</summary>
    public string Status { get; set => field = value ?? ""; } = "";

    /// <summary>Stork's text; may be long and have several lines.</summary>
    public string Reason { get; set => field = value ?? ""; } = "";

    /// <summary>Every object with its outcome. The core group is empty here.</summary>
    public List<ResourceOutcome> Resources { get; set => field = value ?? []; } = [];

    /// <summary>Volumes, with their sizes in bytes.</summary>
    public List<RestoreVolume> Volumes { get; set => field = value ?? []; } = [];

    /// <summary>Stork's last sign of life; may be older than the event.</summary>
    public DateTimeOffset? LastUpdateTimestamp { get; set; }

    /// <summary>End.</summary>
    public DateTimeOffset? FinishTimestamp { get; set; }

    /// <summary>Bytes of all volumes.</summary>
    public ulong TotalSize { get; set; }

    /// <summary>How many resources there are to restore.</summary>
    public int ResourceCount { get; set; }

    /// <summary>The list was left out because the resource would have been too large.</summary>
    public bool LargeResourceEnabled { get; set; }

    /// <summary>How many were handled. Stork's key has a lower-case r in the middle.</summary>
    [JsonPropertyName("restoredresourceCount")]
    public int RestoredResourceCount { get; set; }

    /// <summary>Preparing, Deleting, Verifying or Applying. Stork's key is all lower case.</summary>
    [JsonPropertyName("resourcerestorestate")]
    public string ResourceRestoreState { get; set => field = value ?? ""; } = "";
}

/// <summary>One volume of a restore.</summary>
public sealed class RestoreVolume
{
    /// <summary>Name of the claim.</summary>
    public string PersistentVolumeClaim { get; set => field = value ?? ""; } = "";

    /// <summary>Uid of the claim.</summary>
    [JsonPropertyName("persistentVolumeClaimUID")]
    public string PersistentVolumeClaimUid { get; set => field = value ?? ""; } = "";

    /// <summary>Namespace in the backup.</summary>
    public string SourceNamespace { get; set => field = value ?? ""; } = "";

    /// <summary>PersistentVolume in the backup.</summary>
    public string SourceVolume { get; set => field = value ?? ""; } = "";

    /// <summary>PersistentVolume that was made.</summary>
    [JsonPropertyName("restoreVolume")]
    public string RestoredVolume { get; set => field = value ?? ""; } = "";

    /// <summary><c>pxd</c>, <c>csi</c>, <c>kdmp</c> …</summary>
    public string DriverName { get; set => field = value ?? ""; } = "";

    /// <summary>Zones of the volume.</summary>
    public List<string> Zones { get; set => field = value ?? []; } = [];

    /// <summary>One of <see cref="StorkStatus"/>.</summary>
    public string Status { get; set => field = value ?? ""; } = "";

    /// <summary>Stork's text.</summary>
    public string Reason { get; set => field = value ?? ""; } = "";

    /// <summary>Bytes.</summary>
    public ulong TotalSize { get; set; }

    /// <summary>The driver's options.</summary>
    public Dictionary<string, string> Options { get; set => field = value ?? []; } = [];
}
