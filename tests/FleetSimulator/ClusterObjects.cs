using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator;

/// <summary>A cluster's objects past its API server: for looking at the truth and for doing what people do behind the control plane's back.</summary>
public sealed class ClusterObjects
{
    private const string Human = "human";

    private readonly ClusterStore _store;

    internal ClusterObjects(ClusterStore store) => _store = store;

    /// <summary>Resource version of the cluster now.</summary>
    public long ResourceVersion => _store.Version;

    /// <summary>The object, or null.</summary>
    /// <param name="resource">Plural and group: <c>applicationbackups.stork.libopenstorage.org</c>, <c>secrets</c>.</param>
    /// <param name="ns">Namespace, empty for cluster-scoped objects.</param>
    /// <param name="name">Name.</param>
    public JsonObject? Find(string resource, string ns, string name) => _store.Find(TypeOf(resource), ns, name)?.Body();

    /// <summary>All objects of a resource, or those of one namespace.</summary>
    public IReadOnlyList<JsonObject> List(string resource, string ns = "") => [.. _store.List(TypeOf(resource), ns).Select(o => o.Body())];

    /// <summary>Creates an object from its manifest.</summary>
    /// <exception cref="KubernetesStatusException">As kube-apiserver refuses.</exception>
    public JsonObject Create(JsonObject manifest, string caller = Human)
    {
        var type = _store.TypeOfKind(manifest.Text("apiVersion"), manifest.Text("kind")) ?? throw Refusals.BadRequest($"no resource is called {manifest.Text("apiVersion")} {manifest.Text("kind")}");
        var ns = manifest.Text("metadata", "namespace");
        return _store.Create(type, type.Namespaced && ns.Length == 0 ? "default" : ns, manifest.Copy(), caller).Body();
    }

    /// <summary>Merges fields into an object.</summary>
    /// <exception cref="KubernetesStatusException">As kube-apiserver refuses.</exception>
    public JsonObject Patch(string resource, string ns, string name, JsonObject patch, string caller = Human) =>
        _store.Patch(TypeOf(resource), ns, name, before => JsonPatches.Merge(before, patch), caller).Body();

    /// <summary>Deletes an object; one with finalizers stays until they are gone. False when there was none.</summary>
    public bool Delete(string resource, string ns, string name, string caller = Human)
    {
        var type = TypeOf(resource);
        if (_store.Find(type, ns, name) is null) return false;
        _store.Delete(type, ns, name, caller);
        return true;
    }

    /// <summary>Waits until the object (null when absent) is as wanted.</summary>
    /// <exception cref="TimeoutException">It did not become so in time; the message says what was last seen.</exception>
    public Task<JsonObject?> WaitForAsync(string resource, string ns, string name, Func<JsonObject?, bool> wanted, string what, TimeSpan timeout, CancellationToken cancellationToken) =>
        WaitAsync(resource, () => Find(resource, ns, name), wanted, seen => $"{resource} {ns}/{name} was not {what} within {timeout}; last seen: {seen?.ToJsonString() ?? "nothing"}", timeout, cancellationToken);

    /// <summary>Waits until the objects of a resource (in one namespace, or everywhere) are as wanted.</summary>
    /// <exception cref="TimeoutException">They did not become so in time; the message says what was last seen.</exception>
    public Task<IReadOnlyList<JsonObject>> WaitForListAsync(
        string resource, string ns, Func<IReadOnlyList<JsonObject>, bool> wanted, string what, TimeSpan timeout, CancellationToken cancellationToken) =>
        WaitAsync(resource, () => List(resource, ns), wanted, seen => $"{resource} in '{ns}' were not {what} within {timeout}; last seen: [{string.Join(", ", seen.Select(o => o.ToJsonString()))}]", timeout, cancellationToken);

    private async Task<T> WaitAsync<T>(string resource, Func<T> look, Func<T, bool> wanted, Func<T, string> complaint, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var type = TypeOf(resource);
        var signal = _store.Join(type);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ended.CancelAfter(timeout);
        try
        {
            while (true)
            {
                var seen = look();
                if (wanted(seen)) return seen;
                await signal.WaitAsync(Timeout.InfiniteTimeSpan, ended.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException(complaint(look()));
        }
        finally
        {
            _store.Leave(type, signal);
        }
    }

    private ResourceType TypeOf(string resource) => _store.Types.FirstOrDefault(t => t.GroupResource == resource) ?? throw new ArgumentException($"The cluster serves no resource {resource}.", nameof(resource));
}
