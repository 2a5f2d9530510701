using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>What the recordings show beside their rows: the bucket, deletion, sync, the namespaces that come back, volumes.</summary>
public sealed class Stork_in_the_simulator : IAsyncLifetime
{
    private RunningBuckets _store = null!;
    private SimulatedFleet _fleet = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await RunningBuckets.StartAsync(Cancellation);
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 2, StorkSpeed = 50, Applications = ["shop", "blog", "wiki"] }, Cancellation);
        Given.Location(Cluster, _store);
    }

    public async ValueTask DisposeAsync()
    {
        await _fleet.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task The_files_of_a_backup_say_what_the_recorded_ones_say()
    {
        var recorded = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "FleetSimulator", "Bucket-ok-1.json"), Cancellation))!;

        var uid = await BackUpAsync("ok-1");

        Assert.Equal("null", Encoding.UTF8.GetString(Content(uid, "crds.json")));
        var resources = JsonNode.Parse(Content(uid, "resources.json"))!.AsArray();
        Assert.Equal(recorded["resources.json"]!.AsArray().Select(Outline).Order(StringComparer.Ordinal), resources.Select(Outline).Order(StringComparer.Ordinal));
        Assert.Equal(recorded["namespaces.json"]!.AsArray().Select(n => Keys(n!)), JsonNode.Parse(Content(uid, "namespaces.json"))!.AsArray().Select(n => Keys(n!)));
        var metadata = JsonNode.Parse(Content(uid, "metadata.json"))!;
        Assert.Equal("Final Successful 15", $"{metadata["status"]!["stage"]} {metadata["status"]!["status"]} {metadata["status"]!["resourceCount"]}");
        Assert.Equal(Keys(recorded["metadata.json"]!["spec"]!), Keys(metadata["spec"]!));
        Assert.Equal(Keys(recorded["metadata.json"]!["status"]!), Keys(metadata["status"]!));
        Assert.StartsWith("[\n {\n  \"", Encoding.UTF8.GetString(Content(uid, "resources.json")), StringComparison.Ordinal);

        static string Outline(JsonNode? item) => $"{item!["apiVersion"]} {item["kind"]} {item["metadata"]!["name"]} {Keys(item)} {(item["spec"] is { } spec ? Keys(spec) : "")}";
    }

    [Fact]
    public async Task An_encrypted_backup_cannot_be_read_without_its_passphrase_and_is_restored_with_it()
    {
        Given.Location(Cluster, _store, "locked", passphrase: "made-up words");
        Cluster.Objects.Create(Given.Backup("locked-1", location: "locked"));
        var final = await Given.FinalAsync(Cluster, Given.Backups, "locked-1", Cancellation);
        Assert.DoesNotContain("shop", Encoding.UTF8.GetString(Content(final["metadata"]!["uid"]!.ToString(), "namespaces.json")), StringComparison.Ordinal);

        Cluster.Objects.Create(Given.Restore("r", "locked-1", """ "namespaceMapping":{"shop":"shop-2"},"replacePolicy":"Retain" """));

        Assert.Equal("Successful", (await Given.FinalAsync(Cluster, Given.Restores, "r", Cancellation))["status"]!["status"]!.ToString());
        Assert.Equal("blue", Cluster.Objects.Find("configmaps", "shop-2", "shop-config")!["data"]!["color"]!.ToString());
        Assert.Equal("shop-2", Cluster.Objects.Find("rolebindings.rbac.authorization.k8s.io", "shop-2", "shop-rb")!["subjects"]![0]!["namespace"]!.ToString());
    }

    [Fact]
    public async Task A_backup_whose_location_is_gone_loses_its_finalizer_but_leaves_its_files()
    {
        var uid = await BackUpAsync("orphan");
        Cluster.Objects.Delete(Given.Locations, "kube-system", "s3");

        Cluster.Objects.Delete(Given.Backups, "kube-system", "orphan");

        await Given.GoneAsync(Cluster, Given.Backups, "orphan", Cancellation);
        Assert.Equal(4, _store.Objects.Keys.Count(k => k.Contains(uid, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_backup_is_deleted_with_its_four_files()
    {
        var uid = await BackUpAsync("gone");

        Cluster.Objects.Delete(Given.Backups, "kube-system", "gone");

        await Given.GoneAsync(Cluster, Given.Backups, "gone", Cancellation);
        Assert.DoesNotContain(_store.Objects.Keys, k => k.Contains(uid, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retained_objects_are_kept_and_said_to_be()
    {
        await BackUpAsync("kept");
        Cluster.Objects.Patch("configmaps", "shop", "shop-config", Given.Json("""{"data":{"color":"red"}}"""));

        Cluster.Objects.Create(Given.Restore("r-retain", "kept", """ "namespaceMapping":{"shop":"shop","blog":"blog"},"replacePolicy":"Retain" """));

        var status = (await Given.FinalAsync(Cluster, Given.Restores, "r-retain", Cancellation))["status"]!;
        Assert.Equal("PartialSuccess", status["status"]!.ToString());
        Assert.Equal(13, status["resources"]!.AsArray().Count(r => r!["status"]!.ToString() == "Retained"));
        Assert.Equal("red", Cluster.Objects.Find("configmaps", "shop", "shop-config")!["data"]!["color"]!.ToString());
    }

    [Fact]
    public async Task A_finished_restore_brings_its_namespaces_back_until_it_is_deleted()
    {
        await BackUpAsync("b");
        Cluster.Objects.Create(Given.Restore("r", "b", """ "namespaceMapping":{"shop":"shop-2"},"replacePolicy":"Retain" """));
        await Given.FinalAsync(Cluster, Given.Restores, "r", Cancellation);
        var first = Cluster.Objects.Find("namespaces", "", "shop-2")!["metadata"]!["uid"]!.ToString();

        Cluster.Objects.Delete("namespaces", "", "shop-2");

        await Cluster.Objects.WaitForAsync("namespaces", "", "shop-2", n => n is not null && n["metadata"]!["uid"]!.ToString() != first, "back", Given.Patience, Cancellation);
        Assert.Null(Cluster.Objects.Find("configmaps", "shop-2", "shop-config"));
        Cluster.Objects.Delete(Given.Restores, "kube-system", "r");
        await Given.GoneAsync(Cluster, Given.Restores, "r", Cancellation);
        Cluster.Objects.Delete("namespaces", "", "shop-2");
        Assert.Null(Cluster.Objects.Find("namespaces", "", "shop-2"));
    }

    [Fact]
    public async Task Another_cluster_finds_the_backup_in_the_bucket_and_restores_from_it_once_a_location_of_the_same_name_exists()
    {
        var other = _fleet.Clusters[1];
        await BackUpAsync("travels");

        Given.Location(other, _store, "elsewhere", sync: true);

        var found = (await other.Objects.WaitForListAsync(Given.Backups, "kube-system", all => all.Count == 1, "synced", Given.Patience, Cancellation))[0];
        var name = found["metadata"]!["name"]!.ToString();
        Assert.Matches(@"^travels-\d{4}-\d{2}-\d{2}-\d{6}$", name);
        Assert.Equal("Retain s3 Final", $"{found["spec"]!["reclaimPolicy"]} {found["spec"]!["backupLocation"]} {found["status"]!["stage"]}");
        var restore = other.Objects.Create(Given.Restore("r", name, """ "namespaceMapping":{"shop":"shop-dr","blog":"blog-dr"} """));
        await Events.WaitForAsync(other, "kube-system", restore["metadata"]!["uid"]!.ToString(), "backuplocations.stork.libopenstorage.org \"s3\" not found", 2, Given.Patience, Cancellation);
        Given.Location(other, _store);
        Assert.Equal("Successful", (await Given.FinalAsync(other, Given.Restores, "r", Cancellation))["status"]!["status"]!.ToString());
    }

    [Fact]
    public async Task A_volume_that_fails_makes_a_partial_success_and_stays_out_of_the_files()
    {
        Cluster.Faults.FailingVolumes["wiki/data-database-1"] = "snapshot failed as it was told to";

        var uid = await BackUpAsync("volumes", """ "namespaces":["wiki"] """);

        var status = Cluster.Objects.Find(Given.Backups, "kube-system", "volumes")!["status"]!;
        Assert.Equal("PartialSuccess 1 1073741824", $"{status["status"]} {status["failedVolCount"]} {status["totalSize"]}");
        Assert.Equal(["Successful", "Failed"], status["volumes"]!.AsArray().Select(v => v!["status"]!.ToString()));
        Assert.DoesNotContain("data-database-1", Encoding.UTF8.GetString(Content(uid, "resources.json")), StringComparison.Ordinal);
        Cluster.Objects.Create(Given.Restore("r", "volumes", """ "namespaceMapping":{"wiki":"wiki-2"},"replacePolicy":"Retain" """));
        var restored = (await Given.FinalAsync(Cluster, Given.Restores, "r", Cancellation))["status"]!;
        Assert.Equal("Successful", restored["volumes"]![0]!["status"]!.ToString());
        Assert.Equal(restored["volumes"]![0]!["restoreVolume"]!.ToString(), Cluster.Objects.Find("persistentvolumeclaims", "wiki-2", "data-database-0")!["spec"]!["volumeName"]!.ToString());
    }

    [Fact]
    public async Task All_volumes_failing_fails_the_backup()
    {
        Cluster.Faults.FailingVolumes["*"] = "no space left";

        await BackUpAsync("volumes", """ "namespaces":["wiki"] """);

        Assert.Equal("Failed Volume backups failed", $"{Cluster.Objects.Find(Given.Backups, "kube-system", "volumes")!["status"]!["status"]} {Cluster.Objects.Find(Given.Backups, "kube-system", "volumes")!["status"]!["reason"]}");
    }

    [Fact]
    public async Task A_large_list_of_resources_is_left_out_but_counted()
    {
        Cluster.Objects.Patch("configmaps", "kube-system", "stork-controller-config", Given.Json("""{"data":{"large-resource-size-limit":"1500"}}"""));

        await BackUpAsync("large");

        var status = Cluster.Objects.Find(Given.Backups, "kube-system", "large")!["status"]!;
        Assert.Equal("15 true 0", $"{status["resourceCount"]} {status["largeResourceEnabled"]!.ToJsonString()} {status["resources"]!.AsArray().Count}");
    }

    [Fact]
    public async Task A_backup_whose_commit_mark_cannot_be_written_is_tried_again_until_it_can()
    {
        Cluster.Faults.MetadataUploadFails = true;
        var backup = Cluster.Objects.Create(Given.Backup("retried"));
        var uid = backup["metadata"]!["uid"]!.ToString();
        await Cluster.Objects.WaitForListAsync("events", "kube-system", all => all.Any(e => e["involvedObject"]!["uid"]!.ToString() == uid && e["count"]!.GetValue<int>() > 1), "tried twice", Given.Patience, Cancellation);
        Assert.Equal("Applications", Cluster.Objects.Find(Given.Backups, "kube-system", "retried")!["status"]!["stage"]!.ToString());

        Cluster.Faults.MetadataUploadFails = false;

        Assert.Equal("Successful", (await Given.FinalAsync(Cluster, Given.Backups, "retried", Cancellation))["status"]!["status"]!.ToString());
    }

    private async Task<string> BackUpAsync(string name, string spec = """ "namespaces":["shop","blog"] """)
    {
        Cluster.Objects.Create(Given.Backup(name, spec));
        return (await Given.FinalAsync(Cluster, Given.Backups, name, Cancellation))["metadata"]!["uid"]!.ToString();
    }

    private byte[] Content(string uid, string file) => _store.Objects.Single(o => o.Key.Contains(uid, StringComparison.Ordinal) && o.Key.EndsWith(file, StringComparison.Ordinal)).Value;

    private static string Keys(JsonNode node) => string.Join(',', node.AsObject().Select(p => p.Key).Order(StringComparer.Ordinal));
}
