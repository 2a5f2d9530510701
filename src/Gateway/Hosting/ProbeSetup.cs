using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace PxBackup.Gateway.Hosting;

/// <summary>Probes and metrics: on the gateway's REST port, or on a port of a silo's own.</summary>
public static class ProbeSetup
{
    /// <summary>Tag of the checks that a process must pass to get work.</summary>
    public const string Ready = "ready";

    /// <summary>Tag of the checks whose failure only a restart cures.</summary>
    public const string Live = "live";

    // A probe that hangs must fail, not pile up.
    private static readonly TimeSpan ReadinessTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Adds probes and metrics to a process without the API, on a port of their own. Map them with <see cref="MapPxProbes"/>.</summary>
    /// <param name="services">The host's services, with an <c>IGrainFactory</c>.</param>
    /// <param name="address">IP address to listen on.</param>
    /// <param name="port">Port; 0 takes a free one.</param>
    /// <param name="configuration">For section <c>Metrics</c>.</param>
    public static IServiceCollection AddPxProbes(this IServiceCollection services, string address, int port, IConfiguration configuration)
    {
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 100; // A few probes and scrapers.
            if (IPAddress.TryParse(address, out var parsed)) // Anything else is refused by the options' own validation.
                kestrel.Listen(parsed, port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        services.AddHealthChecks().AddReadiness();
        return services.AddPxMetrics(configuration);
    }

    /// <summary>Maps <c>/healthz/live</c>, <c>/healthz/ready</c> and <c>/metrics</c>.</summary>
    public static WebApplication MapPxProbes(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseMetricsPage();
        app.UseRouting();
        app.MapProbes();
        return app;
    }

    internal static IHealthChecksBuilder AddReadiness(this IHealthChecksBuilder checks) =>
        checks.AddCheck<Readiness>(nameof(Readiness), tags: [Ready], timeout: ReadinessTimeout);

    internal static IServiceCollection AddPxMetrics(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<MetricsOptions>().Bind(configuration.GetSection(MetricsOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<MetricsOptions>, MetricsOptionsValidation>();
        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(
                configuration.GetSection(MetricsOptions.Section)[nameof(MetricsOptions.ServiceName)] is { Length: > 0 } name ? name : MetricsOptions.DefaultServiceName,
                serviceVersion: typeof(ProbeSetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]))
            .WithMetrics(metrics => metrics
                .AddMeter("PxBackup.*", "px.*", "Microsoft.Orleans", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        return services;
    }

    /// <summary>The page <c>/metrics</c>, unless it is closed.</summary>
    internal static void UseMetricsPage(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<MetricsOptions>>().Value.Enabled)
            app.UseOpenTelemetryPrometheusScrapingEndpoint();
    }

    internal static void MapProbes(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/healthz/live", new HealthCheckOptions { Predicate = check => check.Tags.Contains(Live) });
        endpoints.MapHealthChecks("/healthz/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains(Ready) });
    }
}
