using PxBackup.Grains.Recovery;

namespace PxBackup.Grains.Restores;

/// <summary>Deadlines of restores.</summary>
public sealed class RestoreOptions : ClusterWorkOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Restores";

    /// <summary>Sets what differs from other work.</summary>
    // Longer than for backups: with the replace policy Delete Stork waits up to two minutes for each object, and volumes come in batches.
    public RestoreOptions() => StageTimeout = TimeSpan.FromMinutes(60);

    /// <summary>
    /// How long Stork may leave a restore untouched without any Warning. A restore whose ApplicationBackup is missing stays so
    /// for ever, without an Event; a Stork that is merely busy begins within a minute.
    /// </summary>
    public TimeSpan NotBegunTimeout { get; set; } = TimeSpan.FromMinutes(10);
}
