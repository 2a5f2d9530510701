using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Hosting;

/// <summary>
/// <see cref="RequestGate"/> for calls by gRPC: an interceptor would be too late, it runs when the message has been read and decoded. What
/// is no call of a known method goes on: nothing there reads a body.
/// </summary>
internal sealed class GrpcGate(RequestDelegate next, RequestGate gate, IOptions<GatewayOptions> options)
{
    // All that a stream may bring. The server's own streams (reflection, Health/Watch) are open to everybody; a client's questions are some 50 bytes each.
    private const long MaxStreamBytes = 64 * 1024;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!GrpcRefusal.IsCall(context) || context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method is not { } method)
        {
            await next(context);
            return;
        }

        var isStream = method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming;
        if (isStream && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxStreamBytes;
        IDisposable held;
        try
        {
            held = await gate.PassAsync(context, method.FullName, isStream ? BodyForm.None : BodyForm.Message, options.Value.MaxMessageBytes);
        }
        catch (RpcException refusal)
        {
            await GrpcRefusal.WriteAsync(context, refusal);
            return;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return; // The client is gone: there is nobody to answer.
        }

        using (held)
            await next(context);
    }
}
