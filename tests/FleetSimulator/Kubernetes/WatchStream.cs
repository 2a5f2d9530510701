using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using PxBackup.FleetSimulator.Faults;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Answers WATCH: one JSON line per change, bookmarks when asked for, an ERROR line (410) when the past is gone.</summary>
internal static class WatchStream
{
    /// <summary>kube-apiserver sends a bookmark about once a minute.</summary>
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromSeconds(60);

    /// <summary>Without timeoutSeconds kube-apiserver ends a watch after 30 to 60 minutes.</summary>
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(30);

    public static async Task ServeAsync(HttpContext http, SimulatedCluster cluster, RequestTarget target)
    {
        var query = http.Request.Query;
        var labels = LabelSelector.Parse(query["labelSelector"]);
        var fields = FieldSelector.Parse(target.Name.Length > 0 ? $"metadata.name={target.Name}" : query["fieldSelector"], target.Type);
        var lines = new WatchLines(MediaTypes.MetadataOnly(http), target.Type, cluster.Faults, target.Namespace, o => labels.Matches(o.Labels) && fields.Matches(o));
        var timeout = ListAnswer.Number(query["timeoutSeconds"], "timeoutSeconds") is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : DefaultTimeout + TimeSpan.FromMinutes(30 * Random.Shared.NextDouble());
        var from = ListAnswer.Number(query["resourceVersion"], "resourceVersion");
        var initial = from == 0 || query["sendInitialEvents"] == "true";

        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = "application/json";
        var signal = cluster.Store.Join(target.Type);
        using var connection = cluster.Faults.WatchStarted(target.Type.GroupResource, signal.Set);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, connection.Ended);
        ended.CancelAfter(timeout);
        try
        {
            await http.Response.Body.FlushAsync(ended.Token);   // The headers go out at once: a client may know that it is connected.
            if (initial) from = await SendInitialAsync(http, cluster, target, lines, connection, query, ended.Token);
            await FollowAsync(http, cluster, target, lines, connection, signal, from, query["allowWatchBookmarks"] is { Count: > 0 } wanted && wanted[0] is "true" or "1", ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            if (connection.Ended.IsCancellationRequested && connection.Abruptly) http.Abort();
        }
        catch (IOException)
        {
            http.Abort();   // The client went away while a line was on its way.
        }
        finally
        {
            cluster.Store.Leave(target.Type, signal);
        }
    }

    private static async Task<long> SendInitialAsync(
        HttpContext http, SimulatedCluster cluster, RequestTarget target, WatchLines lines, WatchConnection connection, IQueryCollection query, CancellationToken cancellationToken)
    {
        var page = cluster.Store.Page(target.Type, "", 0, "", 0, lines.Matches);
        foreach (var item in page.Items) await connection.WriteAsync(http.Response, lines.Line(Change.Added, item.Name, item.Json), cancellationToken);
        if (query["sendInitialEvents"] == "true") await connection.WriteAsync(http.Response, lines.Bookmark(target.Type, page.Version, initialEnd: true), cancellationToken);
        return page.Version;
    }

    private static async Task FollowAsync(
        HttpContext http, SimulatedCluster cluster, RequestTarget target, WatchLines lines, WatchConnection connection, WatchSignal signal, long from, bool bookmarks, CancellationToken cancellationToken)
    {
        while (true)
        {
            await connection.WhileSilentAsync(cancellationToken);
            try
            {
                var (changes, version) = cluster.Store.ChangesAfter(target.Type, from);
                foreach (var change in changes)
                {
                    if (lines.Of(change) is { } line) await connection.WriteAsync(http.Response, line, cancellationToken);
                }

                from = version;
                while (cluster.Faults.NextOfFlood(target.Type, target.Namespace, from) is { } line) await connection.WriteAsync(http.Response, line, cancellationToken);
            }
            catch (KubernetesStatusException expired)
            {
                await connection.WriteAsync(http.Response, WatchLines.Error(expired), cancellationToken);
                return;
            }

            var woken = await signal.WaitAsync(BookmarkInterval, cancellationToken);
            if (!woken && bookmarks && !connection.Silent) await connection.WriteAsync(http.Response, lines.Bookmark(target.Type, from, initialEnd: false), cancellationToken);
        }
    }
}

/// <summary>Turns changes into the lines of one watch: its namespace, its selectors, its shape.</summary>
internal sealed class WatchLines(bool metadataOnly, ResourceType watched, ClusterFaults faults, string ns, Func<StoredObject, bool> selected)
{
    public bool Matches(StoredObject item) => (ns.Length == 0 || item.Namespace == ns) && selected(item);

    /// <summary>Null when the change does not concern this watch. An object that stops to match looks deleted, one that begins to looks added.</summary>
    public byte[]? Of(Change change)
    {
        var now = change.Kind != Change.Deleted && Matches(change.After);
        var before = change.Before is not null && Matches(change.Before);
        return (before, now) switch
        {
            (false, false) => null,
            (false, true) => Line(Change.Added, change.After.Name, change.After.Json),
            (true, true) => Line(Change.Modified, change.After.Name, change.After.Json),
            (true, false) => Line(Change.Deleted, change.After.Name, change.Kind == Change.Deleted ? change.After.Json : StoredObject.From(change.Before!.Body(), change.Version).Json),
        };
    }

    public byte[] Line(string kind, string name, byte[] json) => Line(kind, faults.Rewritten(watched, name, json));

    private byte[] Line(string kind, byte[] json)
    {
        var body = MediaTypes.Shape(metadataOnly, json);
        var head = Encoding.UTF8.GetBytes($"{{\"type\":\"{kind}\",\"object\":");
        return [.. head, .. body, (byte)'}', (byte)'\n'];
    }

    public byte[] Bookmark(ResourceType type, long version, bool initialEnd)
    {
        var metadata = new JsonObject { ["resourceVersion"] = version.ToString(), ["creationTimestamp"] = null };
        if (initialEnd) metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        return Line("BOOKMARK", JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["kind"] = type.Kind, ["apiVersion"] = type.ApiVersion, ["metadata"] = metadata }, KubernetesJson.Compact));
    }

    public static byte[] Error(KubernetesStatusException refusal) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["type"] = "ERROR", ["object"] = refusal.ToStatus() }, KubernetesJson.Compact), (byte)'\n'];
}
