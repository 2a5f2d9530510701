using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>The HTTP face of one cluster: routes, verbs, Status objects. Holds no state of its own.</summary>
internal static class ApiServer
{
    /// <summary>kube-apiserver's limit on a request's body.</summary>
    private const long MaxBody = 3 * 1024 * 1024;

    private const string PatchTypes = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

    public static async Task ServeAsync(HttpContext http, SimulatedCluster cluster)
    {
        try
        {
            var user = Authentication.UserOf(http, cluster);
            var segments = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
            if (segments.Length == 0 || segments[0] is not ("api" or "apis") || !await ServeResourceAsync(http, cluster, segments, user))
            {
                var answer = Discovery.Answer(cluster, segments) ?? throw Refusals.UnknownPath();
                if (http.Request.Method is not ("GET" or "HEAD")) throw Refusals.Method();
                if (answer is JsonValue text) await http.Response.WriteAsync(text.ToString(), http.RequestAborted);
                else await WriteAsync(http, 200, answer);
            }
        }
        catch (KubernetesStatusException refusal) when (!http.Response.HasStarted)
        {
            await WriteAsync(http, refusal.Code, refusal.ToStatus());
        }
    }

    public static Task WriteAsync(HttpContext http, int code, JsonNode body) => WriteAsync(http, code, JsonSerializer.SerializeToUtf8Bytes(body, KubernetesJson.Compact));

    public static async Task WriteAsync(HttpContext http, int code, byte[] body)
    {
        if (http.Items.ContainsKey(RequestFaults.Muted)) return;   // The effect was wanted, another answer was given.
        http.Response.StatusCode = code;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    private static async Task<bool> ServeResourceAsync(HttpContext http, SimulatedCluster cluster, string[] segments, string user)
    {
        if (await AccessReviews.TryServeAsync(http, cluster, segments, user)) return true;
        if (RequestTarget.Parse(cluster.Store, segments) is not { } target) return false;
        var watch = http.Request.Method == "GET" && http.Request.Query["watch"].ToString() is "true" or "1";
        var verb = VerbOf(http.Request.Method, target.Name, watch);
        cluster.UsedRights.Add(verb, target);
        Authentication.Authorize(cluster, user, verb, target);
        if (target.Subresource.Length > 0 && !(target.Subresource == "status" && ObjectRules.HasStatusSubresource(target.Type))) throw Refusals.UnknownPath();
        await (http.Request.Method switch
        {
            "GET" when watch => WatchStream.ServeAsync(http, cluster, target),
            "GET" when target.Name.Length > 0 => GetAsync(http, cluster, target),
            "GET" => ListAnswer.ServeAsync(http, cluster, target),
            "POST" when target.Name.Length == 0 => CreateAsync(http, cluster, target, user),
            "PUT" when target.Name.Length > 0 => ReplaceAsync(http, cluster.Store, target, user),
            "PATCH" when target.Name.Length > 0 => PatchAsync(http, cluster, target, user),
            "DELETE" => DeleteAsync(http, cluster.Store, target, user),
            _ => throw Refusals.Method(),
        });
        return true;
    }

    private static Task GetAsync(HttpContext http, SimulatedCluster cluster, RequestTarget target)
    {
        if (target.Type == BuiltInResources.Leases) cluster.Stork.RenewLease();
        return WriteAsync(http, 200, Shown(http, cluster, target, cluster.Store.Get(target.Type, target.Namespace, target.Name)));
    }

    private static byte[] Shown(HttpContext http, SimulatedCluster cluster, RequestTarget target, StoredObject item) =>
        MediaTypes.Shape(MediaTypes.MetadataOnly(http), cluster.Faults.Rewritten(target.Type, item.Name, item.Json));

    private static async Task CreateAsync(HttpContext http, SimulatedCluster cluster, RequestTarget target, string user)
    {
        if (target.Type.Namespaced && target.Namespace.Length == 0) throw Refusals.Method();
        var body = await BodyAsync(http, target);
        var stored = cluster.Store.Create(target.Type, target.Namespace, body, user, http.Request.Query["dryRun"] == "All");
        await WriteAsync(http, 201, Shown(http, cluster, target, stored));
    }

    private static async Task ReplaceAsync(HttpContext http, ClusterStore store, RequestTarget target, string user)
    {
        var body = await BodyAsync(http, target);
        var name = body.Text("metadata", "name");
        if (name != target.Name) throw Refusals.BadRequest($"the name of the object ({name}) does not match the name on the URL ({target.Name})");
        await WriteAsync(http, 200, MediaTypes.Shape(http, store.Replace(target.Type, target.Namespace, target.Name, body, user, target.Subresource)));
    }

    private static async Task PatchAsync(HttpContext http, SimulatedCluster cluster, RequestTarget target, string user)
    {
        var raw = await ReadAsync(http);
        // Built-in kinds take strategic merge patches; without lists to merge by key they mean the same as merge patches.
        Func<JsonObject, JsonObject> patch = MediaTypes.ContentType(http) switch
        {
            "application/merge-patch+json" => before => JsonPatches.Merge(before, ParseObject(raw)),
            "application/strategic-merge-patch+json" when !target.Type.Custom => before => JsonPatches.Merge(before, ParseObject(raw)),
            "application/json-patch+json" => before => JsonPatches.Apply(before, Parse(raw)),
            _ => throw Refusals.MediaType(PatchTypes),
        };
        await WriteAsync(http, 200, Shown(http, cluster, target, cluster.Store.Patch(target.Type, target.Namespace, target.Name, patch, user, target.Subresource)));
    }

    private static async Task DeleteAsync(HttpContext http, ClusterStore store, RequestTarget target, string user)
    {
        var raw = await ReadAsync(http);
        var options = raw.Length == 0 ? [] : ParseObject(raw);
        if (target.Name.Length == 0)
        {
            await DeleteAllAsync(http, store, target, user);
            return;
        }

        var (last, gone) = store.Delete(target.Type, target.Namespace, target.Name, user, options.Text("preconditions", "uid"), options.Text("preconditions", "resourceVersion"));
        if (!gone || target.Type == BuiltInResources.Pods || target.Type == BuiltInResources.Claims) await WriteAsync(http, 200, MediaTypes.Shape(http, last));
        else await WriteAsync(http, 200, Deleted(target.Type, last));
    }

    private static async Task DeleteAllAsync(HttpContext http, ClusterStore store, RequestTarget target, string user)
    {
        if (target.Type == BuiltInResources.Namespaces) throw Refusals.Method();
        var labels = LabelSelector.Parse(http.Request.Query["labelSelector"]);
        var items = store.List(target.Type, target.Namespace).Where(o => labels.Matches(o.Labels)).ToList();
        foreach (var item in items) store.Delete(target.Type, item.Namespace, item.Name, user, item.Uid);
        await WriteAsync(http, 200, ListAnswer.Envelope(target.Type, items.Select(i => i.Json), store.Version, null, 0));
    }

    private static JsonObject Deleted(ResourceType type, StoredObject last)
    {
        var details = new JsonObject { ["name"] = last.Name, ["group"] = type.Group, ["kind"] = type.Plural, ["uid"] = last.Uid };
        if (type.Group.Length == 0) details.Remove("group");
        return new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details };
    }

