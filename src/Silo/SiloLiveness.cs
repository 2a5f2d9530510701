using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans.Runtime;

namespace PxBackup.Silo;

/// <summary>
/// Live: the other silos have not given this one up. A silo that learns so ends its process by itself; this is for the case that
/// it hangs on the way. The store does not count: no restart brings it back.
/// </summary>
internal sealed class SiloLiveness(ISiloStatusOracle oracle) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        oracle.CurrentStatus is SiloStatus.Dead ? HealthCheckResult.Unhealthy("the other silos have given this one up") : HealthCheckResult.Healthy());
}
