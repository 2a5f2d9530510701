using System.Reflection;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace PxBackup.Gateway.Rest;

/// <summary>One method of the contract, callable in this process without knowing its types.</summary>
/// <param name="descriptor">The method.</param>
public abstract class RpcMethod(MethodDescriptor descriptor)
{
    /// <summary>The method's descriptor.</summary>
    public MethodDescriptor Descriptor { get; } = descriptor;

    /// <summary>The path by gRPC, e.g. <c>/Backup/Create</c>.</summary>
    public string FullName { get; } = $"/{descriptor.Service.FullName}/{descriptor.Name}";

    /// <summary>Runs the interceptors and the service.</summary>
    /// <param name="http">Gives the services of the request.</param>
    /// <param name="request">A message of the method's input type.</param>
    /// <param name="context">What the service and the interceptors see of the call.</param>
    /// <exception cref="RpcException">The call failed, as it would by gRPC.</exception>
    public abstract Task<IMessage> InvokeAsync(HttpContext http, IMessage request, ServerCallContext context);
}

internal sealed class UnaryRpcMethod<TBase, TRequest, TResponse>(
    MethodDescriptor descriptor, Type implementation, MethodInfo method, InterceptorPipeline interceptors) : RpcMethod(descriptor)
    where TBase : class
    where TRequest : class, IMessage
    where TResponse : class, IMessage
{
    private readonly Func<TBase, TRequest, ServerCallContext, Task<TResponse>> _call =
        method.CreateDelegate<Func<TBase, TRequest, ServerCallContext, Task<TResponse>>>();

    // As gRPC activates services: from the container, or created from it when the type is not registered there.
    private readonly ObjectFactory _create = ActivatorUtilities.CreateFactory(implementation, []);

    public override async Task<IMessage> InvokeAsync(HttpContext http, IMessage request, ServerCallContext context)
    {
        var service = (TBase)(http.RequestServices.GetService(implementation) ?? _create(http.RequestServices, []));
        var handler = interceptors.Wrap<TRequest, TResponse>(http.RequestServices, (input, call) => _call(service, input, call));
        return await handler((TRequest)request, context)
            ?? throw new RpcException(new Status(StatusCode.Internal, $"{FullName} returned no message"));
    }
}
