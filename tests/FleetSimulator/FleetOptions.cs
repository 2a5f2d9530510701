using PxBackup.FleetSimulator.Applications;
using PxBackup.FleetSimulator.Stork;

namespace PxBackup.FleetSimulator;

/// <summary>What fleet to simulate.</summary>
public sealed class FleetOptions
{
    /// <summary>Number of clusters, 1 to 65,000.</summary>
    public int Clusters { get; init; } = 1;

    /// <summary>Clusters are called by this and their number from 1: <c>cluster-1</c>.</summary>
    public string NamePrefix { get; init; } = "cluster-";

    /// <summary>Application namespaces that every cluster starts with; names of <see cref="SampleApplications"/>.</summary>
    public IReadOnlyList<string> Applications { get; init; } = ["shop", "blog"];

    /// <summary>How many times faster than recorded Stork works; 1 keeps the recorded timings (5–12 s for a backup). The intervals of schedule policies shrink by it, too.</summary>
    public double StorkSpeed { get; init; } = 10;

    /// <summary>Tokens and uids of what clusters start with follow from it.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>TCP port of every cluster's API server (each has its own address in 127.0.0.0/8); 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Port of the control interface on 127.0.0.1; 0 takes a free one, null leaves it out.</summary>
    public int? ControlPort { get; init; }

    /// <summary>Folder that keeps authorities, tokens, port and objects, so that a fleet started again is the same one; null keeps nothing.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Version that <c>/version</c> reports.</summary>
    public string KubernetesVersion { get; init; } = "v1.36.2";

    /// <summary>Stork's version, as its ConfigMap kube-system/stork-version says it.</summary>
    public string StorkVersion { get; init; } = "25.2.0-4f9d2c1";

    /// <summary>The NFS servers that the clusters can reach; by default their files are in memory and nothing of them is kept.</summary>
    public NfsServers Nfs { get; init; } = new();

    /// <summary>Clock of object times and Stork's waits.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
