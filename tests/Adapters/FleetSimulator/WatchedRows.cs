using System.Text.Json.Nodes;
using System.Threading.Channels;
using PxBackup.FleetSimulator;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The rows (stage, status, reason) of one object as a watch of the cluster's API server shows them, which is how the recordings were made.</summary>
internal sealed class WatchedRows : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly HttpResponseMessage _answer;
    private readonly Channel<JsonObject> _objects = Channel.CreateUnbounded<JsonObject>();
    private readonly CancellationTokenSource _stopped = new();
    private readonly Task _reading;

    private WatchedRows(HttpClient client, HttpResponseMessage answer)
    {
        (_client, _answer) = (client, answer);
        _reading = ReadAsync();
    }

    public static async Task<WatchedRows> StartAsync(SimulatedCluster cluster, string resource, string ns, string name, CancellationToken cancellationToken, long? since = null)
    {
        var client = ClusterClient.For(cluster);
        var plural = resource.Split('.')[0];
        var path = $"/apis/stork.libopenstorage.org/v1alpha1/namespaces/{ns}/{plural}?watch=true&fieldSelector=metadata.name%3D{name}&resourceVersion={since ?? cluster.Objects.ResourceVersion}";
        var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        answer.EnsureSuccessStatusCode();
        return new WatchedRows(client, answer);
    }

    /// <summary>Every different row up to the wanted one.</summary>
    public async Task<IReadOnlyList<string>> UntilAsync(string last, string uid, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ended.CancelAfter(patience);
        var rows = new List<string>();
        while (rows.LastOrDefault() != last)
        {
            var row = Replay_of_recordings.RowOf(await _objects.Reader.ReadAsync(ended.Token), uid);
            if (row.Length > 0 && row != rows.LastOrDefault()) rows.Add(row);
        }

        return rows;
    }

    /// <summary>The next state of the object.</summary>
    public async Task<JsonObject> NextAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ended.CancelAfter(patience);
        try
        {
            return await _objects.Reader.ReadAsync(ended.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The watched object did not change within {patience}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _reading;
        _answer.Dispose();
        _client.Dispose();
        _stopped.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            using var lines = new StreamReader(await _answer.Content.ReadAsStreamAsync(_stopped.Token));
            while (await lines.ReadLineAsync(_stopped.Token) is { } line) await _objects.Writer.WriteAsync(JsonNode.Parse(line)!["object"]!.AsObject());
            _objects.Writer.Complete();
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // The test is over.
        }
        catch (Exception cut)
        {
            _objects.Writer.Complete(cut);
        }
    }
}
