using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>Watches and what can go wrong with them.</summary>
public sealed class Watches_of_the_simulator : IAsyncLifetime
{
    private SimulatedFleet _fleet = null!;
    private HttpClient _client = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { StorkSpeed = 50 }, Cancellation);
        _client = ClusterClient.For(Cluster);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _fleet.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_begins_with_what_there_is_and_goes_on_with_what_changes()
    {
        using var watch = await WatchAsync("labelSelector=app%3Dshop");
        Assert.Equal("ADDED shop-config", await watch.NextAsync());

        Cluster.Objects.Create(Map("new", "shop"));
        Cluster.Objects.Patch("configmaps", "shop", "new", Given.Json("""{"metadata":{"labels":{"app":"other"}}}"""));
        Cluster.Objects.Patch("configmaps", "shop", "new", Given.Json("""{"metadata":{"labels":{"app":"shop"}}}"""));
        Cluster.Objects.Delete("configmaps", "shop", "new");

        Assert.Equal(["ADDED new", "DELETED new", "ADDED new", "DELETED new"], [await watch.NextAsync(), await watch.NextAsync(), await watch.NextAsync(), await watch.NextAsync()]);
    }

    [Fact]
    public async Task A_watch_resumes_after_its_version_until_that_is_compacted()
    {
        var version = Cluster.Objects.ResourceVersion;
        Cluster.Objects.Create(Map("one", "shop"));
        Cluster.Objects.Create(Map("two", "shop"));
        using var resumed = await WatchAsync($"resourceVersion={version + 1}");
        Assert.Equal("ADDED two", await resumed.NextAsync());

        Cluster.Compact();

        using var late = await WatchAsync($"resourceVersion={version}");
        Assert.Equal("ERROR 410 Expired", await late.NextAsync());
        Assert.Null(await late.NextAsync());
    }

    [Fact]
    public async Task A_watch_ends_normally_at_its_timeout()
    {
        using var watch = await WatchAsync($"resourceVersion={Cluster.Objects.ResourceVersion}&timeoutSeconds=1");

        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task A_watch_can_be_cut_in_the_middle_of_a_line()
    {
        Cluster.Faults.CutWatchesAfterBytes = 20;

        using var watch = await WatchAsync("");

        await Assert.ThrowsAnyAsync<IOException>(async () => await watch.NextAsync());
    }

    [Fact]
    public async Task A_silent_watch_tells_later_what_it_missed()
    {
        using var watch = await WatchAsync($"resourceVersion={Cluster.Objects.ResourceVersion}");
        Cluster.Faults.SilenceWatches(true);
        Cluster.Objects.Create(Map("missed", "shop"));
        var next = watch.NextAsync();
        await _client.GetStringAsync("/version", Cancellation);
        Assert.False(next.IsCompleted);

        Cluster.Faults.SilenceWatches(false);

        Assert.Equal("ADDED missed", await next);
    }

    [Fact]
    public async Task After_a_restore_of_etcd_the_version_goes_backwards_and_old_objects_are_back()
    {
        var snapshot = Cluster.TakeEtcdSnapshot();
        var version = Cluster.Objects.ResourceVersion;
        Cluster.Objects.Create(Map("later", "shop"));
        using var watch = await WatchAsync($"resourceVersion={Cluster.Objects.ResourceVersion}");

        Cluster.RestoreEtcd(snapshot);

        await Assert.ThrowsAnyAsync<Exception>(async () => await watch.NextAsync());
        Assert.Equal(version, Cluster.Objects.ResourceVersion);
        Assert.Null(Cluster.Objects.Find("configmaps", "shop", "later"));
        Assert.NotNull(Cluster.Objects.Find("configmaps", "shop", "shop-config"));
    }

    private static JsonObject Map(string name, string app) => Given.Json($$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}","namespace":"shop","labels":{"app":"{{app}}"} } }""");

    private async Task<Watch> WatchAsync(string query)
    {
        var answer = await _client.GetAsync($"/api/v1/namespaces/shop/configmaps?watch=true&{query}", HttpCompletionOption.ResponseHeadersRead, Cancellation);
        answer.EnsureSuccessStatusCode();
        return new Watch(answer, new StreamReader(await answer.Content.ReadAsStreamAsync(Cancellation)));
    }

    private sealed record Watch(HttpResponseMessage Answer, StreamReader Lines) : IDisposable
    {
        public async Task<string?> NextAsync()
        {
            if (await Lines.ReadLineAsync(Cancellation).AsTask().WaitAsync(Given.Patience, Cancellation) is not { } line) return null;
            var change = JsonNode.Parse(line)!;
            return change["type"]!.ToString() == "ERROR" ? $"ERROR {change["object"]!["code"]} {change["object"]!["reason"]}" : $"{change["type"]} {change["object"]!["metadata"]!["name"]}";
        }

        public void Dispose()
        {
            Lines.Dispose();
            Answer.Dispose();
        }
    }
}
