using System.Diagnostics;
using PxBackup.Chaos.Programs;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Chaos.Faults;

/// <summary>Faults of application clusters and of the bucket, by the simulator's own controls.</summary>
internal sealed class ClusterTrouble(Installation installation)
{
    private const string Backups = "/applicationbackups$";

    /// <summary>How long a fault of requests may wait for the first one that it meets.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    public async Task<(string Target, long Fired, int Kills)> DoAsync(PlannedFault fault, CancellationToken cancellationToken)
    {
        var cluster = installation.Fleet.Clusters[fault.Target];
        var fired = fault.Kind switch
        {
            "cluster-down" => await DownAsync(cluster.Faults, fault.For, cancellationToken),
            "cluster-watches-cut" => await CutAsync(cancellationToken),
            "cluster-watches-silent" => await SilentAsync(cluster.Faults, fault.For, cancellationToken),
            "cluster-compacted" => await CompactAsync(cluster, cancellationToken),
            // The resource is there, but whoever made it does not know: once as a lost answer, once as an error.
            "cluster-create-lost" => await RequestsAsync(new() { Method = "POST", Path = Backups, Effect = RequestEffect.DoneButDropped, Count = 2 }, fault.For, cancellationToken),
            "cluster-create-refused-but-done" => await RequestsAsync(new() { Method = "POST", Path = Backups, Effect = RequestEffect.DoneButRefused, Code = 500, Count = 2 }, fault.For, cancellationToken),
            "cluster-errors" => await RequestsAsync(new() { Code = 503, Count = 10 }, fault.For, cancellationToken),
            "cluster-too-many" => await RequestsAsync(new() { Code = 429, RetryAfterSeconds = 1, Count = 10 }, fault.For, cancellationToken),
            "bucket-down" => await BucketAsync(new() { Kind = ObjectStoreFaultKind.Reset }, fault.For, cancellationToken),
            "bucket-slow-down" => await BucketAsync(ObjectStoreFault.SlowDown(), fault.For, cancellationToken),
            _ => throw new InvalidOperationException($"nobody knows the fault {fault.Kind}"),
        };
        return (fault.Kind.StartsWith("bucket", StringComparison.Ordinal) ? Installation.Bucket : fault.Kind is "cluster-down" or "cluster-watches-silent" or "cluster-compacted" ? cluster.Name : "all clusters", fired, 0);
    }

    private static async Task<long> DownAsync(ClusterFaults faults, TimeSpan length, CancellationToken cancellationToken)
    {
        await WatchedAsync(faults, cancellationToken);
        var watches = faults.OpenWatches.Count;
        faults.SetMode(ApiServerMode.Refusing);
        await Task.WhenAny(Task.Delay(length, cancellationToken));
        faults.SetMode(ApiServerMode.Up);
        return watches; // Each of them was cut.
    }

    private static async Task<long> SilentAsync(ClusterFaults faults, TimeSpan length, CancellationToken cancellationToken)
    {
        await WatchedAsync(faults, cancellationToken);
        faults.SilenceWatches(true);
        var watches = faults.OpenWatches.Count;
        await Task.WhenAny(Task.Delay(length, cancellationToken));
        faults.SilenceWatches(false);
        return watches;
    }

    private async Task<long> CutAsync(CancellationToken cancellationToken)
    {
        await WatchedAsync(installation.Fleet.Clusters[0].Faults, cancellationToken);
        return installation.Fleet.Clusters.Sum(each => each.Faults.CutWatches());
    }

    private static async Task<long> CompactAsync(FleetSimulator.SimulatedCluster cluster, CancellationToken cancellationToken)
    {
        await WatchedAsync(cluster.Faults, cancellationToken);
        cluster.Compact();
        return cluster.Faults.CutWatches(); // They come back with a version that is gone: 410.
    }

    // On every cluster, so that whoever makes the next backup meets it.
    private async Task<long> RequestsAsync(RequestFault fault, TimeSpan length, CancellationToken cancellationToken)
    {
        foreach (var cluster in installation.Fleet.Clusters)
            cluster.Faults.Add(fault);
        await MeetAsync(() => fault.Taken > 0, length, cancellationToken);
        foreach (var cluster in installation.Fleet.Clusters)
            cluster.Faults.Remove(fault);
        return fault.Taken;
    }

    private async Task<long> BucketAsync(ObjectStoreFault fault, TimeSpan length, CancellationToken cancellationToken)
    {
        installation.Store.Faults.Add(fault);
        await MeetAsync(() => fault.Fired > 0, length, cancellationToken);
        installation.Store.Faults.Remove(fault);
        return fault.Fired;
    }

    private static async Task MeetAsync(Func<bool> met, TimeSpan length, CancellationToken cancellationToken)
    {
        for (var since = Stopwatch.StartNew(); (since.Elapsed < length || (!met() && since.Elapsed < Patience)) && !cancellationToken.IsCancellationRequested;)
            await Task.WhenAny(Task.Delay(50, cancellationToken));
    }

    // Some other fault may have the clusters' grains elsewhere just now: a fault of watches begins when there are some.
    private static Task WatchedAsync(ClusterFaults faults, CancellationToken cancellationToken) => MeetAsync(() => faults.OpenWatches.Count > 0, TimeSpan.Zero, cancellationToken);
}
