using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Hosting;

/// <summary>
/// Refuses in words what is too long for a request's head. The server's own limits stand above these: beyond them it answers by a status
/// without a body, which no code can change.
/// </summary>
internal sealed class RequestHeadLimit(RequestDelegate next)
{
    /// <summary>Longest path with its query. List filters stand there: a thousand values of 15 characters fit.</summary>
    public const int MaxTarget = 16 * 1024;

    /// <summary>All headers together: a token of 16 KiB and what proxies add.</summary>
    public const int MaxHeaderBytes = 32 * 1024;

    /// <summary>Headers of one request.</summary>
    public const int MaxHeaders = 100;

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestFeature>()?.RawTarget.Length > MaxTarget)
            return RefuseAsync(context, StatusCodes.Status414UriTooLong, $"the path and its query are longer than {MaxTarget} characters; send long filters in the body of a POST …/enumerate");
        var (count, bytes) = (0, 0L);
        foreach (var (name, values) in context.Request.Headers)
        {
            foreach (var value in values)
                (count, bytes) = (count + 1, bytes + name.Length + (value?.Length ?? 0) + 4);
        }

        return count > MaxHeaders || bytes > MaxHeaderBytes
            ? RefuseAsync(context, StatusCodes.Status431RequestHeaderFieldsTooLarge, $"the request has {count} headers of {bytes} bytes; at most {MaxHeaders} of together {MaxHeaderBytes} bytes are taken")
            : next(context);
    }

    private static Task RefuseAsync(HttpContext context, int status, string text)
    {
        var refusal = ErrorDetails.ToRpc(new DomainException(ErrorReason.LimitReached, text));
        return Listener.IsGrpc(context)
            ? GrpcRefusal.WriteAsync(context, refusal)
            : RestError.WriteAsync(context.Response, refusal.Status, refusal.Trailers, context.RequestAborted, status);
    }
}
