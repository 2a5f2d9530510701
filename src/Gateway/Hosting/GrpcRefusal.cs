using Grpc.Core;
using Microsoft.AspNetCore.Http;
using PxBackup.Gateway.Errors;

namespace PxBackup.Gateway.Hosting;

/// <summary>Answers a call by gRPC that no service will see: status and details in the headers, no body.</summary>
internal static class GrpcRefusal
{
    /// <summary>The request is a call by gRPC, not something else that found the port.</summary>
    public static bool IsCall(HttpContext context) =>
        HttpMethods.IsPost(context.Request.Method) && context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    public static Task WriteAsync(HttpContext context, RpcException refusal)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = ((int)refusal.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        context.Response.Headers["grpc-message"] = PercentText.Message(refusal.Status.Detail);
        if (refusal.Trailers.GetValueBytes(ErrorDetails.Trailer) is { } details)
            context.Response.Headers[ErrorDetails.Trailer] = Convert.ToBase64String(details).TrimEnd('=');
        return Task.CompletedTask;
    }
}
