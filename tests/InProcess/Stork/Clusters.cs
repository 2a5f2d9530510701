using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Stork;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>Connections for tests.</summary>
internal static class Clusters
{
    /// <summary>Times that only a test's own clock could make pass.</summary>
    public static readonly TimeSpan Never = TimeSpan.FromDays(1);

    public static IClusterConnection Open(
        ClusterEndpoint endpoint, EndpointPolicyOptions? policy = null, ClusterConnectionOptions? options = null, TimeProvider? time = null, IBearerTokenSource? tokens = null, string? identity = null) =>
        new ClusterConnectionFactory(options ?? new ClusterConnectionOptions(), new EndpointPolicy(policy ?? new EndpointPolicyOptions { AllowLoopback = true }),
            time ?? TimeProvider.System, NullLoggerFactory.Instance)
        { Random = new HalfwayRandom() }.Open(endpoint, tokens, identity);

    /// <summary>Jitter that is always half of its bound.</summary>
    private sealed class HalfwayRandom : Random
    {
        public override double NextDouble() => 0.5;
    }
}
