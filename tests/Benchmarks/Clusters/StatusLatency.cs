using System.Diagnostics;
using System.Text.Json.Nodes;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;

namespace PxBackup.Benchmarks.Clusters;

/// <summary>
/// From a change that really happened on a cluster (the simulator's log, on the machine's monotonic clock) to the first
/// <c>Backup/Inspect</c> that shows it (goal P5: p50 at most 15 ms, p99 at most 100 ms). Arguments: idle clusters beside (default 1000),
/// backups (default 70, about three changes each).
/// </summary>
internal static class StatusLatency
{
    private const int Busy = 4;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static async Task RunAsync(string[] args)
    {
        var idle = args.Length > 0 ? int.Parse(args[0]) : 1_000;
        var backups = args.Length > 1 ? int.Parse(args[1]) : 70;
        using var scratch = new Scratch();
        await using var fleet = await Fleet.StartAsync(Math.Max(idle, Busy), storkSpeed: 5);
        await using var product = await Product.StartAsync(scratch.Folder("data"));
        await product.SignInAsync();
        var clusters = await fleet.RegisterAsync(product, 1, Math.Max(idle, Busy));
        await Fleet.OnlineAsync(product, clusters.Length);
        var location = await fleet.LocationAsync(product);
        await Task.Delay(TimeSpan.FromSeconds(10));
        // The first ones of a process are its warm-up.
        await Task.WhenAll(Enumerable.Range(0, Busy).Select(lane => FollowAsync(fleet, product, clusters[lane], location, $"warm-up-{lane}", [])));

        List<Change> changes = [];
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Busy).Select(async lane =>
        {
            for (var i = Interlocked.Increment(ref next); i < backups; i = Interlocked.Increment(ref next))
                await FollowAsync(fleet, product, clusters[lane], location, $"backup-{i}", changes);
        }));

        var results = new Results("status", "change", "changes", "p50 ms", "p90 ms", "p99 ms", "most ms");
        foreach (var kind in changes.GroupBy(change => change.To).OrderBy(kind => kind.Key))
            Row(results, $"to {kind.Key}", kind);
        Row(results, "terminal", changes.Where(change => change.To == Stage.Final));
        Row(results, "all", changes);
        results.Print($"{clusters.Length} clusters watched, {Busy} of them busy with one backup each; Inspect every {PollInterval.TotalMilliseconds} ms and its own time are in the figures; Stork 5 times as fast as recorded");
    }

    private static void Row(Results results, string what, IEnumerable<Change> changes)
    {
        double[] sorted = [.. changes.Select(change => change.Milliseconds).Order()];
        if (sorted.Length > 0)
            results.Row(what, sorted.Length, At(0.5), At(0.9), At(0.99), sorted[^1]);

        double At(double part) => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * part))];
    }

    private static async Task FollowAsync(Fleet fleet, Product product, ObjectRef cluster, ObjectRef location, string name, List<Change> changes)
    {
        var client = new Backup.BackupClient(product.Channel);
        var made = (await client.CreateAsync(Fleet.BackupOf(cluster, location, name), product.Headers)).Backup;
        var seen = new Dictionary<Stage, long>();
        var request = new BackupInspectRequest { OrgId = Fleet.Org, Name = name, Uid = made.Metadata.Uid };
        var since = Stopwatch.GetTimestamp();
        BackupObject shown;
        do
        {
            await Task.Delay(PollInterval);
            shown = (await client.InspectAsync(request, product.Headers)).Backup;
            var now = Stopwatch.GetTimestamp();
            seen.TryAdd(shown.BackupInfo.Stage, now);
            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new TimeoutException($"backup {name} is {shown.BackupInfo.Status.Status} in {shown.BackupInfo.Stage} after {Patience}: {shown.BackupInfo.Status.Reason}");
        }
        while (shown.BackupInfo.Status.Status is BackupStatus.Pending or BackupStatus.InProgress);
        if (shown.BackupInfo.Status.Status != BackupStatus.Success)
            throw new InvalidOperationException($"backup {name} is {shown.BackupInfo.Status.Status}: {shown.BackupInfo.Status.Reason}");

        var log = await fleet.LogAsync(cluster.Name, 0);
        foreach (var (stage, ticks) in seen)
            if (stage > Stage.Initial && FirstIn(log, shown.BackupInfo.CrName, stage) is { } happened)
                lock (changes)
                    changes.Add(new Change(stage, (ticks - happened) * 1000.0 / Stopwatch.Frequency));
    }

    private static long? FirstIn(JsonArray log, string resource, Stage stage) => log
        .Where(entry => entry!["name"]!.GetValue<string>() == resource && entry["resource"]!.GetValue<string>().StartsWith("applicationbackups.", StringComparison.Ordinal)
            && entry["stage"]?.GetValue<string>() == stage.ToString())
        .Select(entry => (long?)entry!["ticks"]!.GetValue<long>())
        .FirstOrDefault();

    private sealed record Change(Stage To, double Milliseconds);
}
