using Microsoft.Extensions.Logging;

namespace PxBackup.Stork;

/// <summary>Opens connections; holds what all of them share.</summary>
public sealed class ClusterConnectionFactory(
    ClusterConnectionOptions options, EndpointPolicy policy, TimeProvider time, ILoggerFactory loggers) : IClusterConnectionFactory
{
    private readonly ILogger<ClusterConnection> _logger = loggers.CreateLogger<ClusterConnection>();

    /// <summary>Source of all jitter.</summary>
    internal Random Random { get; init; } = Random.Shared;

    /// <inheritdoc />
    public IClusterConnection Open(ClusterEndpoint endpoint, IBearerTokenSource? tokens = null, string? identity = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.User.AwsIam is not null && tokens is null)
            throw new ArgumentException("A cluster whose user is an AWS identity needs a token source.", nameof(tokens));
        return new ClusterConnection(new ClusterHttp(endpoint, tokens, options, policy, time, identity), Random, _logger);
    }
}
