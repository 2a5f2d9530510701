using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Rest;

/// <summary>Adds the REST form of the contract to a host.</summary>
public static class RestGateway
{
    /// <summary>
    /// Adds the transcoder and the table of methods. Calls by REST run the interceptors of <see cref="GrpcServiceOptions.Interceptors"/>
    /// like calls by gRPC; give them to <c>AddGrpc</c> once.
    /// </summary>
    /// <param name="services">The container.</param>
    /// <param name="configure">Changes the limits.</param>
    public static IServiceCollection AddRestGateway(this IServiceCollection services, Action<RestGatewayOptions>? configure = null)
    {
        services.AddOptions<RestGatewayOptions>()
            .Validate(options => options is { MaxBodyBytes: > 0, MaxMessageBytes: > 0 }, "The largest body and the largest message must be above zero: a limit of nothing refuses every request.")
            .ValidateOnStart();
        if (configure is not null)
            services.Configure(configure);

        services.PostConfigure<GrpcServiceOptions>(grpc =>
        {
            if (!grpc.Interceptors.Any(registration => registration.Type == typeof(UnimplementedInterceptor)))
                grpc.Interceptors.Add<UnimplementedInterceptor>();
        });
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new RpcTable(
            provider.GetServices<RpcService>(), provider.GetRequiredService<IOptions<GrpcServiceOptions>>()));
        services.TryAddSingleton<RestTranscoder>();
        return services;
    }

    /// <summary>
    /// Answers every path under <c>/v1/</c> with the REST form of the contract; other paths go on to what follows. Put it where only
    /// the REST port arrives (<c>app.MapWhen(context => context.Connection.LocalPort == …, rest => rest.UseRestGateway())</c>) or use
    /// <paramref name="port"/>.
    /// </summary>
    /// <param name="app">The pipeline.</param>
    /// <param name="port">The only local port to answer on; null for every port.</param>
    public static IApplicationBuilder UseRestGateway(this IApplicationBuilder app, int? port = null)
    {
        ArgumentNullException.ThrowIfNull(app);
        var transcoder = app.ApplicationServices.GetRequiredService<RestTranscoder>();
        return app.Use((context, next) =>
            context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal) && (port is null || context.Connection.LocalPort == port)
                ? transcoder.AnswerAsync(context)
                : next(context));
    }
}
