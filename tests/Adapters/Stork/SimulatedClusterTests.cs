using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Faults;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.Adapters.Stork;

/// <summary>The suite against a simulated cluster, and what only a whole cluster can show.</summary>
public sealed class SimulatedClusterTests : StorkAdapterSuite, IAsyncLifetime
{
    private SimulatedFleet _fleet = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    public async ValueTask InitializeAsync()
    {
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { ControlPort = null }, Token);
        await StopStorkAsync();
    }

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task A_probe_describes_the_cluster_for_token_and_certificate()
    {
        await using var byToken = await OpenAsync();
        var probe = await byToken.ProbeAsync(Token);

        Assert.Equal(("v1.36.2", "25.2.0-4f9d2c1", "kube-system"), (probe.KubernetesVersion, probe.StorkVersion, probe.AdminNamespace));
        Assert.NotNull(probe.ClusterUid);
        Assert.NotNull(probe.Stork!.LeaseMark);
        Assert.Empty(probe.Stork.Denied);
    }

    [Fact]
    public async Task Secrets_are_kept_as_bytes()
    {
        await using var cluster = await OpenAsync();
        await cluster.CreateAsync(new Secret { Metadata = { Name = Name("s"), Namespace = Namespace }, Data = { ["key"] = [0, 255, 10] } }, Token);

        Assert.Equal([0, 255, 10], (await cluster.FindAsync<Secret>(Namespace, Name("s"), Token))!.Data["key"]);
    }

    [Fact]
    public async Task Namespaces_and_kinds_are_listed()
    {
        await using var cluster = await OpenAsync();

        var namespaces = await cluster.ListNamespacesAsync(null, Token);
        var kinds = await cluster.ListBackupKindsAsync(Token);

        Assert.Contains(namespaces, item => item is { Name: "shop", Phase: "Active", Uid.Length: > 0 });
        Assert.Contains("Deployment", kinds);
        Assert.DoesNotContain("Pod", kinds);
    }

    [Fact]
    public async Task Warning_events_are_found_by_the_uid_of_what_they_are_about()
    {
        await using var cluster = await OpenAsync();
        var backup = await cluster.CreateAsync(Backup("a"), Token);
        Cluster.Objects.Create(Event("e1", backup.Metadata.Uid, "Warning", "location not found"));
        Cluster.Objects.Create(Event("e2", backup.Metadata.Uid, "Normal", "all is well"));
        Cluster.Objects.Create(Event("e3", Guid.NewGuid().ToString(), "Warning", "somebody else's"));

        var found = Assert.Single(await cluster.ListWarningEventsAsync(Namespace, backup.Metadata.Uid, Token));

        Assert.Equal(("Failed", "location not found", 4), (found.Reason, found.Message, found.Count));
    }

    [Fact]
    public async Task A_compaction_leads_to_a_full_picture_and_no_loss()
    {
        await using var cluster = await OpenAsync();
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("connected");
        Cluster.Faults.SilenceWatches(true);
        await cluster.CreateAsync(Backup("a"), Token);
        Cluster.Compact();
        Cluster.Faults.CutWatches();
        Cluster.Faults.SilenceWatches(false);

        var passed = await watch.Told.UntilAsync("listed", resource => resource.Name == Name("a"));

        Assert.DoesNotContain(passed, told => told.StartsWith("lost", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_silent_watch_is_found_by_the_watchdog_and_nothing_is_missed()
    {
        await using var cluster = await OpenAsync(new ClusterConnectionOptions { WatchSilence = TimeSpan.FromSeconds(1) });
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("connected");
        Cluster.Faults.SilenceWatches(true);
        await cluster.CreateAsync(Backup("a"), Token);
        Cluster.Faults.SilenceWatches(false);

        await watch.Told.UntilAsync("changed", resource => resource.Name == Name("a"));
    }

    [Fact]
    public async Task Watches_cut_after_some_bytes_still_tell_everything_in_the_end()
    {
        await using var cluster = await OpenAsync(new ClusterConnectionOptions { BackoffBase = TimeSpan.FromMilliseconds(10) });
        Cluster.Faults.CutWatchesAfterBytes = 3000;
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("listed ApplicationBackup");
        for (var i = 0; i < 20; i++)
            await cluster.CreateAsync(Backup($"b{i}"), Token);
        await cluster.MergePatchAsync<ApplicationBackup>(Namespace, Name("b19"), Status("Final", "Failed"), Token);

        Cluster.Faults.CutWatchesAfterBytes = null;
        await cluster.CreateAsync(Backup("last"), Token);

        await watch.Told.UntilAsync("changed", resource => resource.Name == Name("last"));
    }

    [Fact]
    public async Task A_store_put_back_to_an_earlier_day_is_found_by_the_periodic_list_at_the_latest()
    {
        // Versions below the one that a watch was resumed from are silent; a bookmark (about one a minute) tells, or the next list.
        await using var cluster = await OpenAsync(new ClusterConnectionOptions
        {
            BackoffBase = TimeSpan.FromMilliseconds(10), RelistInterval = TimeSpan.FromSeconds(1), WatchMinimum = TimeSpan.FromSeconds(1), WatchMaximum = TimeSpan.FromSeconds(2),
        });
        await cluster.CreateAsync(Backup("kept"), Token);
        var snapshot = Cluster.TakeEtcdSnapshot();
        for (var i = 0; i < 5; i++)
            await cluster.CreateAsync(Backup($"lost{i}"), Token);
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("connected");

        Cluster.RestoreEtcd(snapshot);
        Cluster.Objects.Create(new JsonObject
        {
            ["apiVersion"] = "stork.libopenstorage.org/v1alpha1", ["kind"] = "ApplicationBackup",
            ["metadata"] = new JsonObject { ["name"] = Name("after"), ["namespace"] = Namespace, ["labels"] = new JsonObject { [Label] = Run } },
        });

        await watch.Told.UntilAsync("listed", resource => resource.Name == Name("after"));
    }

    [Fact]
    public async Task A_dead_API_server_and_its_return_are_told()
    {
        await using var cluster = await OpenAsync(new ClusterConnectionOptions { BackoffBase = TimeSpan.FromMilliseconds(10), BackoffMaximum = TimeSpan.FromMilliseconds(100) });
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("connected");

        Cluster.Faults.SetMode(ApiServerMode.Refusing);
        await watch.Told.UntilAsync("lost TlsFailed");
        Cluster.Faults.SetMode(ApiServerMode.Up);
        await watch.Told.UntilAsync("connected");
    }

    [Fact]
    public async Task An_outcome_that_is_not_known_can_be_looked_up()
    {
        await using var cluster = await OpenAsync();
        Cluster.Faults.Add(new RequestFault { Method = "POST", Effect = RequestEffect.DoneButDropped });

        var lost = await Assert.ThrowsAsync<ClusterException>(() => cluster.CreateAsync(Backup("a"), Token));

        Assert.Equal(ClusterFailure.ConnectionLost, lost.Cause);
        Assert.NotNull(await cluster.FindAsync<ApplicationBackup>(Namespace, Name("a"), Token));
    }

    protected override Task<ClusterEndpoint> EndpointAsync() => Task.FromResult(KubeconfigParser.Parse(Encoding.UTF8.GetBytes(Cluster.Kubeconfig)));

    // The suite writes Stork's status itself, as it must on a server without Stork.
    private Task StopStorkAsync() => Cluster.Stork.StopAsync();

    private static JsonObject Event(string name, string uid, string type, string message) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Event", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace },
        ["involvedObject"] = new JsonObject { ["kind"] = "ApplicationBackup", ["namespace"] = Namespace, ["uid"] = uid },
        ["type"] = type, ["reason"] = "Failed", ["message"] = message, ["count"] = 4, ["lastTimestamp"] = "2026-11-22T21:32:06Z",
    };
}
