using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Stork;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>What belongs to a backup location on NFS beside the recorded rows: objects in the cluster, files, restores, mistakes.</summary>
public sealed class Stork_with_NFS_in_the_simulator : IAsyncLifetime
{
    private const string Folder = "nfs.example/exports/backups/pxb";

    private readonly NfsServers _nfs = new();
    private SimulatedFleet _fleet = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _fleet = await SimulatedFleet.StartAsync(new FleetOptions { StorkSpeed = 50, Nfs = _nfs }, Cancellation);

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task The_objects_of_a_backup_stay_until_it_is_deleted_and_its_files_for_ever()
    {
        Location();
        var backup = await BackUpAsync("b");
        var name = $"nfs-backup-{Uid(backup)[..7]}-kube-system";
        Assert.Equal(Expected(name), Present(name));
        var container = Job(name)["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal($"/nfsexecutor backup --app-cr-name b --backup-namespace kube-system --rb-cr-name {name} --rb-cr-namespace kube-system", container["command"]![3]!.ToString());
        Assert.Contains("nfsexecutor", container["image"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal("1", Job(name)["status"]!["succeeded"]!.ToString());
        Assert.Equal(Job(name)["metadata"]!["uid"]!.ToString(), Job(name)["spec"]!["selector"]!["matchLabels"]!["batch.kubernetes.io/controller-uid"]!.ToString());
        Assert.Equal("Final Successful", StatusOf("resourceexports.kdmp.portworx.com", name));

        Cluster.Objects.Delete(Given.Backups, "kube-system", "b");
        await Given.GoneAsync(Cluster, Given.Backups, "b", Cancellation);

        Assert.Empty(Present(name));
        Assert.Equal(5, _nfs.Paths.Count(p => p.StartsWith($"{Folder}/kube-system/b/{Uid(backup)}/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_files_say_what_the_recorded_ones_say()
    {
        Location();

        var backup = await BackUpAsync("b");

        var files = $"{Folder}/kube-system/b/{Uid(backup)}";
        Assert.Equal("""{"volumeSnapshots":{},"volumeSnapshotContents":{},"volumeSnapshotClasses":{},"V1VolumeSnapshotRequired":false}""", Text($"{files}/snapshots.json"));
        Assert.Equal(["metadata", "spec", "status"], JsonNode.Parse(Text($"{files}/metadata.json"))!.AsObject().Select(f => f.Key));
        Assert.Equal("Successful", JsonNode.Parse(Text($"{files}/metadata.json"))!["status"]!["status"]!.ToString());
        Assert.Equal(15, JsonNode.Parse(Text($"{files}/resources.json"))!.AsArray().Count);
    }

    [Fact]
    public async Task A_missing_Secret_leaves_the_failed_Job_in_the_cluster_and_no_file()
    {
        Location(secret: false);

        var backup = await BackUpAsync("b");

        var name = $"nfs-backup-{Uid(backup)[..7]}-kube-system";
        Assert.Equal("Failed", backup["status"]!["status"]!.ToString());
        Assert.Equal(Expected(name), Present(name));
        Assert.Equal("1", Job(name)["status"]!["active"]!.ToString());
        Assert.Equal("Final Failed", StatusOf("resourceexports.kdmp.portworx.com", name));
        Assert.Empty(_nfs.Paths);
    }

    [Fact]
    public async Task A_Secret_that_comes_while_the_pod_is_started_again_and_again_saves_the_backup()
    {
        Location(secret: false);
        Cluster.Objects.Create(Given.Backup("b", location: "nfs-1"));
        await Cluster.Objects.WaitForListAsync("jobs.batch", "kube-system", all => all.Count > 0, "begun", Given.Patience, Cancellation);

        Secret();

        Assert.Equal("Successful", (await Given.FinalAsync(Cluster, Given.Backups, "b", Cancellation))["status"]!["status"]!.ToString());
    }

    [Fact]
    public async Task With_an_inline_passphrase_no_Secret_is_needed_and_the_files_are_encrypted()
    {
        Location(secret: false, passphrase: "made-up words");
        var backup = await BackUpAsync("b");
        Assert.DoesNotContain("shop", Text($"{Folder}/kube-system/b/{Uid(backup)}/namespaces.json"), StringComparison.Ordinal);

        var restore = await RestoreAsync("r");

        Assert.Equal("Successful", restore["status"]!["status"]!.ToString());
        Assert.NotNull(Cluster.Objects.Find("deployments.apps", "shop-2", "shop-web"));
    }

    [Fact]
    public async Task The_objects_of_a_restore_go_with_its_end_and_its_namespaces_do_not_come_back()
    {
        Location();
        await BackUpAsync("b");
        var restore = Cluster.Objects.Create(Restore("r"));
        var name = $"nfs-restore-resource-{Uid(restore)[..7]}-kube-system";
        await Given.FinalAsync(Cluster, Given.Restores, "r", Cancellation);
        await Cluster.Objects.WaitForAsync("resourceexports.kdmp.portworx.com", "kube-system", name, o => o is null, "gone", Given.Patience, Cancellation);
        Cluster.Objects.Delete("namespaces", "", "shop-2");

        // The last thing that Stork does with such a restore; with a bucket the namespace would come back after it.
        await Events.WaitForAsync(Cluster, "kube-system", Uid(restore), Conflict("r"), 1, Given.Patience, Cancellation);

        Assert.Empty(Present(name));
        Assert.Equal(Expected(name), Written(name, "ADDED"));
        Assert.Equal(Expected(name), Written(name, "DELETED"));
        var log = Cluster.Log.Since();
        Assert.True(log.First(e => e.Uid == Uid(restore) && e.Stage == "Final").Index < log.First(e => e.Change == "DELETED" && e.Name == name).Index, "The objects went before the end.");
        Assert.Null(Cluster.Objects.Find("namespaces", "", "shop-2"));
        Assert.DoesNotContain(Cluster.Objects.List("events", "kube-system"), e => e["involvedObject"]!["uid"]!.ToString() == Uid(restore) && e["type"]!.ToString() == "Normal");
    }

    [Fact]
    public async Task A_restore_of_a_backup_whose_files_are_gone_fails()
    {
        Location();
        await BackUpAsync("b");
        foreach (var path in _nfs.Paths) Assert.True(_nfs.Remove(path));

        var restore = await RestoreAsync("r");

        Assert.Equal("Failed", restore["status"]!["status"]!.ToString());
        Assert.StartsWith($"Error restoring resources: kube-system/nfs-restore-resource-{Uid(restore)[..7]}-kube-system transfer job failed: ", restore["status"]!["reason"]!.ToString(), StringComparison.Ordinal);
        Assert.Null(Cluster.Objects.Find("namespaces", "", "shop-2"));
    }

    [Fact]
    public async Task A_backup_goes_on_after_Stork_was_killed_in_the_middle()
    {
        // Slow enough to be killed between the Job and the end.
        await _fleet.DisposeAsync();
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { StorkSpeed = 5, Nfs = _nfs }, Cancellation);
        Location();
        var uid = Uid(Cluster.Objects.Create(Given.Backup("b", location: "nfs-1")));
        await Cluster.Objects.WaitForAsync("jobs.batch", "kube-system", $"nfs-backup-{uid[..7]}-kube-system", o => o is not null, "begun", Given.Patience, Cancellation);
        await Cluster.Stork.StopAsync();
        Assert.NotEqual("Final", Cluster.Objects.Find(Given.Backups, "kube-system", "b")!["status"]!["stage"]!.ToString());

        Cluster.Stork.Start();

        Assert.Equal("Successful", (await Given.FinalAsync(Cluster, Given.Backups, "b", Cancellation))["status"]!["status"]!.ToString());
    }

    [Theory]
    [InlineData("../../elsewhere")]
    [InlineData("a\\b")]
    public async Task A_location_that_leads_out_of_its_export_fails(string path)
    {
        Location(path: path);

        var backup = await BackUpAsync("b");

        Assert.Contains("is no file of an NFS server", backup["status"]!["reason"]!.ToString(), StringComparison.Ordinal);
        Assert.Empty(_nfs.Paths);
    }

    [Fact]
    public void Names_are_cut_to_63_characters()
    {
        var owner = Given.Json($$"""{"metadata":{"uid":"122a67d7-e61a-450e-b305-38a47c59ff15","namespace":"{{new string('n', 60)}}"} }""");

        Assert.Equal("nfs-backup-122a67d-" + new string('n', 44), NfsJob.NameOf(owner, NfsBackup.NamePrefix));
    }

    [Fact]
    public void Servers_with_a_folder_keep_their_files_there()
    {
        var folder = Directory.CreateTempSubdirectory("nfs-").FullName;
        try
        {
            new NfsServers(folder).Write("server/export/a/b.json", [1, 2]);

            var again = new NfsServers(folder);

            Assert.Equal(["server/export/a/b.json"], again.Paths);
            Assert.Equal([1, 2], again.Content("server//export/a/b.json")!);
            Assert.Null(again.Content("server/export/a"));
            Assert.Throws<ArgumentException>(() => again.Content("server/../../b.json"));
            Assert.True(again.Remove("server/export/a/b.json"));
            Assert.False(again.Remove("server/export/a/b.json"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Uid(JsonObject item) => item["metadata"]!["uid"]!.ToString();

    private static string Conflict(string restore) =>
        $"Error restoring resources: Operation cannot be fulfilled on applicationrestores.stork.libopenstorage.org \"{restore}\": the object has been modified; please apply your changes to the latest version and try again";

    private static JsonObject Restore(string name) => Given.Restore(name, "b", """ "namespaceMapping":{"shop":"shop-2"} """);

    private static string[] Expected(string name) =>
    [
        $"clusterrolebindings.rbac.authorization.k8s.io {name}", $"clusterroles.rbac.authorization.k8s.io {name}", $"jobs.batch {name}", $"persistentvolumeclaims pvc-{name}", $"persistentvolumes pv-{name}",
        $"resourcebackups.kdmp.portworx.com {name}", $"resourceexports.kdmp.portworx.com {name}", $"secrets cred-secret-{name}", $"serviceaccounts {name}",
    ];

    private string[] Present(string name) =>
        [.. Expected(name).Select(e => e.Split(' ')[0]).SelectMany(r => Cluster.Objects.List(r).Select(o => $"{r} {o["metadata"]!["name"]}")).Where(o => o.EndsWith(name, StringComparison.Ordinal))];

    private string[] Written(string name, string change) =>
        [.. Cluster.Log.Since().Where(e => e.Change == change && e.Name.EndsWith(name, StringComparison.Ordinal)).Select(e => $"{e.Resource} {e.Name}").Order(StringComparer.Ordinal)];

    private JsonObject Job(string name) => Cluster.Objects.Find("jobs.batch", "kube-system", name)!;

    private string StatusOf(string resource, string name) => Cluster.Objects.Find(resource, "kube-system", name)!["status"] is { } s ? $"{s["stage"]} {s["status"]}" : "";

    private string Text(string path) => Encoding.UTF8.GetString(_nfs.Content(path)!);

    private void Location(bool secret = true, string passphrase = "", string path = "pxb")
    {
        var location = Given.Json("""
            {"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"BackupLocation","metadata":{"name":"nfs-1","namespace":"kube-system"},
             "location":{"type":"nfs","nfsConfig":{"serverAddr":"nfs.example","subPath":"/exports/backups"} } }
            """);
        (location["location"]!["path"], location["location"]!["encryptionV2Key"]) = (path, passphrase);
        Cluster.Objects.Create(location);
        if (secret) Secret();
    }

    private void Secret() => Cluster.Objects.Create(Given.Json("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"nfs-1","namespace":"kube-system"},"data":{"encryptionKey":""}}"""));

    private async Task<JsonObject> BackUpAsync(string name)
    {
        Cluster.Objects.Create(Given.Backup(name, location: "nfs-1"));
        return await Given.FinalAsync(Cluster, Given.Backups, name, Cancellation);
    }

    private async Task<JsonObject> RestoreAsync(string name)
    {
        Cluster.Objects.Create(Restore(name));
        return await Given.FinalAsync(Cluster, Given.Restores, name, Cancellation);
    }
}
