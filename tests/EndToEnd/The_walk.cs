using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.Api;
using PxBackup.FleetSimulator;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;

namespace PxBackup.Tests.EndToEnd;

/// <summary>The main job: add, validate, back up, restore under another name, compare, delete.</summary>
public class The_walk(Machine machine) : IClassFixture<Machine>
{
    private static readonly string[] FourFiles = ["crds.json", "metadata.json", "namespaces.json", "resources.json"];

    [Fact]
    public async Task Walks_over_gRPC_from_the_credential_to_the_deleted_backup()
    {
        var admin = machine.Admin;
        var request = machine.BackupOf(machine.NewName("grpc"), "shop", "blog");
        var backup = await admin.TakeAsync(request);
        Assert.Equal(Stage.Final, backup.BackupInfo.Stage);
        Assert.Equal(["shop", "blog"], backup.BackupInfo.Namespaces);
        Assert.NotEmpty(backup.BackupInfo.Resources);
        Assert.Equal((ulong)backup.BackupInfo.Resources.Count, backup.BackupInfo.ResourceCount);
        Assert.Equal(Machine.ResourceOf(request.Metadata), backup.BackupInfo.CrName);
        Assert.Equal(FourFiles, machine.FilesOf(request.Metadata));

        var restoring = machine.RestoreOf(machine.NewName("grpc-restore"), backup, ("shop", "shop-by-grpc"), ("blog", "blog-by-grpc"));
        await admin.CreateAsync(restoring);
        var restore = await admin.EndAsync(restoring);
        Assert.True(restore.RestoreInfo.Status.Status == RestoreStatus.Success, $"{restore.RestoreInfo.Status}");
        Compare(machine.Simulated, backup, new() { ["shop"] = "shop-by-grpc", ["blog"] = "blog-by-grpc" });

        await admin.DeleteAsync(restoring);
        await admin.DeleteAsync(request);
        await admin.GoneAsync(restoring);
        await admin.GoneAsync(request);
        Assert.Empty(machine.FilesOf(request.Metadata));
        Assert.Null(machine.Simulated.Objects.Find(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
    }

    [Fact]
    public async Task Walks_over_plain_REST_as_curl_would()
    {
        var rest = machine.Admin.Rest;
        var simulated = machine.Fleet.Clusters[1];
        await rest.DoAsync(HttpMethod.Post, "/v1/cloudcredential", $$$$"""
            {"metadata":{"name":"curl-keys","org_id":"default"},"cloud_credential":{"type":"AWS","aws_config":{"access_key":"{{{{Machine.AccessKey}}}}","secret_key":"{{{{Machine.SecretKey}}}}"}}}
            """);
        await rest.DoAsync(HttpMethod.Post, "/v1/backuplocation", $$$$"""
            {"metadata":{"name":"curl-bucket","org_id":"default"},"backup_location":{"type":"S3","path":"curl-bucket","cloud_credential_ref":{"name":"curl-keys"},
             "s3_config":{"endpoint":"{{{{machine.StoreEndpoint.ToString().TrimEnd('/')}}}}","region":"us-east-1","disable_ssl":true}}}
            """);
        await UntilAsync("/v1/backuplocation/default/curl-bucket", "backup_location", "backup_location_info", "Valid");
        await rest.DoAsync(HttpMethod.Post, "/v1/cluster", $$$$"""
            {"metadata":{"name":"curl-cluster","org_id":"default"},"kubeconfig":"{{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(simulated.Kubeconfig))}}}}"}
            """);
        await UntilAsync("/v1/cluster/default/curl-cluster", "cluster", "clusterInfo", "Online");

        var created = await rest.DoAsync(HttpMethod.Post, "/v1/backup", """
            {"metadata":{"name":"curl-backup","org_id":"default"},"cluster_ref":{"name":"curl-cluster"},"backup_location_ref":{"name":"curl-bucket"},"namespaces":["shop"],"pre_exec_rule_ref":{}}
            """);
        var uid = created["backup"]!["metadata"]!["uid"]!.GetValue<string>();
        var backup = await UntilAsync("/v1/backup/default/curl-backup", "backup", "backup_info", "Success");
        Assert.Equal(uid, backup["metadata"]!["uid"]!.GetValue<string>());
        Assert.NotEmpty(backup["backup_info"]!["resources"]!.AsArray());
        var listed = await rest.DoAsync(HttpMethod.Get, "/v1/backup/default?enumerate_options.name_filter=curl-&enumerate_options.max_objects=10");
        Assert.Equal("1", listed["total_count"]!.GetValue<string>());

        await rest.DoAsync(HttpMethod.Post, "/v1/restore", """
            {"metadata":{"name":"curl-restore","org_id":"default"},"backup_ref":{"name":"curl-backup"},"cluster_ref":{"name":"curl-cluster"},"namespace_mapping":{"shop":"shop-by-curl"}}
            """);
        await UntilAsync("/v1/restore/default/curl-restore", "restore", "restore_info", "Success");
        Assert.Equal("blue", simulated.Objects.Find("configmaps", "shop-by-curl", "shop-config")!["data"]!["color"]!.GetValue<string>());
        Assert.Null(simulated.Objects.Find("configmaps", "shop-by-curl", "skip-me")); // Its annotation tells Stork to leave it out.

        Assert.Equal("{}", (await rest.DoAsync(HttpMethod.Delete, $"/v1/restore/default/curl-restore")).ToJsonString());
        Assert.Equal("{}", (await rest.DoAsync(HttpMethod.Delete, $"/v1/backup/default/curl-backup?uid={uid}")).ToJsonString());
        await Wait.UntilAsync(() => rest.GetAsync("/v1/backup/default/curl-backup"), answer => answer.Status == HttpStatusCode.NotFound, "the backup is gone");
        await Wait.UntilAsync(() => rest.GetAsync("/v1/restore/default/curl-restore"), answer => answer.Status == HttpStatusCode.NotFound, "the restore is gone");
        Assert.Empty(machine.Store.Keys("curl-bucket"));

        // The README's order to its end: nothing of ours is left anywhere.
        foreach (var path in new[] { "cluster/default/curl-cluster", "backuplocation/default/curl-bucket", "cloudcredential/default/curl-keys" })
        {
            Assert.Equal("{}", (await rest.DoAsync(HttpMethod.Delete, $"/v1/{path}")).ToJsonString());
            await Wait.UntilAsync(() => rest.GetAsync($"/v1/{path}"), answer => answer.Status == HttpStatusCode.NotFound, $"{path} is gone");
        }

        Assert.Empty(Machine.OursOn(simulated));
        Assert.Empty(machine.Store.Keys("curl-bucket"));
    }

    [Fact]
    public async Task Serves_gRPC_at_paths_without_a_package()
    {
        var reply = await machine.Admin.InvokeAsync("Cluster", "Inspect", new ClusterInspectRequest { OrgId = Client.Org, Name = machine.Cluster.Name });

        Assert.Equal(machine.Cluster.Uid, ClusterInspectResponse.Parser.ParseFrom(reply).Cluster.Metadata.Uid);
    }

    [Fact]
    public async Task Restores_a_backup_on_another_cluster_and_leaves_nothing_of_its_own_there()
    {
        var admin = machine.Admin;
        var (name, other) = (machine.NewName("other"), machine.Fleet.Clusters[2]);
        var target = await admin.AddClusterAsync(name, other.ClientCertificateKubeconfig());
        var backup = await admin.TakeAsync(machine.BackupOf(machine.NewName("travelling"), "bank"));
        Assert.Equal(2, backup.BackupInfo.Volumes.Count);
        Assert.All(backup.BackupInfo.Volumes, volume => Assert.Equal(BackupStatus.Success, volume.Status.Status));
        var restoring = machine.RestoreOf(machine.NewName("travelled"), backup, ("bank", "bank-elsewhere"));
        restoring.ClusterRef = target.Ref();

        await admin.CreateAsync(restoring);
        var restore = await admin.EndAsync(restoring);

        Assert.True(restore.RestoreInfo.Status.Status == RestoreStatus.Success, $"{restore.RestoreInfo.Status}");
        Assert.NotEmpty(other.Objects.List("persistentvolumeclaims", "bank-elsewhere"));
        await other.Objects.WaitForListAsync(Machine.Restores, Machine.StorkNamespace, left => left.Count == 0, "removed", Wait.Patience, TestContext.Current.CancellationToken);
        await other.Objects.WaitForListAsync(Machine.Backups, Machine.StorkNamespace, left => left.Count == 0, "removed", Wait.Patience, TestContext.Current.CancellationToken);
    }

    private Task<JsonObject> UntilAsync(string path, string outer, string info, string status) => Wait.UntilAsync(
        async () => (await machine.Admin.Rest.DoAsync(HttpMethod.Get, path))[outer]!.AsObject(),
        it => it[info]!["status"]!["status"]!.GetValue<string>() == status, $"{path} is {status}");

    /// <summary>What the backup lists is in the target namespaces, with the same contents where they may not differ.</summary>
    private static void Compare(SimulatedCluster cluster, BackupObject backup, Dictionary<string, string> mapping)
    {
        var kinds = new Dictionary<string, (string Resource, string? Content)>
        {
            ["Deployment"] = ("deployments.apps", null), ["Service"] = ("services", null), ["ConfigMap"] = ("configmaps", "data"), ["Secret"] = ("secrets", "data"),
        };
        var items = backup.BackupInfo.Resources.Where(item => kinds.ContainsKey(item.Kind)).ToList();
        Assert.NotEmpty(items);
        Assert.All(items, item =>
        {
            var (resource, content) = kinds[item.Kind];
            var copy = cluster.Objects.Find(resource, mapping[item.Namespace], item.Name);
            Assert.NotNull(copy);
            if (content is not null)
                Assert.Equal(cluster.Objects.Find(resource, item.Namespace, item.Name)?[content]?.ToJsonString(), copy[content]?.ToJsonString());
        });
    }
}
