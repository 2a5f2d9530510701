using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Stork;

namespace PxBackup.FleetSimulator.Control;

/// <summary>The body of POST /clusters/NAME/faults: what is set is done, in the order of the members; what is absent stays as it is.</summary>
internal sealed class FaultOrders
{
    private static readonly ConditionalWeakTable<SimulatedCluster, ConcurrentDictionary<string, JsonObject>> Snapshots = new();

    /// <summary>Back to a healthy cluster, first of all.</summary>
    public bool Clear { get; init; }

    public ApiServerMode? Mode { get; init; }

    public int? LatencyMilliseconds { get; init; }

    public IReadOnlyList<RequestFault> Requests { get; init; } = [];

    /// <summary>Floods of watches.</summary>
    public IReadOnlyList<WatchFlood> Floods { get; init; } = [];

    /// <summary>Lies about objects.</summary>
    public IReadOnlyList<ObjectRewrite> Rewrites { get; init; } = [];

    public IReadOnlyList<AccessDenial> Deny { get; init; } = [];

    public bool CutConnections { get; init; }

    /// <summary>True cuts watches abruptly, false ends them as a server does at its time-out.</summary>
    public bool? CutWatches { get; init; }

    public long? CutWatchesAfterBytes { get; init; }

    public bool? SilenceWatches { get; init; }

    public bool Compact { get; init; }

    /// <summary>stop, start or restart.</summary>
    public string? Stork { get; init; }

    public bool? RuleCommandsFail { get; init; }

    public bool? MetadataUploadFails { get; init; }

    /// <summary>By namespace/name of the claim (or *): why its backup fails.</summary>
    public IReadOnlyDictionary<string, string> FailingVolumes { get; init; } = new Dictionary<string, string>();

    public bool RemoveStorkDefinitions { get; init; }

    public bool RotateToken { get; init; }

    /// <summary>True rotates the authority too.</summary>
    public bool? RotateCertificates { get; init; }

    /// <summary>Takes an etcd snapshot under this name.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Puts back the snapshot of this name.</summary>
    public string? Restore { get; init; }

    public async Task<JsonObject> ApplyAsync(SimulatedCluster cluster)
    {
        var faults = cluster.Faults;
        if (Clear) faults.Clear();
        if (LatencyMilliseconds is { } latency) faults.Latency = TimeSpan.FromMilliseconds(latency);
        foreach (var fault in Requests) faults.Add(fault);
        foreach (var flood in Floods) faults.Add(flood);
        foreach (var rewrite in Rewrites) faults.Add(rewrite);
        foreach (var denial in Deny) faults.Deny(denial);
        if (CutWatchesAfterBytes is { } bytes) faults.CutWatchesAfterBytes = bytes;
        if (RuleCommandsFail is { } rules) faults.RuleCommandsFail = rules;
        if (MetadataUploadFails is { } metadata) faults.MetadataUploadFails = metadata;
        foreach (var (claim, reason) in FailingVolumes) faults.FailingVolumes[claim] = reason;
        if (SilenceWatches is { } silent) faults.SilenceWatches(silent);
        if (Mode is { } mode) faults.SetMode(mode);
        if (CutWatches is { } abruptly) faults.CutWatches(abruptly);
        if (CutConnections) faults.CutConnections();
        if (Compact) cluster.Compact();
        if (RemoveStorkDefinitions)
        {
            foreach (var type in StorkResources.All) cluster.Objects.Delete("customresourcedefinitions.apiextensions.k8s.io", "", type.GroupResource);
        }

        if (RotateToken) cluster.RotateToken();
        if (RotateCertificates is { } authorityToo) cluster.RotateCertificates(authorityToo);
        if (Snapshot is not null) Snapshots.GetOrCreateValue(cluster)[Snapshot] = cluster.TakeEtcdSnapshot();
        if (Restore is not null) cluster.RestoreEtcd(Snapshots.GetOrCreateValue(cluster).GetValueOrDefault(Restore) ?? throw new ArgumentException($"There is no snapshot called {Restore} of {cluster.Name}."));
        if (Stork is "stop" or "restart") await cluster.Stork.StopAsync();
        if (Stork is "start" or "restart") cluster.Stork.Start();
        if (Stork is not (null or "stop" or "start" or "restart")) throw new ArgumentException($"stork: {Stork} is none of stop, start, restart.");
        return new JsonObject { ["name"] = cluster.Name, ["mode"] = faults.Mode.ToString(), ["storkRunning"] = cluster.Stork.Running };
    }
}
