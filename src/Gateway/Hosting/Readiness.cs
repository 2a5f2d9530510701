using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Orleans;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Hosting;

/// <summary>Ready: a silo answers, its store does too, and this process is not stopping.</summary>
internal sealed class Readiness(IGrainFactory grains, IHostApplicationLifetime lifetime) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return HealthCheckResult.Unhealthy("this process is stopping");
        try
        {
            await grains.Catalog().EnumerateAsync(new Api.OrganizationEnumerateRequest(), Caller.System, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The probe's answer goes to anybody: the cause stays in the log, where the health check service writes it.
            return HealthCheckResult.Unhealthy("the silos or their store do not answer", e);
        }
    }
}
