using System.Text.Json.Nodes;
using PxBackup.Stork;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.Simulation;

/// <summary>One silo's connections to the clusters.</summary>
internal sealed class ConnectionPort(Installation home, Silo silo) : IClusterConnectionFactory
{
    public IClusterConnection Open(ClusterEndpoint endpoint, IBearerTokenSource? tokens = null, string? identity = null) => new Connection(home, silo, home.Clusters[endpoint.Server.Host]);
}

/// <summary>One connection.</summary>
internal sealed class Connection(Installation home, Silo silo, Kubernetes cluster) : IClusterConnection
{
    private static readonly IReadOnlyList<NamespaceSummary> Namespaces =
        [.. Scene.Namespaces.Select(name => new NamespaceSummary { Name = name, Uid = name, Labels = new Dictionary<string, string>(), Phase = "Active" })];

    private static readonly StorkLook Working = new() { Namespace = "kube-system", Deployment = new() { Wanted = 3, Ready = 3 } };

    public Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken) => EffectAsync("probe", "", write: false, () =>
        new ClusterProbe { KubernetesVersion = "v1.36.2", StorkVersion = "24.3.0", AdminNamespace = "kube-system", ClusterUid = "ks-" + cluster.Name });

    public Task<StorkLook> LookAtStorkAsync(bool withDeployment, CancellationToken cancellationToken) => EffectAsync("look", "", write: false, () => Working);

    public Task<T> CreateAsync<T>(T resource, CancellationToken cancellationToken)
        where T : KubernetesResource => EffectAsync("create", resource.Metadata.Name, write: true, () => cluster.Create(resource, withStatus: false));

    public Task<T> ImportAsync<T>(T resource, CancellationToken cancellationToken)
        where T : KubernetesResource => EffectAsync("import", resource.Metadata.Name, write: true, () => cluster.Create(resource, withStatus: true));

    public Task<T?> FindAsync<T>(string resourceNamespace, string name, CancellationToken cancellationToken)
        where T : KubernetesResource => EffectAsync("find", name, write: false, () => cluster.Find<T>(name));

    public Task<T> MergePatchAsync<T>(string resourceNamespace, string name, JsonObject patch, CancellationToken cancellationToken)
        where T : KubernetesResource => EffectAsync("patch", name, write: true, () => cluster.Patch<T>(name, patch));

    public Task<bool> DeleteAsync<T>(string resourceNamespace, string name, string? uid, CancellationToken cancellationToken)
        where T : KubernetesResource => EffectAsync("delete", name, write: true, () => cluster.Delete<T>(name, uid));

    public Task<ResourceList<T>> ListAsync<T>(string? resourceNamespace, string? labelSelector, CancellationToken cancellationToken)
        where T : KubernetesResource => throw new NotSupportedException();

    public Task<IReadOnlyList<NamespaceSummary>> ListNamespacesAsync(string? labelSelector, CancellationToken cancellationToken) => EffectAsync("list namespaces", "", write: false, () => Namespaces);

    public Task<IReadOnlyList<EventSummary>> ListWarningEventsAsync(string resourceNamespace, string involvedUid, CancellationToken cancellationToken) => EffectAsync("list warnings", involvedUid, write: false, () =>
        (IReadOnlyList<EventSummary>)(cluster.Warnings.TryGetValue(involvedUid, out var text) ? [new EventSummary { Reason = "Failed", Message = text, Count = 1 }] : []));

    public Task<IReadOnlyList<string>> ListBackupKindsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public async Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken)
    {
        var watch = new WatchPort(home, silo, cluster, cancellationToken);
        try
        {
            watch.Connect();
            while (true)
                await (await watch.NextAsync())(observer);
        }
        finally
        {
            watch.End();
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<T> EffectAsync<T>(string verb, string name, bool write, Func<T> act) => home.EffectAsync(silo, home.World.Tracing ? $"{cluster.Name}: {verb} {name}" : verb, cluster.Port, write, act);
}

/// <summary>A watch on its way: lists, then events in order, unless something loses, repeats or overtakes them.</summary>
internal sealed class WatchPort
{
    private readonly Installation _home;
    private readonly Silo _silo;
    private readonly Kubernetes _cluster;
    private readonly Queue<Func<IClusterObserver, Task>> _arrived = new();
    private TaskCompletionSource<Func<IClusterObserver, Task>>? _reader;
    private DateTimeOffset _last;
    private int _life;
    private bool _ended;

    public WatchPort(Installation home, Silo silo, Kubernetes cluster, CancellationToken stop)
    {
        (_home, _silo, _cluster) = (home, silo, cluster);
        stop.Register(() =>
        {
            End();
            _reader?.TrySetCanceled(stop);
        });
    }

    /// <summary>Nobody listens any more.</summary>
    public bool Ended => _ended || _silo.Dead;

    private World World => _home.World;

    public void Connect() => World.After(World.Latency(), () =>
    {
        if (Ended)
            return;
        if (_cluster.Port.IsDown(World, write: false))
        {
            World.After(World.Random.Seconds(1, 10), Connect);
            return;
        }

        Arrive(observer => observer.OnConnectionStateAsync(new ConnectionState { Connected = true }, CancellationToken.None));
        _cluster.Watch(this);
    });

    public void List(IReadOnlyList<ResourceProjection> backups, IReadOnlyList<ResourceProjection> restores)
    {
        Arrive(observer => observer.OnListedAsync(StorkKind.ApplicationBackup, backups, CancellationToken.None));
        Arrive(observer => observer.OnListedAsync(StorkKind.ApplicationRestore, restores, CancellationToken.None));
    }

    public void Post(ResourceProjection resource, bool gone)
    {
        var faults = World.Faults;
        if (faults.Fires(Fault.WatchCut))
        {
            Cut();
            return;
        }

        if (faults.Fires(Fault.EventLost))
        {
            World.Log($"{_cluster.Name}: an event of {resource.Name} is lost");
            return;
        }

        Func<IClusterObserver, Task> happened = observer => gone ? observer.OnDeletedAsync(resource, CancellationToken.None) : observer.OnChangedAsync(resource, CancellationToken.None);
        if (faults.Fires(Fault.EventDelayed))
            After(World.Random.Seconds(1, 30), happened);
        else
            After(TimeSpan.Zero, happened);
        if (faults.Fires(Fault.EventDuplicated))
            After(World.Random.Seconds(0, 5), happened);
    }

    public Task<Func<IClusterObserver, Task>> NextAsync()
    {
        if (_arrived.TryDequeue(out var next))
            return Task.FromResult(next);
        _reader = new TaskCompletionSource<Func<IClusterObserver, Task>>();
        return _reader.Task;
    }

    public void End() => _ended = true;

    private void Cut()
    {
        World.Log($"{_cluster.Name}: the watch of {_silo} is cut");
        _life++; // What is on its way does not arrive.
        _cluster.Unwatch(this);
        Arrive(observer => observer.OnConnectionStateAsync(new ConnectionState { Connected = false, Cause = ClusterFailure.ConnectionLost, Message = "cut", Cure = "wait" }, CancellationToken.None));
        World.After(World.Random.Seconds(0.5, 40), Connect);
    }

    private void After(TimeSpan delay, Func<IClusterObserver, Task> happened)
    {
        var life = _life;
        var at = World.Now + World.Latency();
        if (delay > TimeSpan.Zero)
            at += delay;
        else
            _last = at = at > _last ? at : _last.AddTicks(1);
        World.After(at - World.Now, () => _silo.OnceAwake(() =>
        {
            if (life == _life && !Ended)
                Arrive(happened);
        }));
    }

    private void Arrive(Func<IClusterObserver, Task> happened)
    {
        if (_reader is { } reader)
        {
            _reader = null;
            reader.TrySetResult(happened);
        }
        else
            _arrived.Enqueue(happened);
    }
}
