using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.BackupLocations;
using PxBackup.Gateway.Backups;
using PxBackup.Gateway.CloudCredentials;
using PxBackup.Gateway.Clusters;
using PxBackup.Gateway.Errors;
using PxBackup.Gateway.Identity;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Organizations;
using PxBackup.Gateway.Requests;
using PxBackup.Gateway.Rest;
using PxBackup.Gateway.Restores;
using PxBackup.Gateway.Server;

namespace PxBackup.Gateway.Hosting;

/// <summary>The edge as a host takes it in: gRPC and REST, sign-in, probes and metrics.</summary>
public static class GatewaySetup
{
    /// <summary>
    /// Adds the published services and makes Kestrel listen as section <c>Gateway</c> says. Needs an <c>IGrainFactory</c> (a silo or an
    /// Orleans client) in the container. Settings are checked when the host starts.
    /// </summary>
    public static IServiceCollection AddPxGateway(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<GatewayOptions>().Bind(configuration.GetSection(GatewayOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<GatewayOptions>, GatewayOptionsAttributes>();
        services.AddSingleton<IValidateOptions<GatewayOptions>, GatewayOptionsRules>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, KestrelSetup>();
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton<ErrorInterceptor>();
        services.AddSingleton<CallGate>();
        services.AddSingleton<BodyBudget>();
        services.AddSingleton<RequestGate>();
        services.AddSingleton<AccessInterceptor>();
        services.AddSingleton<ReadRetryInterceptor>();
        services.AddSingleton<WrongUidInterceptor>();
        // First is outermost: refusals of the access check are translated too.
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<ErrorInterceptor>();
            grpc.Interceptors.Add<AccessInterceptor>();
            grpc.Interceptors.Add<ReadRetryInterceptor>();
            grpc.Interceptors.Add<WrongUidInterceptor>();
        });
        services.AddOptions<Grpc.AspNetCore.Server.GrpcServiceOptions>()
            .Configure<IOptions<GatewayOptions>>((grpc, gateway) => grpc.MaxReceiveMessageSize = gateway.Value.MaxMessageBytes);
        services.AddGrpcReflection();
        services.AddRestGateway();
        services.AddOptions<RestGatewayOptions>()
            .Configure<IOptions<GatewayOptions>>((rest, gateway) => (rest.MaxMessageBytes, rest.MaxBodyBytes) = (gateway.Value.MaxMessageBytes, 2 * gateway.Value.MaxMessageBytes));

        services.AddOptions<ListLimits>().Bind(configuration.GetSection(ListLimits.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ListLimits>, ListLimitsAttributes>();
        services.AddSingleton<IValidateOptions<ListLimits>, ListLimitsRules>();

        services.AddPxIdentity(configuration);
        services.AddPublishedServices();
        services.AddGrpcHealthChecks(health => health.Services.Map("", check => check.Tags.Contains(ProbeSetup.Ready))).AddReadiness();
        // Last: whatever above adds gRPC again must not bring its own binder back.
        services.RemoveAll(typeof(IServiceMethodProvider<>));
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(GrpcMethods<>));
        return services.AddPxMetrics(configuration);
    }

    /// <summary>Builds the pipeline: what comes by the gRPC port reaches gRPC only, and gRPC is reached by no other port.</summary>
    public static WebApplication MapPxGateway(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseMiddleware<RequestHeadLimit>();
        app.MapWhen(Listener.IsGrpc, grpc => grpc.UseRouting().UseMiddleware<GrpcPaths>().UseMiddleware<GrpcGate>().UseEndpoints(endpoints =>
        {
            endpoints.MapRpcServices();
            endpoints.MapGrpcHealthChecksService();
            if (app.Services.GetRequiredService<IOptions<GatewayOptions>>().Value.Reflection)
                endpoints.MapGrpcReflectionService();
        }));
        app.MapPxIdentity();
        app.UseRestGateway();
        app.UseMetricsPage();
        // Here and not at the front: calls of the API need no routing of the host.
        app.UseRouting();
        app.MapProbes();
        app.MapFallback("{*path}", context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.ContentLength = "Not Found\n".Length;
            return context.Response.WriteAsync("Not Found\n", context.RequestAborted);
        });
        return app;
    }

    // One line for each service that is built; every other one answers Unimplemented.
    private static void AddPublishedServices(this IServiceCollection services)
    {
        services.AddSingleton<IReferences, References>();
        services.AddSingleton<ListGate>();
        services.AddSingleton<ListReader>();
        services.AddRpcService<HealthService>();
        services.AddRpcService<VersionService>();
        services.AddRpcService<OrganizationService>();
        services.AddRpcService<CloudCredentialService>();
        services.AddRpcService<BackupLocationService>();
        services.AddRpcService<ClusterService>();
        services.AddRpcService<ResourceCollectorService>();
        services.AddRpcService<BackupService>();
        services.AddRpcService<RestoreService>();
    }
}