    private static async Task<JsonObject> BodyAsync(HttpContext http, RequestTarget target)
    {
        var raw = await ReadAsync(http);
        if (MediaTypes.ContentType(http) is not ("application/json" or "")) throw Refusals.MediaType("application/json");
        var body = ParseObject(raw);
        if (body.Text("kind").Length == 0) throw Refusals.BadRequest("Object 'Kind' is missing in the request body");
        if (body.Text("apiVersion") != target.Type.ApiVersion || body.Text("kind") != target.Type.Kind)
            throw Refusals.BadRequest($"the object provided is unrecognized (must be of type {target.Type.ApiVersion}, Kind={target.Type.Kind}): got {body.Text("apiVersion")}, Kind={body.Text("kind")}");
        if (body["metadata"] is not (null or JsonObject)) throw Refusals.BadRequest("metadata of the provided object is no JSON object");
        var ns = body.Text("metadata", "namespace");
        if (target.Type.Namespaced && ns.Length > 0 && ns != target.Namespace) throw Refusals.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        return body;
    }

    private static async Task<byte[]> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentLength > MaxBody) throw Refusals.TooLarge(MaxBody);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await http.Request.Body.ReadAsync(buffer, http.RequestAborted)) > 0)
        {
            body.Write(buffer, 0, read);
            if (body.Length > MaxBody) throw Refusals.TooLarge(MaxBody);
        }

        return body.ToArray();
    }

    private static JsonObject ParseObject(byte[] raw) => Parse(raw) as JsonObject ?? throw Refusals.BadRequest("the body of the request is no JSON object");

    private static JsonNode Parse(byte[] raw)
    {
        try
        {
            return JsonNode.Parse(raw) ?? throw Refusals.BadRequest("the body of the request is null");
        }
        catch (JsonException refused)
        {
            throw Refusals.BadRequest($"error decoding the body: {refused.Message}");
        }
    }

    private static string VerbOf(string method, string name, bool watch) => method switch
    {
        "GET" => watch ? "watch" : name.Length > 0 ? "get" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => name.Length > 0 ? "delete" : "deletecollection",
        _ => method.ToLowerInvariant(),
    };
}
