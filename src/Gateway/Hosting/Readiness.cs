using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Hosting;

/// <summary>Ready: a silo answers and its store does too.</summary>
internal sealed class Readiness(IGrainFactory grains) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
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
