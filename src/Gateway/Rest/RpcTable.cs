using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Microsoft.Extensions.Options;
using PxBackup.Api;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Every method of the contract with the delegate that runs it in this process: its service from the container, wrapped in the same
/// interceptors (<see cref="GrpcServiceOptions.Interceptors"/>, in their order) as a call by gRPC.
/// </summary>
public sealed class RpcTable
{
    private readonly Dictionary<MethodDescriptor, RpcMethod> _methods = [];

    internal RpcTable(IEnumerable<RpcService> registered, IOptions<GrpcServiceOptions> grpc)
    {
        var byService = UnimplementedServices.All.Select(RpcService.Of).ToDictionary(service => service.Descriptor);
        foreach (var service in registered)
            byService[service.Descriptor] = service;

        Services = [.. Contract.Services.Select(descriptor => byService[descriptor])];
        var interceptors = InterceptorPipeline.Of(grpc.Value.Interceptors);
        foreach (var service in Services)
            foreach (var method in service.Descriptor.Methods)
                _methods.Add(method, Compile(service, method, interceptors));
    }

    /// <summary>One implementation for each published service, in published order.</summary>
    internal IReadOnlyList<RpcService> Services { get; }

    /// <summary>The way to call a method of the contract in this process.</summary>
    /// <param name="method">A method of one of <see cref="Contract.Services"/>.</param>
    /// <exception cref="KeyNotFoundException">The method is not part of the contract.</exception>
    public RpcMethod Find(MethodDescriptor method) => _methods[method];

    private static RpcMethod Compile(RpcService service, MethodDescriptor method, InterceptorPipeline interceptors)
    {
        var call = service.Base.GetMethod(method.Name, BindingFlags.Public | BindingFlags.Instance)
            ?? throw new InvalidOperationException($"{service.Base} has no method {method.Name}.");
        var type = typeof(UnaryRpcMethod<,,>).MakeGenericType(service.Base, method.InputType.ClrType, method.OutputType.ClrType);
        return (RpcMethod)Activator.CreateInstance(type, method, service.Implementation, call, interceptors)!;
    }
}
