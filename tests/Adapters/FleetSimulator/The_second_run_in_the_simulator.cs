using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>What was recorded in a second run of real Stork and cannot be replayed row by row: one test for each value.</summary>
public sealed class The_second_run_in_the_simulator : IAsyncLifetime
{
    private const string Shop = """ "namespaces":["shop","blog"] """;
    private RunningBuckets _store = null!;
    private SimulatedFleet _fleet = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await RunningBuckets.StartAsync(Cancellation);
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 1, StorkSpeed = 50, Applications = ["shop", "blog", "bank"] }, Cancellation);
        Given.Location(Cluster, _store);
    }

    public async ValueTask DisposeAsync()
    {
        await _fleet.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task A_restore_of_listed_resources_restores_those_only_and_makes_the_other_namespaces_empty()
    {
        await BackUpAsync("both", Shop);

        var status = await RestoreAsync("listed", "both", """
            "namespaceMapping":{"shop":"x1","blog":"x2"},"replacePolicy":"Retain","includeResources":[{"group":"","version":"v1","kind":"ConfigMap","name":"shop-config","namespace":"shop"}]
            """);

        Assert.Equal("Successful", status["status"]!.ToString());
        Assert.Equal("ConfigMap x1/shop-config", Assert.Single(Outcomes(status)));
        Assert.NotNull(Cluster.Objects.Find("namespaces", "", "x2"));
        Assert.Null(Cluster.Objects.Find("configmaps", "x2", "blog-config"));
        Assert.Empty(Cluster.Objects.List("statefulsets.apps", "x2"));
    }

    [Fact]
    public async Task A_backup_of_listed_resources_without_namespaces_takes_nothing_and_succeeds()
    {
        var status = await BackUpAsync("nothing", """ "includeResources":[{"group":"","version":"v1","kind":"ConfigMap","name":"shop-config","namespace":"shop"}] """);

        Assert.Equal("Successful 0", $"{status["status"]} {status["resourceCount"]}");
    }

    [Fact]
    public async Task A_list_of_kinds_takes_no_Jobs_and_all_ReplicaSets()
    {
        Cluster.Objects.Create(Given.Json("""{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"report","namespace":"shop"},"spec":{}}"""));
        Cluster.Objects.Create(Given.Json("""
            {"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"shop-web-1","namespace":"shop","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"shop-web","uid":"u"}]},"spec":{}}
            """));

        var all = Outcomes(await BackUpAsync("all", """ "namespaces":["shop"] """));
        var listed = Outcomes(await BackUpAsync("kinds", """ "namespaces":["shop"],"resourceTypes":["Job","Deployment","ReplicaSet"] """));

        Assert.Contains("Job shop/report", all);
        Assert.DoesNotContain("ReplicaSet shop/shop-web-1", all);
        Assert.DoesNotContain("Job shop/report", listed);
        Assert.Contains("ReplicaSet shop/shop-web-1", listed);
    }

    [Fact]
    public async Task A_restore_into_a_terminating_namespace_ends_as_PartialSuccess_although_everything_failed()
    {
        await BackUpAsync("whole", """ "namespaces":["shop"] """);
        Cluster.Objects.Create(Given.Json("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"going"}}"""));
        Cluster.Objects.Create(Given.Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"stays","namespace":"going","finalizers":["example.com/stays"]}}"""));
        Cluster.Objects.Delete("namespaces", "", "going");

        var status = await RestoreAsync("late", "whole", """ "namespaceMapping":{"shop":"going"},"replacePolicy":"Retain" """);

        Assert.Equal("PartialSuccess Volumes were restored successfully. Some existing resources were not replaced", $"{status["status"]} {status["reason"]}");
        Assert.NotEmpty(status["resources"]!.AsArray());
        Assert.All(status["resources"]!.AsArray(), r => Assert.Equal("Failed", r!["status"]!.ToString()));
        Assert.Equal(status["resourceCount"]!.ToString(), status["restoredresourceCount"]!.ToString());
    }

    [Fact]
    public async Task A_running_restore_that_is_deleted_finishes_all_the_same()
    {
        await BackUpAsync("kept", """ "namespaces":["shop"] """);
        Cluster.Objects.Create(Given.Restore("cut", "kept", """ "namespaceMapping":{"shop":"shop-cut"},"replacePolicy":"Retain" """));
        await Cluster.Objects.WaitForAsync(Given.Restores, "kube-system", "cut", o => o?["status"]?["stage"]?.ToString() == "Applications", "running", Given.Patience, Cancellation);

        Cluster.Objects.Delete(Given.Restores, "kube-system", "cut");

        await Given.GoneAsync(Cluster, Given.Restores, "cut", Cancellation);
        Assert.Equal(Cluster.Objects.List("configmaps", "shop").Count - 1, Cluster.Objects.List("configmaps", "shop-cut").Count); // One of them is annotated to be skipped.
        Assert.NotNull(Cluster.Objects.Find("deployments.apps", "shop-cut", "shop-web"));
    }

    [Fact]
    public async Task A_volume_that_needs_Storks_pod_is_left_out_with_a_Warning_where_there_is_none()
    {
        Cluster.Objects.Delete("pods", "kube-system", "stork-5c9c7b6f4d-x7k2p");
        Cluster.Objects.Create(Given.Json("""
            {"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"disk"},"spec":{"capacity":{"storage":"1Gi"},"hostPath":{"path":"/disk"},"claimRef":{"kind":"PersistentVolumeClaim","namespace":"shop","name":"data"}},"status":{"phase":"Bound"}}
            """));
        Cluster.Objects.Create(Given.Json("""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":"shop"},"spec":{"volumeName":"disk","resources":{"requests":{"storage":"1Gi"}}},"status":{"phase":"Bound"}}
            """));

        var backup = Cluster.Objects.Create(Given.Backup("disk", """ "namespaces":["shop"] """));
        var status = (await Given.FinalAsync(Cluster, Given.Backups, "disk", Cancellation))["status"]!;

        Assert.Equal("Successful 0", $"{status["status"]} {status["volumes"]!.AsArray().Count}");
        await Events.WaitForAsync(Cluster, "kube-system", backup["metadata"]!["uid"]!.ToString(), "stork namespace is empty", 1, Given.Patience, Cancellation);
    }

    [Fact]
    public async Task A_finished_restore_that_comes_back_with_an_older_etcd_makes_its_namespaces_again()
    {
        await BackUpAsync("old", """ "namespaces":["shop"] """);
        await RestoreAsync("again", "old", """ "namespaceMapping":{"shop":"shop-again"},"replacePolicy":"Retain" """);
        var snapshot = Cluster.TakeEtcdSnapshot();
        Cluster.Objects.Delete(Given.Restores, "kube-system", "again");
        await Given.GoneAsync(Cluster, Given.Restores, "again", Cancellation);
        Cluster.Objects.Delete("namespaces", "", "shop-again");

        Cluster.RestoreEtcd(snapshot);
        Cluster.Objects.Delete("namespaces", "", "shop-again");

        await Cluster.Objects.WaitForAsync("namespaces", "", "shop-again", n => n is not null, "back", Given.Patience, Cancellation);
    }

    [Fact]
    public async Task A_dead_Stork_shows_by_its_lease_alone()
    {
        using var client = ClusterClient.For(Cluster);
        var first = await RenewedAsync(client);
        await Task.Delay(TimeSpan.FromSeconds(2.5), Cancellation);
        var second = await RenewedAsync(client);
        Cluster.Objects.Create(Given.Backup("waits", """ "namespaces":["shop"] """));

        await Cluster.Stork.StopAsync();
        var stopped = await RenewedAsync(client);
        await Task.Delay(TimeSpan.FromSeconds(2.5), Cancellation);

        Assert.True(second > first, $"the lease was renewed at {first:O} and then at {second:O}");
        Assert.Equal(stopped, await RenewedAsync(client));
        Assert.NotEqual("Final", Cluster.Objects.Find(Given.Backups, "kube-system", "waits")!["status"]?["stage"]?.ToString());
    }

    private static async Task<DateTimeOffset> RenewedAsync(HttpClient client) =>
        DateTimeOffset.Parse(JsonNode.Parse(await client.GetStringAsync(new Uri("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/stork", UriKind.Relative), Cancellation))!["spec"]!["renewTime"]!.ToString(), System.Globalization.CultureInfo.InvariantCulture);

    private async Task<JsonNode> BackUpAsync(string name, string spec)
    {
        Cluster.Objects.Create(Given.Backup(name, spec));
        return (await Given.FinalAsync(Cluster, Given.Backups, name, Cancellation))["status"]!;
    }

    private async Task<JsonNode> RestoreAsync(string name, string backup, string spec)
    {
        Cluster.Objects.Create(Given.Restore(name, backup, spec));
        return (await Given.FinalAsync(Cluster, Given.Restores, name, Cancellation))["status"]!;
    }

    private static List<string> Outcomes(JsonNode status) => [.. status["resources"]!.AsArray().Select(r => $"{r!["kind"]} {r["namespace"]}/{r["name"]}")];
}
