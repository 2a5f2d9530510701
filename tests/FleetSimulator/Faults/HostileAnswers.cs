using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>Answers that no API server of good will gives: without end, of any size, a byte at a time.</summary>
internal static class HostileAnswers
{
    private static readonly byte[] Filler = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));
    private static readonly byte[] Blank = " "u8.ToArray();

    /// <summary>A list whose pages never end.</summary>
    public static Task PageAsync(HttpContext http, SimulatedCluster cluster, RequestFault fault)
    {
        var segments = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (RequestTarget.Parse(cluster.Store, segments) is not { } target) throw Refusals.UnknownPath();
        var items = Enumerable.Range(0, fault.Items).Select(number => (JsonNode)MadeUp.Object(target.Type, target.Namespace, $"made-up-{fault.Taken}-{number}", Guid.NewGuid().ToString(), cluster.Store.Version));
        return ApiServer.WriteAsync(http, 200, new JsonObject
        {
            ["kind"] = target.Type.Kind + "List", ["apiVersion"] = target.Type.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = cluster.Store.Version.ToString(), ["continue"] = fault.SameContinue ? "again" : $"page-{fault.Taken}" },
            ["items"] = new JsonArray([.. items]),
        });
    }

    /// <summary>JSON of the wanted length: one text in a Status that says nothing else.</summary>
    public static async Task GiantAsync(HttpContext http, RequestFault fault)
    {
        Begin(http, fault);
        await http.Response.Body.WriteAsync("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\""u8.ToArray(), http.RequestAborted);
        for (var left = fault.Bytes; left > 0; left -= Filler.Length) await http.Response.Body.WriteAsync(Filler.AsMemory(0, (int)Math.Min(left, Filler.Length)), http.RequestAborted);
        await http.Response.Body.WriteAsync("\"}\n"u8.ToArray(), http.RequestAborted);
    }

    /// <summary>Blanks, one at a time, of which JSON may have as many as it likes.</summary>
    public static async Task SlowAsync(HttpContext http, RequestFault fault)
    {
        Begin(http, fault);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        for (var left = fault.Bytes > 0 ? fault.Bytes : long.MaxValue; left > 0; left--)
        {
            await http.Response.Body.WriteAsync(Blank, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(fault.EveryMilliseconds, http.RequestAborted);
        }
    }

    /// <summary>The body that was given, whatever was asked.</summary>
    public static async Task BodyAsync(HttpContext http, RequestFault fault)
    {
        Begin(http, fault);
        await http.Response.WriteAsync(fault.Body ?? "{}", http.RequestAborted);
    }

    /// <summary>A header of the wanted length.</summary>
    public static Task HeaderAsync(HttpContext http, RequestFault fault)
    {
        http.Response.Headers["X-Made-Up"] = new string('h', (int)Math.Min(fault.Bytes, int.MaxValue));
        return BodyAsync(http, fault);
    }

    private static void Begin(HttpContext http, RequestFault fault)
    {
        http.Response.StatusCode = fault.Code;
        http.Response.ContentType = "application/json";
    }
}
