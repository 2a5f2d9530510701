namespace PxBackup.Grains.Recovery;

/// <summary>Deadlines of work that Stork does on a cluster. Stork itself has none, and several of its failures never end.</summary>
public abstract class ClusterWorkOptions
{
    /// <summary>How long work may wait for room on its cluster, or for the cluster to come back, before it fails.</summary>
    public TimeSpan PendingTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long Stork may show no progress in a stage before the work fails.</summary>
    public TimeSpan StageTimeout { get; set; }

    /// <summary>
    /// How long Stork may show no progress while it records Warnings about the work: then it is one of the cases that never
    /// end, and the warning is the cause. Stork repeats the warning every ten seconds and recovers by itself within a few
    /// tries when somebody puts right what is missing.
    /// </summary>
    public TimeSpan StuckTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>How often running work is compared with its resource, in case the watch missed something or says nothing.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long unfinished work may rest before the sweep looks at it again.</summary>
    public TimeSpan SweepAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How soon a removal asks whether the resource is gone (0.2–0.3 s when all is well); what stays is asked for less often, each <see cref="CheckInterval"/> in the end.</summary>
    public TimeSpan DeletePollInterval { get; set; } = TimeSpan.FromSeconds(1);
}
