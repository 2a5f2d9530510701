using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Answers LIST: pages by limit and continue at one resource version, label and field selectors.</summary>
internal static class ListAnswer
{
    public static async Task ServeAsync(HttpContext http, SimulatedCluster cluster, RequestTarget target)
    {
        var query = http.Request.Query;
        var labels = LabelSelector.Parse(query["labelSelector"]);
        var fields = FieldSelector.Parse(query["fieldSelector"], target.Type);
        var metadataOnly = MediaTypes.MetadataOnly(http);
        var limit = Number(query["limit"], "limit");
        var (version, after) = query["continue"].ToString() is { Length: > 0 } token ? ReadToken(token) : (VersionOf(query), "");
        var page = cluster.Store.Page(target.Type, target.Namespace, version, after, (int)Math.Min(limit, int.MaxValue), o => labels.Matches(o.Labels) && fields.Matches(o));
        var next = page.NextKey is null ? null : WriteToken(page.Version, page.NextKey);
        // The count of what is left is given only when no selector has to be run over it.
        var remaining = labels.IsEmpty && fields.IsEmpty ? page.Remaining : 0;
        await ApiServer.WriteAsync(http, 200, Envelope(target.Type, page.Items.Select(o => MediaTypes.ShapeItem(metadataOnly, target.Type, cluster.Faults.Rewritten(target.Type, o.Name, o.Json))), page.Version, next, remaining, metadataOnly));
    }

    public static byte[] Envelope(ResourceType type, IEnumerable<byte[]> items, long version, string? next, int remaining, bool metadataOnly = false)
    {
        var metadata = new JsonObject { ["resourceVersion"] = version.ToString() };
        if (next is not null) metadata["continue"] = next;
        if (next is not null && remaining > 0) metadata["remainingItemCount"] = remaining;
        var (kind, apiVersion) = metadataOnly ? ("PartialObjectMetadataList", "meta.k8s.io/v1") : (type.Kind + "List", type.ApiVersion);
        using var body = new MemoryStream();
        body.Write(Encoding.UTF8.GetBytes($"{{\"kind\":\"{kind}\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{metadata.ToJsonString(KubernetesJson.Compact)},\"items\":["));
        var first = true;
        foreach (var item in items)
        {
            if (!first) body.WriteByte((byte)',');
            first = false;
            body.Write(item);
        }

        body.Write("]}"u8);
        return body.ToArray();
    }

    public static long Number(string? text, string name)
    {
        if (string.IsNullOrEmpty(text)) return 0;
        return long.TryParse(text, out var number) && number >= 0 ? number : throw Refusals.BadRequest($"{name}: Invalid value: \"{text}\": must be a whole number of 0 or more");
    }

    /// <summary>A list "not older than" the version is answered with what there is now; "Exact" asks for the past.</summary>
    private static long VersionOf(IQueryCollection query)
    {
        var version = Number(query["resourceVersion"], "resourceVersion");
        return query["resourceVersionMatch"] == "Exact" ? version : 0;
    }

    private static string WriteToken(long version, string key) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(
        new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = version, ["start"] = key }, KubernetesJson.Compact)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static (long Version, string After) ReadToken(string token)
    {
        try
        {
            var base64 = token.Replace('-', '+').Replace('_', '/');
            var state = JsonNode.Parse(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
            return (long.Parse(state.Text("rv")), state.Text("start"));
        }
        catch (Exception unreadable) when (unreadable is FormatException or JsonException)
        {
            throw Refusals.BadRequest("continue key is not valid: " + unreadable.Message);
        }
    }
}
