using Grpc.Core;
using Grpc.Core.Interceptors;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Gives the answer of a method that nobody overrode a text. Generated base classes answer Unimplemented with an empty one. It is
/// the innermost interceptor, so that a caller is signed in before being told.
/// </summary>
internal sealed class UnimplementedInterceptor : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Task<TResponse> pending;
        try
        {
            pending = continuation(request, context);
        }
        catch (RpcException e) when (IsUnnamed(e))
        {
            return Task.FromException<TResponse>(Refusal(context));
        }

        // The base classes refuse at once: what is still at work was overridden and needs no state machine of ours around it.
        return pending is { IsFaulted: true, Exception.InnerException: RpcException refused } && IsUnnamed(refused)
            ? Task.FromException<TResponse>(Refusal(context))
            : pending;
    }

    private static bool IsUnnamed(RpcException e) => e is { StatusCode: StatusCode.Unimplemented, Status.Detail.Length: 0 };

    private static RpcException Refusal(ServerCallContext context) =>
        ErrorDetails.ToRpc(new DomainException(ErrorReason.Unimplemented, $"{context.Method[1..]} is not built yet in this release of PxBackup"));
}
