using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PxBackup.FleetSimulator;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>ApplicationBackupSchedules with an interval policy do what real Stork was recorded doing with sched-1 and its backups.</summary>
public sealed partial class Schedules_in_the_simulator : IAsyncLifetime
{
    private const string Schedules = "applicationbackupschedules.stork.libopenstorage.org";

    private readonly JsonNode _recorded = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "FleetSimulator", "Schedules", "sched-1.json")))!;
    private RunningBuckets _store = null!;
    private SimulatedFleet _fleet = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await RunningBuckets.StartAsync(Cancellation);
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { StorkSpeed = 50 }, Cancellation);
        Given.Location(Cluster, _store, "s3-good");
        Cluster.Objects.Create(_recorded["policy"]!.DeepClone().AsObject());
    }

    public async ValueTask DisposeAsync()
    {
        await _fleet.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task The_items_come_and_go_as_recorded()
    {
        var expected = _recorded["rows"]!.AsArray().Select(r => r!.ToString()).ToList();
        await using var watched = await WatchedRows.StartAsync(Cluster, Schedules, "kube-system", "sched-1", Cancellation);

        Cluster.Objects.Create(_recorded["create"]!.DeepClone().AsObject());

        var (rows, names, last) = (new List<string>(), new List<string>(), new JsonObject());
        while (rows.LastOrDefault() != expected[^1])
        {
            last = await watched.NextAsync(Given.Patience, Cancellation);
            var row = RowOf(last, names);
            if (row.Length > 0 && row != rows.LastOrDefault()) rows.Add(row);
        }

        Assert.Equal(expected, rows);
        Assert.All(names, n => Assert.Matches(BackupName(), n));
        Assert.True(JsonNode.DeepEquals(_recorded["annotations"], last["metadata"]!["annotations"]), last["metadata"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(_recorded["spec"], last["spec"]), last["spec"]!.ToJsonString());
        await Given.GoneAsync(Cluster, Given.Backups, names[0], Cancellation);
        await Given.GoneAsync(Cluster, Given.Backups, names[1], Cancellation);
        Assert.NotNull(Cluster.Objects.Find(Given.Backups, "kube-system", names[2]));
        Assert.DoesNotContain(_store.Objects.Keys, k => k.Contains(names[0], StringComparison.Ordinal));
        Assert.Contains(Cluster.Objects.List("events", "kube-system"), e => e["message"]!.ToString() == _recorded["event"]!.ToString().Replace("NAME", names[0], StringComparison.Ordinal) && e["type"]!.ToString() == "Normal");
    }

    [Fact]
    public async Task A_scheduled_backup_is_made_and_runs_as_recorded()
    {
        var expected = _recorded["backup"]!;
        var before = Cluster.Objects.ResourceVersion;
        var schedule = Cluster.Objects.Create(_recorded["create"]!.DeepClone().AsObject());
        var name = await FirstBackupAsync("sched-1");

        var final = await Given.FinalAsync(Cluster, Given.Backups, name, Cancellation);

        Assert.True(JsonNode.DeepEquals(expected["annotations"], final["metadata"]!["annotations"]), final["metadata"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(expected["spec"], final["spec"]), final["spec"]!.ToJsonString());
        var owner = final["metadata"]!["ownerReferences"]![0]!.DeepClone().AsObject();
        Assert.Equal(schedule["metadata"]!["uid"]!.ToString(), owner["uid"]!.ToString());
        owner.Remove("uid");
        Assert.True(JsonNode.DeepEquals(expected["owner"], owner), owner.ToJsonString());
        var rows = expected["rows"]!.AsArray().Select(r => r!.ToString()).ToArray();
        await using var watched = await WatchedRows.StartAsync(Cluster, Given.Backups, "kube-system", name, Cancellation, before);
        Assert.Equal(rows, await watched.UntilAsync(rows[^1], final["metadata"]!["uid"]!.ToString(), Given.Patience, Cancellation));
        Assert.Equal(expected["resources"]!.AsArray().Select(r => r!.ToString()), final["status"]!["resources"]!.AsArray().Select(r => $"{r!["kind"]} {r["namespace"]}/{r["name"]}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_suspended_schedule_and_one_without_its_policy_make_no_backup()
    {
        var suspended = _recorded["create"]!.DeepClone().AsObject();
        (suspended["metadata"]!["name"], suspended["spec"]!["suspend"]) = ("suspended", true);
        var lost = _recorded["create"]!.DeepClone().AsObject();
        (lost["metadata"]!["name"], lost["spec"]!["schedulePolicyName"]) = ("lost", "no-such-policy");
        Cluster.Objects.Create(suspended);

        var uid = Cluster.Objects.Create(lost)["metadata"]!["uid"]!.ToString();

        await Events.WaitForAsync(Cluster, "kube-system", uid, "Error checking if backup should be triggered: schedulepolicy no-such-policy not found in cache", 3, Given.Patience, Cancellation);
        Assert.Empty(Cluster.Objects.List(Given.Backups));
        Cluster.Objects.Patch(Schedules, "kube-system", "suspended", Given.Json("""{"spec":{"suspend":false} }"""));
        await FirstBackupAsync("suspended");
    }

    [Fact]
    public async Task Backups_go_with_the_schedule_that_owns_them()
    {
        Cluster.Objects.Create(_recorded["create"]!.DeepClone().AsObject());
        var name = await FirstBackupAsync("sched-1");

        Cluster.Objects.Delete(Schedules, "kube-system", "sched-1");

        await Given.GoneAsync(Cluster, Given.Backups, name, Cancellation);
    }

    private async Task<string> FirstBackupAsync(string schedule)
    {
        var all = await Cluster.Objects.WaitForListAsync(Given.Backups, "kube-system", l => l.Any(Mine), $"made by {schedule}", Given.Patience, Cancellation);
        return all.First(Mine)["metadata"]!["name"]!.ToString();

        bool Mine(JsonObject backup) => backup["metadata"]!["name"]!.ToString().StartsWith(schedule + "-interval-", StringComparison.Ordinal);
    }

    /// <summary>Backups by their order; what Stork sees of one under way depends on when it looks.</summary>
    private static string RowOf(JsonObject schedule, List<string> names)
    {
        var items = schedule["status"]?["items"]?["Interval"]?.AsArray() ?? [];
        foreach (var name in items.Select(i => i!["name"]!.ToString()).Where(n => !names.Contains(n)).ToList()) names.Add(name);
        return string.Join(", ", items.Select(i => $"{names.IndexOf(i!["name"]!.ToString()) + 1} {(i["finishTimestamp"] is null ? "running" : i["status"]!.ToString())}"));
    }

    [GeneratedRegex(@"^sched-1-interval-\d{4}-\d\d-\d\d-\d{6}$")]
    private static partial Regex BackupName();
}
