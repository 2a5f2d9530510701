using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using PxBackup.Stork;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>The clusters of a test run by the host name of their API server.</summary>
internal sealed class FakeClusterConnections : IClusterConnectionFactory
{
    private readonly ConcurrentDictionary<string, FakeKubernetes> _clusters = new();

    public FakeKubernetes this[string host] => _clusters.GetOrAdd(host, static host => new FakeKubernetes { Uid = "ks-" + (host.Split('.') is [.., var name, _, _] ? name : host) }); // Prefixes lead to the same cluster.

    public IClusterConnection Open(ClusterEndpoint endpoint, IBearerTokenSource? tokens = null, string? identity = null) => new FakeClusterConnection(this[endpoint.Server.Host]);
}

/// <summary>One connection to a <see cref="FakeKubernetes"/>.</summary>
internal sealed class FakeClusterConnection : IClusterConnection
{
    private readonly FakeKubernetes _cluster;

    public FakeClusterConnection(FakeKubernetes cluster)
    {
        _cluster = cluster;
        Interlocked.Increment(ref cluster.Open);
    }

    public Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken) => _cluster.CallAsync("probe", "", "", _cluster.Probe, cancellationToken);

    public Task<StorkLook> LookAtStorkAsync(bool withDeployment, CancellationToken cancellationToken) => _cluster.CallAsync("look", "", "", _cluster.Stork, cancellationToken);

    public Task<T> CreateAsync<T>(T resource, CancellationToken cancellationToken)
        where T : KubernetesResource => OnAsync("create", resource, () => _cluster.Create(resource, withStatus: false), cancellationToken);

    public Task<T> ImportAsync<T>(T resource, CancellationToken cancellationToken)
        where T : KubernetesResource => OnAsync("import", resource, () => _cluster.Create(resource, withStatus: true), cancellationToken);

    public Task<T?> FindAsync<T>(string resourceNamespace, string name, CancellationToken cancellationToken)
        where T : KubernetesResource => _cluster.CallAsync("find", typeof(T).Name, $"{resourceNamespace}/{name}", () => _cluster.Find<T>(resourceNamespace, name), cancellationToken);

    public Task<T> MergePatchAsync<T>(string resourceNamespace, string name, JsonObject patch, CancellationToken cancellationToken)
        where T : KubernetesResource =>
        _cluster.CallAsync("patch", typeof(T).Name, $"{resourceNamespace}/{name} {patch.ToJsonString()}", () => _cluster.Patch<T>(resourceNamespace, name, patch), cancellationToken);

    public Task<bool> DeleteAsync<T>(string resourceNamespace, string name, string? uid, CancellationToken cancellationToken)
        where T : KubernetesResource => _cluster.CallAsync("delete", typeof(T).Name, $"{resourceNamespace}/{name}", () => _cluster.Delete<T>(resourceNamespace, name), cancellationToken);

    public Task<ResourceList<T>> ListAsync<T>(string? resourceNamespace, string? labelSelector, CancellationToken cancellationToken)
        where T : KubernetesResource => throw new NotSupportedException();

    public Task<IReadOnlyList<NamespaceSummary>> ListNamespacesAsync(string? labelSelector, CancellationToken cancellationToken) => _cluster.CallAsync("list", "Namespace", "", () =>
        (IReadOnlyList<NamespaceSummary>)[.. _cluster.Namespaces.Select(name => new NamespaceSummary { Name = name, Uid = name, Labels = new Dictionary<string, string>(), Phase = "Active" })], cancellationToken);

    public Task<IReadOnlyList<EventSummary>> ListWarningEventsAsync(string resourceNamespace, string involvedUid, CancellationToken cancellationToken) => _cluster.CallAsync("list", "Event", involvedUid, () =>
        (IReadOnlyList<EventSummary>)[.. _cluster.Warnings.GetValueOrDefault(involvedUid, []).Select(text => new EventSummary { Reason = "Failed", Message = text, Count = 1 })], cancellationToken);

    public Task<IReadOnlyList<string>> ListBackupKindsAsync(CancellationToken cancellationToken) =>
        _cluster.CallAsync("list", "kinds", "", () => (IReadOnlyList<string>)["ConfigMap", "Deployment"], cancellationToken);

    public Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken) => _cluster.WatchAsync(request, observer, cancellationToken);

    public ValueTask DisposeAsync()
    {
        Interlocked.Decrement(ref _cluster.Open);
        return ValueTask.CompletedTask;
    }

    private Task<T> OnAsync<T>(string verb, T resource, Func<T> effect, CancellationToken cancellationToken)
        where T : KubernetesResource => _cluster.CallAsync(verb, typeof(T).Name, $"{resource.Metadata.Namespace}/{resource.Metadata.Name}", effect, cancellationToken);
}
