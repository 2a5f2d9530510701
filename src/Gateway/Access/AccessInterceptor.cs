using Grpc.Core;
using Grpc.Core.Interceptors;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Access;

/// <summary>
/// Hands the caller that <see cref="CallGate"/> proved to the service, for gRPC and REST alike, inside <see cref="Errors.ErrorInterceptor"/>.
/// A call that came around the gate is proved here: no way in is open because somebody forgot the gate.
/// </summary>
internal sealed class AccessInterceptor(CallGate gate) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var row = RpcAccess.Of(context.Method);
        if (row.Right == RpcRight.Anonymous)
            return continuation(request, context);
        var proof = gate.ProveAsync(context.GetHttpContext(), row);
        if (!proof.IsCompletedSuccessfully)
            return AfterProofAsync(proof, request, context, continuation);
        context.SetCaller(proof.Result!);
        return continuation(request, context);
    }

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(requestStream, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(request, responseStream, context);
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(requestStream, responseStream, context);
    }

    private static async Task<TResponse> AfterProofAsync<TRequest, TResponse>(
        ValueTask<Caller?> proof, TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        where TRequest : class
        where TResponse : class
    {
        context.SetCaller((await proof)!);
        return await continuation(request, context);
    }

    private static void OnlyAnonymous(ServerCallContext context)
    {
        // The contract has no streams; the server's own (health, reflection) are open to everybody.
        var row = RpcAccess.Of(context.Method);
        if (row.Right != RpcRight.Anonymous)
            throw Denied(row);
    }

    private static DomainException Denied(RpcAccess.Row row) =>
        new(ErrorReason.PermissionDenied, $"Access denied for [Resource: {row.Resource}]");
}
