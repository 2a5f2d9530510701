using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Faults;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>What a cluster of ill will answers, so that other tests can hold the product against it.</summary>
public sealed class A_hostile_cluster_of_the_simulator : IAsyncLifetime
{
    private const string Backups = "/apis/stork.libopenstorage.org/v1alpha1/namespaces/kube-system/applicationbackups";

    private SimulatedFleet _fleet = null!;
    private HttpClient _client = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { ControlPort = 0 }, Cancellation);
        _client = ClusterClient.For(Cluster);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _fleet.DisposeAsync();
    }

    [Fact]
    public async Task It_floods_an_open_watch_with_objects_that_nobody_made()
    {
        using var response = await _client.GetAsync($"{Backups}?watch=true&resourceVersion={Cluster.Objects.ResourceVersion}&labelSelector=app.kubernetes.io/managed-by%3Dpxbackup", HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        var flood = new WatchFlood { Events = 20_000 };

        Cluster.Faults.Add(flood);

        var owners = new HashSet<string>();
        for (var i = 0; i < 20_000; i++)
        {
            var line = JsonNode.Parse((await lines.ReadLineAsync(Cancellation))!)!;
            Assert.Equal("ADDED", line["type"]!.ToString());
            owners.Add(line["object"]!["metadata"]!["labels"]!["pxbackup.io/uid"]!.ToString());
        }

        Assert.Equal(20_000, owners.Count);
        Assert.Equal(20_000, flood.Sent);
        Assert.Empty(Cluster.Objects.List(Given.Backups));
    }

    [Fact]
    public async Task It_gives_pages_without_end_empty_ones_too()
    {
        await OrderAsync("""{"requests":[{"path":"applicationbackups$","effect":"EndlessPages","items":3,"count":2},{"path":"namespaces$","effect":"EndlessPages","sameContinue":true}]}""");

        var (first, second) = (await GetAsync($"{Backups}?limit=500"), await GetAsync($"{Backups}?limit=500&continue=page-1"));
        var empty = await GetAsync("/api/v1/namespaces");

        Assert.Equal(3, first["items"]!.AsArray().Count);
        Assert.NotEqual(first["metadata"]!["continue"]!.ToString(), second["metadata"]!["continue"]!.ToString());
        Assert.Empty(empty["items"]!.AsArray());
        Assert.Equal("again", empty["metadata"]!["continue"]!.ToString());
    }

    [Fact]
    public async Task It_shows_objects_otherwise_than_they_are_in_reads_lists_and_watches()
    {
        Cluster.Objects.Create(Given.Backup("b"));
        await OrderAsync("""{"rewrites":[{"name":"^b$","reasonBytes":100000,"resources":1000,"volumes":10,"merge":{"metadata":{"labels":{"pxbackup.io/uid":"somebody-elses"}}}}]}""");

        var read = await GetAsync($"{Backups}/b");
        var listed = (await GetAsync(Backups))["items"]![0]!;
        using var watch = new StreamReader(await _client.GetStreamAsync($"{Backups}?watch=true", Cancellation));
        var watched = JsonNode.Parse((await watch.ReadLineAsync(Cancellation))!)!["object"]!;

        foreach (var shown in new[] { read, listed, watched })
        {
            Assert.Equal((100_000, 1000, 10), (shown["status"]!["reason"]!.ToString().Length, shown["status"]!["resources"]!.AsArray().Count, shown["status"]!["volumes"]!.AsArray().Count));
            Assert.Equal("somebody-elses", shown["metadata"]!["labels"]!["pxbackup.io/uid"]!.ToString());
        }

        Assert.DoesNotContain("somebody-elses", Cluster.Objects.List(Given.Backups)[0].ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_answers_with_any_size_any_body_and_a_byte_at_a_time()
    {
        await OrderAsync("""
            {"requests":[{"path":"^/version$","effect":"Giant","bytes":1000000,"code":403},{"path":"^/version$","effect":"GiantHeader","bytes":5000},
             {"path":"^/version$","effect":"Body","body":"{\"gitVersion\":\"v0\"}"},{"path":"^/version$","effect":"SlowBytes","bytes":4,"everyMilliseconds":50}]}
            """);

        var giant = await _client.GetAsync("/version", Cancellation);
        var header = await _client.GetAsync("/version", Cancellation);
        var body = await _client.GetStringAsync("/version", Cancellation);
        var clock = Stopwatch.StartNew();
        var slow = await _client.GetStringAsync("/version", Cancellation);

        Assert.Equal(HttpStatusCode.Forbidden, giant.StatusCode);
        Assert.Equal(1_000_000, JsonNode.Parse(await giant.Content.ReadAsStringAsync(Cancellation))!["message"]!.ToString().Length);
        Assert.Equal(5000, header.Headers.GetValues("X-Made-Up").Single().Length);
        Assert.Equal("""{"gitVersion":"v0"}""", body);
        Assert.Equal("    ", slow);
        Assert.True(clock.ElapsedMilliseconds >= 150, "the bytes came at once");
    }

    private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await _client.GetStringAsync(path, Cancellation))!;

    private async Task OrderAsync(string order)
    {
        using var control = new HttpClient { BaseAddress = _fleet.Control };
        using var answer = await control.PostAsync("/clusters/cluster-1/faults", new StringContent(order, Encoding.UTF8, "application/json"), Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
