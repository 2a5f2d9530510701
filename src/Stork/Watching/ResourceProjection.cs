using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>The kinds that are watched.</summary>
public enum StorkKind
{
    /// <summary><c>ApplicationBackup</c>.</summary>
    ApplicationBackup,

    /// <summary><c>ApplicationRestore</c>.</summary>
    ApplicationRestore,
}

/// <summary>What is kept of an ApplicationBackup or ApplicationRestore that is watched: enough to tell progress, nothing of the rest.</summary>
public sealed record ResourceProjection
{
    /// <summary>Longest <see cref="Reason"/> that is kept, in UTF-16 units; the full text is in the resource.</summary>
    public const int MaxReasonLength = 512;

    /// <summary>Which of the two kinds.</summary>
    public StorkKind Kind { get; init; }

    /// <summary>Namespace.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Uid that the cluster gave it.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Version of this state.</summary>
    public string ResourceVersion { get; init; } = "";

    /// <summary><c>status.stage</c>: one of <see cref="StorkStage"/>, or a value of a newer Stork.</summary>
    public string Stage { get; init; } = "";

    /// <summary><c>status.status</c>: one of <see cref="StorkStatus"/>, or a value of a newer Stork.</summary>
    public string Status { get; init; } = "";

    /// <summary><c>status.reason</c>, cut to <see cref="MaxReasonLength"/>.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Value of the label named by <see cref="WatchRequest.UidLabel"/>; empty when there is none.</summary>
    public string OwnerUid { get; init; } = "";

    /// <summary><c>status.resourceCount</c>.</summary>
    public int ResourceCount { get; init; }

    /// <summary><c>status.restoredresourceCount</c> (restores).</summary>
    public int RestoredResourceCount { get; init; }

    /// <summary>Entries in <c>status.volumes</c>.</summary>
    public int VolumeCount { get; init; }

    /// <summary><c>status.failedVolCount</c>, or for restores the volumes whose status is Failed.</summary>
    public int FailedVolumeCount { get; init; }

    /// <summary><c>status.totalSize</c>, bytes.</summary>
    public ulong TotalSize { get; init; }

    /// <summary><c>status.lastUpdateTimestamp</c>; may be older than the event.</summary>
    public DateTimeOffset? LastUpdate { get; init; }

    /// <summary>The stage is Final: nothing more will happen.</summary>
    public bool Finished => Stage == StorkStage.Final;

    /// <summary>A delete was accepted and waits for the finalizer.</summary>
    public bool Deleting { get; init; }
}
