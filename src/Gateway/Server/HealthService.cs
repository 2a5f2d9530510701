using Grpc.Core;
using PxBackup.Api;

namespace PxBackup.Gateway.Server;

/// <summary>The service <c>Health</c>: an empty answer as long as this server takes calls. Needs no token; probes use it.</summary>
internal sealed class HealthService : Health.HealthBase
{
    private static readonly Task<HealthStatusResponse> Alive = Task.FromResult(new HealthStatusResponse());

    public override Task<HealthStatusResponse> Status(HealthStatusRequest request, ServerCallContext context) => Alive;
}
