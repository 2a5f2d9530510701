using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace PxBackup.Gateway.Rest;

/// <summary>One implementation of a published service: the class that answers and the generated base it derives from.</summary>
/// <param name="Implementation">The class.</param>
/// <param name="Base">The generated <c>XxxBase</c>.</param>
/// <param name="Descriptor">The service.</param>
internal sealed record RpcService(Type Implementation, Type Base, ServiceDescriptor Descriptor)
{
    /// <exception cref="ArgumentException">The class does not derive from a generated service base.</exception>
    public static RpcService Of(Type implementation)
    {
        for (var type = implementation; type is not null; type = type.BaseType)
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is { } bind)
                return new RpcService(implementation, type, DescriptorOf(bind.BindType));

        throw new ArgumentException($"{implementation} is not a gRPC service: derive it from the generated base class of its service.", nameof(implementation));
    }

    private static ServiceDescriptor DescriptorOf(Type bindType) =>
        (ServiceDescriptor)bindType.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;
}

/// <summary>Registers and maps the implementations of the published services, for gRPC and REST alike.</summary>
public static class RpcServices
{
    /// <summary>
    /// Registers an implementation of one published service. It answers over gRPC once <see cref="MapRpcServices"/> is called and over
    /// REST once <c>UseRestGateway</c> is. A later registration of the same service replaces an earlier one.
    /// </summary>
    /// <typeparam name="TService">Derives from the generated base class, e.g. <c>Backup.BackupBase</c>.</typeparam>
    /// <param name="services">The container.</param>
    /// <param name="lifetime">Services are adapters without state, hence one instance unless said otherwise.</param>
    /// <exception cref="ArgumentException">The type does not derive from a generated service base.</exception>
    public static IServiceCollection AddRpcService<TService>(this IServiceCollection services, ServiceLifetime lifetime = ServiceLifetime.Singleton)
        where TService : class
    {
        services.Add(new Microsoft.Extensions.DependencyInjection.ServiceDescriptor(typeof(TService), typeof(TService), lifetime));
        return services.AddSingleton(RpcService.Of(typeof(TService)));
    }

    /// <summary>
    /// Maps all 24 services on the gRPC server. A service without a registered implementation answers Unimplemented (12) with the text
    /// <c>Service/Method is not built yet in this release of PxBackup</c>.
    /// </summary>
    /// <param name="endpoints">Where to map.</param>
    public static IEndpointRouteBuilder MapRpcServices(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var map = typeof(RpcServices).GetMethod(nameof(Map), BindingFlags.NonPublic | BindingFlags.Static)!;
        foreach (var service in endpoints.ServiceProvider.GetRequiredService<RpcTable>().Services)
            map.MakeGenericMethod(service.Implementation).Invoke(null, [endpoints]);
        return endpoints;
    }

    private static void Map<TService>(IEndpointRouteBuilder endpoints) where TService : class => endpoints.MapGrpcService<TService>();
}
