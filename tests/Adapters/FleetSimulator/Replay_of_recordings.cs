using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Stork;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The simulator does what real Stork was recorded doing: the same rows, the same final object, the same Events, the same files.</summary>
public sealed class Replay_of_recordings
{
    private const string Backups = "applicationbackups.stork.libopenstorage.org";
    private const string Restores = "applicationrestores.stork.libopenstorage.org";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Recordings => Recording.Names;

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task The_simulator_repeats_what_was_recorded(string name)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var store = await RunningBuckets.StartAsync(cancellation);
        var nfs = new NfsServers();
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions { StorkSpeed = 50, Nfs = nfs }, cancellation);
        var cluster = fleet.Clusters[0];
        var recording = Recording.Read(name, store.Endpoint);
        cluster.Faults.RuleCommandsFail = recording.CommandsFail;
        PrepareBucket(store, recording);
        foreach (var given in recording.Given) await GiveAsync(cluster, given, cancellation);
        var (resource, ns, item) = (ResourceOf(recording.Create), recording.Create["metadata"]!["namespace"]!.ToString(), recording.Create["metadata"]!["name"]!.ToString());
        await using var rows = await WatchedRows.StartAsync(cluster, resource, ns, item, cancellation);

        var created = cluster.Objects.Create(recording.Create);

        var uid = created["metadata"]!["uid"]!.ToString();
        if (recording.Crash) await CrashAsync(cluster, resource, ns, item, cancellation);
        var final = await cluster.Objects.WaitForAsync(resource, ns, item, o => RowOf(o, uid) == recording.Rows[^1] && Settled(recording, o!), $"at its last row '{recording.Rows[^1]}'", Patience, cancellation);
        await WaitForWarningsAsync(cluster, recording, uid, ns, cancellation);
        Assert.Equal(recording.Rows, await rows.UntilAsync(recording.Rows[^1], uid, Patience, cancellation));
        AssertSame(recording.Final, Comparable(final!, uid));
        Assert.Equal(recording.Files.Select(f => $"{ns}/{item}/{uid}/{f}").Order(StringComparer.Ordinal), FilesOf(store, nfs, uid));
        if (recording.Deleted) await DeleteAsync(cluster, () => FilesOf(store, nfs, uid), recording, resource, ns, item, cancellation);
    }

    internal static string RowOf(JsonObject? item, string uid) => item?["status"] is { } s ? StoreText.Plain($"{s["stage"]} | {s["status"]} | {s["reason"]}", uid) : "";

    private static string ResourceOf(JsonObject body) => body["kind"]!.ToString() switch { "ApplicationBackup" => Backups, "ApplicationRestore" => Restores, var other => other };

    /// <summary>A stage can have several writes that look the same as a row; the last of them is the one that was recorded last.</summary>
    private static bool Settled(Recording recording, JsonObject item) =>
        recording.Final["status"]!["resourceCount"]!.ToString() == item["status"]!["resourceCount"]!.ToString()
        && (recording.Final["status"]!["triggerTimestamp"] is null) == (item["status"]!["triggerTimestamp"] is null);

    private static async Task GiveAsync(SimulatedCluster cluster, JsonObject given, CancellationToken cancellation)
    {
        cluster.Objects.Create(given);
        if (ResourceOf(given) is not (Backups or Restores)) return;
        await cluster.Objects.WaitForAsync(ResourceOf(given), given["metadata"]!["namespace"]!.ToString(), given["metadata"]!["name"]!.ToString(), o => o?["status"]?["stage"]?.ToString() == "Final", "Final", Patience, cancellation);
    }

    /// <summary>The recorded bucket existed before; only the cases of a new or an impossible bucket begin without.</summary>
    private static void PrepareBucket(RunningBuckets store, Recording recording)
    {
        foreach (var path in recording.Given.Select(g => g["location"]?["path"]?.ToString()).Where(p => p is "pxb-bucket")) store.CreateBucket(path!);
    }

    private static async Task CrashAsync(SimulatedCluster cluster, string resource, string ns, string item, CancellationToken cancellation)
    {
        await cluster.Objects.WaitForAsync(resource, ns, item, o => o?["status"]?["resourceCount"]?.ToString() == "15", "uploading", Patience, cancellation);
        await cluster.Stork.StopAsync();
        Assert.NotEqual("Final", cluster.Objects.Find(resource, ns, item)!["status"]!["stage"]!.ToString());
        cluster.Stork.Start();
    }

    private static async Task WaitForWarningsAsync(SimulatedCluster cluster, Recording recording, string uid, string ns, CancellationToken cancellation)
    {
        foreach (var warning in recording.Warnings)
        {
            // What never ends is reported again and again.
            var repeats = recording.Rows[^1].StartsWith("Final", StringComparison.Ordinal) || warning.StartsWith("error ", StringComparison.Ordinal) && recording.Rows.Length > 1 || warning.StartsWith("Error backing up volumes", StringComparison.Ordinal) ? 1 : 2;
            await Events.WaitForAsync(cluster, ns, uid, warning, repeats, Patience, cancellation);
        }

        Assert.Equal(recording.Warnings, Events.Warnings(cluster, ns, uid).Where(w => !w.Contains("already exists", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    private static async Task DeleteAsync(SimulatedCluster cluster, Func<string[]> files, Recording recording, string resource, string ns, string item, CancellationToken cancellation)
    {
        var retained = recording.Final["spec"]!["reclaimPolicy"]?.ToString() == "Retain" || recording.OnNfs ? files() : [];

        cluster.Objects.Delete(resource, ns, item);

        await cluster.Objects.WaitForAsync(resource, ns, item, o => o is null, "gone", Patience, cancellation);
        Assert.Equal(retained, files());
    }

    /// <summary>Without the bucket, or the server, export and folder.</summary>
    private static string[] FilesOf(RunningBuckets store, NfsServers nfs, string uid) =>
        [.. store.Objects.Keys.Select(k => k[(k.IndexOf('/') + 1)..]).Concat(nfs.Paths.Select(Recording.BelowNfsFolder)).Where(k => k.Contains(uid, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>Spec and status as the recordings keep them: the uid and the times are not the same ones.</summary>
    private static JsonObject Comparable(JsonObject item, string uid)
    {
        var text = StoreText.Plain(new JsonObject { ["spec"] = item["spec"]!.DeepClone(), ["status"] = item["status"]!.DeepClone() }.ToJsonString(), uid);
        var comparable = JsonNode.Parse(text)!.AsObject();
        foreach (var field in comparable["status"]!.AsObject().Where(f => f.Key.EndsWith("Timestamp", StringComparison.Ordinal) && f.Value is not null).Select(f => f.Key).ToList()) comparable["status"]![field] = "SET";
        return comparable;
    }

    private static void AssertSame(JsonObject expected, JsonObject actual)
    {
        // Stork lists resources in the order in which discovery happened to answer.
        Assert.Equal(Sorted(expected), Sorted(actual));

        static string Sorted(JsonObject body)
        {
            var copy = body.DeepClone();
            if (copy["status"]!["resources"] is JsonArray resources) copy["status"]!["resources"] = new JsonArray([.. resources.Select(r => Canonical(r)).OrderBy(r => r!.ToJsonString(), StringComparer.Ordinal)]);
            return Canonical(copy)!.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
        }
    }

    private static JsonNode? Canonical(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject([.. o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Canonical(p.Value)))]),
        JsonArray a => new JsonArray([.. a.Select(Canonical)]),
        _ => node?.DeepClone(),
    };
}
