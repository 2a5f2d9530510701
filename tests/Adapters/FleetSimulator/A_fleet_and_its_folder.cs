using System.Net;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Faults;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>What a fleet keeps, and what reaches it from outside while it runs.</summary>
public sealed class A_fleet_and_its_folder
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_fleet_started_again_has_the_same_addresses_credentials_and_objects()
    {
        var folder = Directory.CreateTempSubdirectory("fleet-").FullName;
        try
        {
            string before;
            await using (var fleet = await StartAsync(folder))
            {
                before = fleet.Clusters[1].Kubeconfig;
                fleet.Clusters[1].Objects.Create(Given.Backup("stuck", location: "none"));
                fleet.Clusters[1].Objects.Delete("namespaces", "", "blog");
            }

            await using var again = await StartAsync(folder);

            Assert.Equal(before, again.Clusters[1].Kubeconfig);
            Assert.NotNull(again.Clusters[1].Objects.Find(Given.Backups, "kube-system", "stuck"));
            Assert.Null(again.Clusters[1].Objects.Find("statefulsets.apps", "blog", "blog-db"));
            Assert.NotNull(again.Clusters[0].Objects.Find("statefulsets.apps", "blog", "blog-db"));
            using var client = ClusterClient.For(again.Clusters[1], http2: true, before);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/version", Cancellation)).StatusCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Two_hundred_clusters_answer_each_with_their_own_credentials()
    {
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 200 }, Cancellation);

        foreach (var cluster in new[] { fleet.Clusters[0], fleet["cluster-100"], fleet.Clusters[^1] })
        {
            using var client = ClusterClient.For(cluster);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/namespaces", Cancellation)).StatusCode);
        }

        Assert.Equal(200, fleet.Clusters.Select(c => c.Token).Distinct().Count());
        Assert.Throws<KeyNotFoundException>(() => fleet["cluster-201"]);
    }

    [Fact]
    public async Task A_rotated_token_and_a_rotated_authority_shut_old_kubeconfigs_out()
    {
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions(), Cancellation);
        var cluster = fleet.Clusters[0];
        var old = cluster.Kubeconfig;
        cluster.RotateToken();
        using (var client = ClusterClient.For(cluster, http2: true, old)) Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/version", Cancellation)).StatusCode);

        cluster.RotateCertificates(authorityToo: true);

        using var shutOut = ClusterClient.For(cluster, http2: true, old);
        await Assert.ThrowsAsync<HttpRequestException>(() => shutOut.GetAsync("/version", Cancellation));
        using var current = ClusterClient.For(cluster);
        Assert.Equal(HttpStatusCode.OK, (await current.GetAsync("/version", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_silent_API_server_answers_once_it_is_up_again()
    {
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions(), Cancellation);
        fleet.Clusters[0].Faults.SetMode(ApiServerMode.Silent);
        using var client = ClusterClient.For(fleet.Clusters[0]);
        var waiting = client.GetAsync("/version", Cancellation);

        fleet.Clusters[0].Faults.SetMode(ApiServerMode.Up);

        Assert.Equal(HttpStatusCode.OK, (await waiting.WaitAsync(Given.Patience, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Without_its_definitions_a_cluster_serves_none_of_Storks_resources()
    {
        await using var fleet = await SimulatedFleet.StartAsync(new FleetOptions(), Cancellation);
        using var client = ClusterClient.For(fleet.Clusters[0]);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/apis/stork.libopenstorage.org/v1alpha1/applicationbackups", Cancellation)).StatusCode);

        fleet.Clusters[0].Objects.Delete("customresourcedefinitions.apiextensions.k8s.io", "", Given.Backups);

        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/apis/stork.libopenstorage.org/v1alpha1/applicationbackups", Cancellation)).StatusCode);
    }

    private static Task<SimulatedFleet> StartAsync(string folder) => SimulatedFleet.StartAsync(new FleetOptions { Clusters = 2, DataDirectory = folder }, Cancellation);
}
