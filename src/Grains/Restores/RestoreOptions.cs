namespace PxBackup.Grains.Restores;

/// <summary>Deadlines of restores. Stork itself has none, and several of its failures never end.</summary>
public sealed class RestoreOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Restores";

    /// <summary>How long a restore may wait for room on its cluster, or for the cluster to come back, before it fails.</summary>
    public TimeSpan PendingTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How long Stork may show no progress in a stage before the restore fails. Longer than for backups: with the replace
    /// policy Delete Stork waits up to two minutes for each object, and volumes come in batches.
    /// </summary>
    public TimeSpan StageTimeout { get; set; } = TimeSpan.FromMinutes(60);

    /// <summary>How long Stork may show no progress while it records Warnings about the restore; then the warning is the cause.</summary>
    public TimeSpan StuckTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>
    /// How long Stork may leave a restore untouched without any Warning. A restore whose ApplicationBackup is missing stays so
    /// for ever, without an Event; a Stork that is merely busy begins within a minute.
    /// </summary>
    public TimeSpan NotBegunTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How often a running restore is compared with its resource.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long unfinished work may rest before the sweep looks at it again.</summary>
    public TimeSpan SweepAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How often a removal asks whether the resource is gone.</summary>
    public TimeSpan DeletePollInterval { get; set; } = TimeSpan.FromSeconds(1);
}
