using Grpc.Core;
using Grpc.Core.Interceptors;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Gives the answer of a method that nobody overrode a text. Generated base classes answer Unimplemented with an empty one. It is
/// the innermost interceptor, so that a caller is signed in before being told.
/// </summary>
internal sealed class UnimplementedInterceptor : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (RpcException e) when (e is { StatusCode: StatusCode.Unimplemented, Status.Detail.Length: 0 })
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, $"{context.Method[1..]} is not built yet in this release of PxBackup"));
        }
    }
}
