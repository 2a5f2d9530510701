using System.Text.Json.Nodes;
using Grpc.Core;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.ObjectStore;
using Xunit;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>Buckets and clusters that cannot be used say why and what helps, and are taken into use when it has helped.</summary>
public class Locations_and_clusters_out_of_order(Machine machine) : IClassFixture<Machine>
{
    private const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";

    [Theory]
    [InlineData("wrong secret", "SignatureDoesNotMatch")]
    [InlineData("unreachable endpoint", "Check host and port of the endpoint")]
    [InlineData("missing bucket that may not be made", "NoSuchBucket")]
    [InlineData("no right to write", "AccessDenied")]
    public async Task A_location_that_cannot_be_used_says_what_the_store_said(string what, string text)
    {
        var name = machine.NewName("bad-location");
        var fault = what switch
        {
            "missing bucket that may not be made" => machine.Store.Faults.Add(ObjectStoreFault.Denied("CreateBucket") with { Bucket = name }),
            "no right to write" => machine.Store.Faults.Add(ObjectStoreFault.Denied("PutObject") with { Bucket = name }),
            _ => null,
        };
        var location = await machine.Admin.AddLocationAsync(name, what == "wrong secret" ? machine.WrongCredential : machine.Credential,
            what == "unreachable endpoint" ? new Uri($"http://127.0.0.1:{Machine.FreePort()}") : machine.StoreEndpoint, name);
        if (fault is not null)
            machine.Store.Faults.Remove(fault);

        Assert.Equal(LocationStatus.ValidationFailed, location.BackupLocationInfo.Status.Status);
        Assert.Contains(text, location.BackupLocationInfo.Status.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", location.BackupLocationInfo.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bucket_that_is_missing_and_may_be_made_is_made_by_the_validation()
    {
        var name = machine.NewName("new-bucket");

        var location = await machine.Admin.AddLocationAsync(name, machine.Credential, machine.StoreEndpoint, name);

        Assert.Equal(LocationStatus.Valid, location.BackupLocationInfo.Status.Status);
        Assert.Contains(machine.Store.Log.Entries, entry => entry.Operation == "CreateBucket" && entry.Bucket == name);
        Assert.Empty(machine.Store.Keys(name)); // The probe object is gone again.
    }

    [Fact]
    public async Task An_offline_cluster_takes_no_backups_until_it_is_back()
    {
        var simulated = machine.Fleet.Clusters[1];
        var cluster = (await machine.Admin.AddClusterAsync(machine.NewName("leaving"), simulated.Kubeconfig)).Ref();
        var request = machine.BackupOf(machine.NewName("refused"), "shop");
        request.ClusterRef = cluster;
        simulated.Faults.SetMode(ApiServerMode.Refusing);
        await machine.Admin.ClusterIsAsync(cluster, ClusterStatus.Offline);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.CreateAsync(request));
        simulated.Faults.Clear();
        await machine.Admin.ClusterIsAsync(cluster, ClusterStatus.Online);
        await machine.Admin.TakeAsync(request);

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.StartsWith($"cluster [{cluster.Name}] is not online: ", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_without_Stork_is_offline_with_the_cure_and_comes_online_when_Stork_does()
    {
        var simulated = machine.Fleet.Clusters[3];
        var name = machine.NewName("bare");
        var removed = simulated.Objects.List(Definitions).Where(NameOf(definition => definition.EndsWith(".stork.libopenstorage.org", StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(removed);
        foreach (var definition in removed)
            Assert.True(simulated.Objects.Delete(Definitions, "", definition["metadata"]!["name"]!.GetValue<string>()));
        await machine.Admin.Clusters.CreateAsync(Client.NewCluster(name, simulated.Kubeconfig), machine.Admin.Options);
        var offline = await machine.Admin.ClusterIsAsync(name, ClusterStatus.Offline);

        foreach (var definition in removed)
        {
            foreach (var field in new[] { "uid", "resourceVersion", "creationTimestamp", "generation" })
                definition["metadata"]!.AsObject().Remove(field);
            (definition["apiVersion"], definition["kind"]) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
            simulated.Objects.Create(definition);
        }

        await machine.Admin.ClusterIsAsync(name, ClusterStatus.Online);
        Assert.Contains("StorkMissing", offline.ClusterInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Contains("Install Stork", offline.ClusterInfo.Status.Reason, StringComparison.Ordinal);

        static Func<JsonObject, bool> NameOf(Func<string, bool> wanted) => definition => wanted(definition["metadata"]!["name"]!.GetValue<string>());
    }
}
