using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

internal sealed class ClusterConnection(
    ClusterEndpoint endpoint, IBearerTokenSource? tokens, ClusterConnectionOptions options, EndpointPolicy policy, TimeProvider time,
    ILogger<ClusterConnection> logger) : IClusterConnection
{
    private readonly object _all = (endpoint, tokens, options, policy, time, logger);

    public Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException($"{_all}");

    public Task<T> CreateAsync<T>(T resource, CancellationToken cancellationToken = default) where T : KubernetesResource => throw new NotImplementedException();

    public Task<T?> FindAsync<T>(string resourceNamespace, string name, CancellationToken cancellationToken = default) where T : KubernetesResource => throw new NotImplementedException();

    public Task<T> MergePatchAsync<T>(string resourceNamespace, string name, JsonObject patch, CancellationToken cancellationToken = default) where T : KubernetesResource => throw new NotImplementedException();

    public Task<bool> DeleteAsync<T>(string resourceNamespace, string name, string? uid = null, CancellationToken cancellationToken = default) where T : KubernetesResource => throw new NotImplementedException();

    public Task<ResourceList<T>> ListAsync<T>(string? resourceNamespace, string? labelSelector = null, CancellationToken cancellationToken = default) where T : KubernetesResource => throw new NotImplementedException();

    public Task<IReadOnlyList<NamespaceSummary>> ListNamespacesAsync(string? labelSelector = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    public Task<IReadOnlyList<EventSummary>> ListWarningEventsAsync(string resourceNamespace, string involvedUid, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    public Task<IReadOnlyList<string>> ListBackupKindsAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    public Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => default;
}
