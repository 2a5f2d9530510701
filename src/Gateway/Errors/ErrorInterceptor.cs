using System.Diagnostics;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Errors;

/// <summary>
/// The outermost interceptor: what a call throws becomes a status that a client may see. Only refusals carry their own text;
/// of anything else the client learns a trace id, and the log the rest.
/// </summary>
internal sealed partial class ErrorInterceptor(TimeProvider time, ILogger<ErrorInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    internal RpcException Translate(Exception error, ServerCallContext context)
    {
        switch (error)
        {
            case DomainException { Reason: not ErrorReason.Unspecified } refusal:
                LogRefusal(logger, context.Method, refusal.Reason);
                return ErrorDetails.ToRpc(IdempotencyKey.Named(refusal, context));
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                return time.GetUtcNow() >= context.Deadline
                    ? Of(StatusCode.DeadlineExceeded, "the call's deadline passed before the answer was there")
                    : Of(StatusCode.Cancelled, "the caller cancelled the call");
            case OperationCanceledException:
                return Of(StatusCode.Unavailable, "this server is stopping; ask again");
            case Exception when SiloFailures.IsAnotherRelease(error):
                LogAnotherRelease(logger, context.Method, error);
                return Of(StatusCode.Unavailable, "the silo that has the object runs another release than this one and does not know the request; ask again when all silos are upgraded");
            case Exception when SiloFailures.IsTransient(error):
                LogUnavailable(logger, context.Method, error);
                return Of(StatusCode.Unavailable, "the control plane did not answer in time; what was asked may or may not have happened: ask again");
            default:
                var trace = Activity.Current?.TraceId.ToHexString() ?? Guid.NewGuid().ToString("N");
                LogDefect(logger, context.Method, trace, error);
                return Of(StatusCode.Internal, $"internal error; the server's log tells more under trace {trace}");
        }
    }

    private static RpcException Of(StatusCode code, string text) => new(new Status(code, text));

    [LoggerMessage(LogLevel.Debug, "{Method} refused: {Reason}")]
    private static partial void LogRefusal(ILogger logger, string method, ErrorReason reason);

    [LoggerMessage(LogLevel.Warning, "{Method}: no answer from the silos")]
    private static partial void LogUnavailable(ILogger logger, string method, Exception error);

    [LoggerMessage(LogLevel.Error, "{Method}: a silo of another release, or a defect in how messages are written")]
    private static partial void LogAnotherRelease(ILogger logger, string method, Exception error);

    [LoggerMessage(LogLevel.Error, "{Method} failed, trace {Trace}")]
    private static partial void LogDefect(ILogger logger, string method, string trace, Exception error);
}
