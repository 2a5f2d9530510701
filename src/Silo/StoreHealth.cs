using Microsoft.Extensions.Diagnostics.HealthChecks;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains.Records;

namespace PxBackup.Silo;

/// <summary>Ready: the database answers this very process, and may be written to. The log of a failed check has the database's own words and the cure.</summary>
internal sealed class StoreHealth(Func<CancellationToken, Task> ping) : IHealthCheck
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await ping(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (RecordStoreException e)
        {
            return HealthCheckResult.Unhealthy(e.Message, e);
        }
    }

    public static void Add(IServiceCollection services, Func<IServiceProvider, Func<CancellationToken, Task>> ping) => services.AddHealthChecks().Add(
        new HealthCheckRegistration(nameof(StoreHealth), provider => new StoreHealth(ping(provider)), failureStatus: null, [ProbeSetup.Ready], Timeout));
}
