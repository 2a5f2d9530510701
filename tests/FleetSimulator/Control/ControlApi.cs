using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Control;

/// <summary>Faults and ground truth over plain HTTP on loopback, for what runs in another process.</summary>
internal static class ControlApi
{
    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() }, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static async Task ServeAsync(HttpContext http, SimulatedFleet fleet)
    {
        var path = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            switch (http.Request.Method, path)
            {
                case ("GET", ["clusters"]):
                    await WriteAsync(http, new JsonArray([.. fleet.Clusters.Select(c => (JsonNode)Describe(c))]));
                    break;
                case ("GET", ["clusters", var name]):
                    await WriteAsync(http, Describe(fleet[name]));
                    break;
                case ("GET", ["clusters", var name, "kubeconfig"]):
                    var kubeconfig = http.Request.Query["user"] == "certificate" ? fleet[name].ClientCertificateKubeconfig() : fleet[name].Kubeconfig;
                    http.Response.ContentType = "application/yaml";
                    await http.Response.WriteAsync(kubeconfig, http.RequestAborted);
                    break;
                case ("GET", ["clusters", var name, "log"]):
                    await http.Response.WriteAsJsonAsync(fleet[name].Log.Since(long.TryParse(http.Request.Query["since"], out var since) ? since : 0), Json, http.RequestAborted);
                    break;
                case ("GET", ["clusters", var name, "rights"]):
                    await http.Response.WriteAsJsonAsync(fleet[name].UsedRights.All, Json, http.RequestAborted);
                    break;
                case ("GET", ["clusters", var name, "objects", var resource]):
                    await WriteAsync(http, new JsonArray([.. fleet[name].Objects.List(resource, http.Request.Query["namespace"].ToString())]));
                    break;
                case ("POST", ["clusters", var name, "objects"]):
                    await WriteAsync(http, fleet[name].Objects.Create((await JsonNode.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted))!.AsObject()));
                    break;
                case ("DELETE", ["clusters", var name, "objects", var resource, var item]):
                    await WriteAsync(http, new JsonObject { ["deleted"] = fleet[name].Objects.Delete(resource, http.Request.Query["namespace"].ToString(), item) });
                    break;
                case ("POST", ["clusters", var name, "faults"]):
                    var orders = await http.Request.ReadFromJsonAsync<FaultOrders>(Json, http.RequestAborted) ?? throw new JsonException("the body is null");
                    await WriteAsync(http, await orders.ApplyAsync(fleet[name]));
                    break;
                default:
                    await RefuseAsync(http, 404, "There are GET /clusters, /clusters/NAME[/kubeconfig|/log?since=N|/rights|/objects/RESOURCE?namespace=NS], POST /clusters/NAME/faults, POST /clusters/NAME/objects "
                        + "and DELETE /clusters/NAME/objects/RESOURCE/NAME?namespace=NS.");
                    break;
            }
        }
        catch (Exception refused) when (refused is KeyNotFoundException or ArgumentException or JsonException or InvalidOperationException or KubernetesStatusException)
        {
            await RefuseAsync(http, refused is KeyNotFoundException ? 404 : 400, refused.Message);
        }
    }

    private static JsonObject Describe(SimulatedCluster cluster) => new()
    {
        ["name"] = cluster.Name, ["server"] = cluster.Server.AbsoluteUri, ["token"] = cluster.Token, ["resourceVersion"] = cluster.Store.Version, ["writes"] = cluster.Log.Count,
        ["mode"] = cluster.Faults.Mode.ToString(), ["storkRunning"] = cluster.Stork.Running,
    };

    private static async Task RefuseAsync(HttpContext http, int code, string message)
    {
        http.Response.StatusCode = code;
        await WriteAsync(http, new JsonObject { ["error"] = message });
    }

    private static Task WriteAsync(HttpContext http, JsonNode body)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body.ToJsonString(KubernetesJson.Compact), http.RequestAborted);
    }
}
