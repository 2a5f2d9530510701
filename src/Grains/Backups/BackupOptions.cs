using PxBackup.Grains.Recovery;

namespace PxBackup.Grains.Backups;

/// <summary>Deadlines of backups.</summary>
public sealed class BackupOptions : ClusterWorkOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Backups";

    /// <summary>Sets what differs from other work.</summary>
    public BackupOptions() => StageTimeout = TimeSpan.FromMinutes(30); // Stork's own comments speak of 30 minutes.

    /// <summary>How often a deletion that an object lock holds up is tried again: a lock ends after days, and a try walks through the bucket.</summary>
    public TimeSpan LockedInterval { get; set; } = TimeSpan.FromMinutes(10);
}
