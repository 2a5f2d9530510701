using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using PxBackup.Chaos.Report;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Hostile;

/// <summary>
/// Three honest tenants work while one attacker, with a cluster, a store and a token of its own, does what it can. Judged are the honest ones: are they
/// answered, do their backups succeed, is what they have what it was; and the process: does it live, does its memory come back.
/// </summary>
internal sealed class HostileRun(HostileOptions options)
{
    /// <summary>The goal: others' reads take at most three times as long.</summary>
    private const double WorstRatio = 3;

    /// <summary>What a read may take on a machine whose two cores also run the attacker, the simulated clusters and other work. Above it and above the ratio is a violation.</summary>
    private static readonly TimeSpan Unnoticed = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan MemoryBack = TimeSpan.FromMinutes(2);
    private const long SpareMib = 160;

    public async Task<HostileSummary> RunAsync(CancellationToken cancellationToken)
    {
        var since = Stopwatch.StartNew();
        await using var store = await SimulatedObjectStore.StartAsync(new SimulatedObjectStoreOptions { Keys = { [Scene.AccessKey] = Scene.SecretKey } }, cancellationToken);
        await using var hostileStore = await HostileStore.StartAsync(cancellationToken);
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 4, StorkSpeed = 20 }, cancellationToken);
        await using var target = await Target.StartAsync(options, cancellationToken);
        using var administrator = await Tenant.SignInAsync(target, Target.AdminName, Target.AdminPassword);
        using var ann = await administrator.NewUserAsync(target, "ann");
        using var ben = await administrator.NewUserAsync(target, "ben");
        using var cleo = await administrator.NewUserAsync(target, "cleo");
        using var mallory = await administrator.NewUserAsync(target, "mallory");
        Tenant[] tenants = [ann, ben, cleo, mallory];
        for (var i = 0; i < tenants.Length; i++)
            await tenants[i].SettleAsync(Scene.AccessKey, Scene.SecretKey, store.Endpoint, Scene.Bucket, fleet.Clusters[i].Kubeconfig);
        await using var honest = new Honest([.. tenants[..^1]]);
        await honest.StartAsync();
        await fleet.Clusters[3].Stork.StopAsync();
        var scene = new Scene
        {
            Options = options, Target = target, Honest = honest, Store = store.Store, Administrator = administrator, Attacker = tenants[^1], Cluster = fleet.Clusters[3], HostileStore = hostileStore,
        };
        await Task.Delay(TimeSpan.FromSeconds(options.IsShort ? 5 : 10), cancellationToken);
        honest.Take();
        var quiet = await MeasureAsync(new Attack("quiet", "nobody attacks", async (_, stop) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(options.IsShort ? 10 : 30), stop);
            return [];
        }), scene, null, cancellationToken);
        Say(quiet);
        var results = new List<AttackResult> { quiet };
        foreach (var attack in Attack.All.Where(attack => options.Only.Length == 0 || attack.Name == options.Only))
        {
            results.Add(await MeasureAsync(attack, scene, quiet, cancellationToken));
            Say(results[^1]);
            if (target.Program.HasEnded)
                break;
        }

        return new HostileSummary { HeapMib = options.Heap, IsShort = options.IsShort, Seconds = Math.Round(since.Elapsed.TotalSeconds), Attacks = results };
    }

    private static void Say(AttackResult result) => Console.WriteLine(HostileSummary.Row(result));

    private async Task<AttackResult> MeasureAsync(Attack attack, Scene scene, AttackResult? quiet, CancellationToken cancellationToken)
    {
        var (target, honest) = (scene.Target, scene.Honest);
        if (quiet is not null)
            await scene.Attacker.IsOnlineAsync(); // What the last attack did to the attacker's own cluster is over.
        var (before, logged, keys) = (target.Rss, target.LogBytes, scene.KeptKeys());
        honest.Take();
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var peak = PeakAsync(target, watching.Token);
        var violations = new List<string>();
        try
        {
            violations.AddRange(await attack.RunAsync(scene, cancellationToken));
        }
        catch (Exception e) when (e is RpcException or TimeoutException or InvalidOperationException or HttpRequestException)
        {
            violations.Add($"the attack itself broke off: {e.Message}");
        }

        var (reads, backups) = honest.Take();
        await watching.CancelAsync();
        var (highest, back) = (await peak, Stopwatch.StartNew());
        while (quiet is not null && !target.Program.HasEnded && target.Rss > Math.Max(before, quiet.RssAfter) + SpareMib && back.Elapsed < MemoryBack)
            await Task.Delay(1000, cancellationToken);
        var (p50, p99) = (Percentiles.Of(reads.Select(read => read.Took), 0.5), Percentiles.Of(reads.Select(read => read.Took), 0.99));
        var ratio = quiet is null ? 1 : p99.TotalMilliseconds / Math.Max(1, quiet.P99Milliseconds);
        if (target.Program.HasEnded)
            violations.Add($"the server ended with code {target.Program.ExitCode}: {target.Program.LastLines(3)}");
        else
            violations.AddRange(await honest.ChangedAsync());
        violations.AddRange(reads.Where(read => read.Error.Length > 0).GroupBy(read => read.Error).Select(group => $"{group.Count()} of {reads.Count} reads of honest tenants failed: {group.Key}"));
        violations.AddRange(backups.Select(backup => $"backup of an honest tenant: {backup}"));
        if (keys.Except(scene.KeptKeys()).Any())
            violations.Add("files of honest tenants are gone");
        if (ratio > WorstRatio && p99 > Unnoticed)
            violations.Add(string.Create(CultureInfo.InvariantCulture, $"reads of honest tenants took p99 {p99.TotalMilliseconds:0} ms, {ratio:0.0} times what they take when it is quiet"));
        if (quiet is not null && back.Elapsed >= MemoryBack)
            violations.Add($"after {MemoryBack.TotalMinutes:0} minutes {target.Rss} MiB are still taken, {before} MiB before");
        return new AttackResult
        {
            Name = attack.Name, What = attack.What, Reads = reads.Count, Failed = reads.Count(read => read.Error.Length > 0), P50Milliseconds = Rounded(p50), P99Milliseconds = Rounded(p99), Ratio = Math.Round(ratio, 1),
            RssBefore = before, RssPeak = highest, RssAfter = target.Rss, BackAfterSeconds = Math.Round(back.Elapsed.TotalSeconds), LoggedKib = (target.LogBytes - logged) / 1024, Violations = violations,
        };
    }

    private static double Rounded(TimeSpan time) => Math.Round(time.TotalMilliseconds, 1);

    private static async Task<long> PeakAsync(Target target, CancellationToken cancellationToken)
    {
        var peak = 0L;
        while (!cancellationToken.IsCancellationRequested)
        {
            peak = Math.Max(peak, target.Rss);
            await Task.WhenAny(Task.Delay(200, cancellationToken));
        }

        return peak;
    }
}
