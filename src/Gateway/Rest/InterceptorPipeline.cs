using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace PxBackup.Gateway.Rest;

/// <summary>The gRPC server's interceptors, applied to a call that did not come by gRPC. First registered is outermost, as there.</summary>
internal sealed class InterceptorPipeline
{
    private readonly (Type Type, ObjectFactory Create, object[] Arguments)[] _interceptors;

    private InterceptorPipeline((Type, ObjectFactory, object[])[] interceptors) => _interceptors = interceptors;

    public static InterceptorPipeline Of(IEnumerable<InterceptorRegistration> registrations) =>
        new([.. registrations.Select(registration =>
        {
            object[] arguments = [.. registration.Arguments];
            Type[] types = [.. arguments.Select(argument => argument.GetType())];
            return (registration.Type, ActivatorUtilities.CreateFactory(registration.Type, types), arguments);
        })]);

    public UnaryServerMethod<TRequest, TResponse> Wrap<TRequest, TResponse>(IServiceProvider services, UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        for (var index = _interceptors.Length - 1; index >= 0; index--)
        {
            var (type, create, arguments) = _interceptors[index];
            var interceptor = (Interceptor)(services.GetService(type) ?? create(services, arguments));
            var next = handler;
            handler = (request, context) => interceptor.UnaryServerHandler(request, context, next);
        }
        return handler;
    }
}
