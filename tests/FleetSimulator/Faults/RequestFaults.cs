using Microsoft.AspNetCore.Http;
using PxBackup.FleetSimulator.Faults;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Stands before the API server and lets the cluster's faults have their way with each request.</summary>
internal static class RequestFaults
{
    /// <summary>Key in HttpContext.Items: the API server must act but not answer.</summary>
    public static readonly object Muted = new();

    public static async Task ServeAsync(HttpContext http, SimulatedCluster cluster)
    {
        var faults = cluster.Faults;
        if (faults.Mode == ApiServerMode.Silent) await faults.UntilUp().WaitAsync(http.RequestAborted);
        if (faults.Latency > TimeSpan.Zero) await Task.Delay(faults.Latency, http.RequestAborted);
        var fault = faults.Take(http.Request.Method, http.Request.Query["watch"].ToString() is "true" or "1", http.Request.Path.Value!);
        if (fault is null)
        {
            await ApiServer.ServeAsync(http, cluster);
            return;
        }

        if (fault.Effect is RequestEffect.DoneButRefused or RequestEffect.DoneButDropped)
        {
            http.Items[Muted] = true;
            await ApiServer.ServeAsync(http, cluster);
            http.Items.Remove(Muted);
        }

        await AnswerAsync(http, cluster, fault);
    }

    private static async Task AnswerAsync(HttpContext http, SimulatedCluster cluster, RequestFault fault)
    {
        switch (fault.Effect)
        {
            case RequestEffect.Dropped or RequestEffect.DoneButDropped:
                http.Abort();
                break;
            case RequestEffect.Hung:
                await Task.Delay(Timeout.Infinite, http.RequestAborted);
                break;
            case RequestEffect.NotDoneButAnswered:
                http.Response.StatusCode = http.Request.Method == "POST" ? 201 : 200;
                http.Response.ContentType = "application/json";
                await http.Request.Body.CopyToAsync(http.Response.Body, http.RequestAborted);
                break;
            case RequestEffect.EndlessPages:
                await HostileAnswers.PageAsync(http, cluster, fault);
                break;
            case RequestEffect.Giant:
                await HostileAnswers.GiantAsync(http, fault);
                break;
            case RequestEffect.SlowBytes:
                await HostileAnswers.SlowAsync(http, fault);
                break;
            case RequestEffect.Body:
                await HostileAnswers.BodyAsync(http, fault);
                break;
            case RequestEffect.GiantHeader:
                await HostileAnswers.HeaderAsync(http, fault);
                break;
            default:
                if (fault.RetryAfterSeconds is { } seconds) http.Response.Headers.RetryAfter = seconds.ToString();
                await ApiServer.WriteAsync(http, fault.Code, Refusal(fault.Code, cluster).ToStatus());
                break;
        }
    }

    private static KubernetesStatusException Refusal(int code, SimulatedCluster cluster) => code switch
    {
        401 => Refusals.Unauthorized(),
        403 => new(403, "Forbidden", $"forbidden: User \"{cluster.User}\" cannot access this path"),
        404 => Refusals.UnknownPath(),
        409 => new(409, "Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again"),
        410 => new(410, "Expired", "The provided resource version is too old."),
        429 => new(429, "TooManyRequests", "Too many requests, please try again later."),
        500 => new(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
        503 => new(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => new(504, "Timeout", "Timeout: request did not complete within requested timeout - context deadline exceeded"),
        _ => new(code, "", $"the server answered {code} as it was told to"),
    };
}
