using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using PxBackup.Grains.Clusters;
using PxBackup.Stork;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>An application cluster in memory: what is stored, what was asked in which order, how it fails and what Stork does there.</summary>
internal sealed class FakeKubernetes
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, string Namespace, string Name), byte[]> _stored = [];
    private readonly List<(WatchRequest Request, IClusterObserver Observer)> _observers = [];

    /// <summary>Each call that reached the cluster, such as <c>create Secret kube-system/name</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Runs before a call has an effect; what it throws is the call's failure, while it waits the call hangs.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Runs after a call took effect: what it throws is an answer that got lost.</summary>
    public Func<string, Task>? After { get; set; }

    public List<string> Namespaces { get; set; } = ["shop", "blog", "kube-system"];

    /// <summary>Warning Events by uid of the resource.</summary>
    public ConcurrentDictionary<string, string[]> Warnings { get; } = new();

    /// <summary>What Stork makes of a new ApplicationBackup; null leaves it as it is, for ever.</summary>
    public Action<ApplicationBackup>? StorkBacksUp { get; set; } = backup => Finish(backup);

    /// <summary>What Stork makes of a new ApplicationRestore.</summary>
    public Action<ApplicationRestore>? StorkRestores { get; set; } = restore =>
        restore.Status = new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, Reason = "restored", ResourceCount = 3, RestoredResourceCount = 3 };

    /// <summary>Stork takes its finalizer off what is deleted; without it, the resource stays.</summary>
    public bool StorkRemoves { get; set; } = true;

    /// <summary>What the check of the cluster answers or throws.</summary>
    public Func<ClusterProbe> Probe
    {
        get => field ??= () => new() { KubernetesVersion = "v1.36.2", StorkVersion = "24.3.0", AdminNamespace = "kube-system", ClusterUid = Uid, Stork = Stork() };
        set;
    }

    /// <summary>Uid of its namespace kube-system.</summary>
    public string Uid { get; set; } = "ks-uid";

    /// <summary>What a look at Stork's program shows; it is well.</summary>
    public Func<StorkLook> Stork { get; set; } = () => new() { Namespace = "kube-system", Deployment = new() { Wanted = 3, Ready = 3 } };

    /// <summary>Connections that are open now.</summary>
    public int Open;

    /// <summary>Watches that are under way now.</summary>
    public int Watching
    {
        get
        {
            lock (_gate)
                return _observers.Count;
        }
    }

    /// <summary>What a finished backup looks like.</summary>
    public static void Finish(ApplicationBackup backup, string status = StorkStatus.Successful, string reason = "backed up") => backup.Status = new()
    {
        Stage = StorkStage.Final,
        Status = status,
        Reason = reason,
        BackupPath = $"{backup.Metadata.Namespace}/{backup.Metadata.Name}/{backup.Metadata.Uid}",
        ResourceCount = 3,
    };

    public IReadOnlyList<T> All<T>()
        where T : KubernetesResource
    {
        lock (_gate)
            return [.. _stored.Where(pair => pair.Key.Kind == typeof(T).Name).Select(pair => ResourceText.Read<T>(pair.Value))];
    }

    /// <summary>How often a call was made whose text begins so.</summary>
    public int Count(string call) => Calls.Count(one => one.StartsWith(call, StringComparison.Ordinal));

    /// <summary>Changes a resource as Stork or a person would, and tells the watchers.</summary>
    public async Task ChangeAsync<T>(Action<T> change)
        where T : KubernetesResource
    {
        var resource = All<T>().Single();
        change(resource);
        Put(resource);
        await TellAsync(resource, gone: false);
    }

    /// <summary>Changes every resource of a kind, and tells the watchers.</summary>
    public async Task ChangeAllAsync<T>(Action<T> change)
        where T : KubernetesResource
    {
        foreach (var resource in All<T>())
        {
            change(resource);
            Put(resource);
            await TellAsync(resource, gone: false);
        }
    }

    /// <summary>Puts a resource there that PxBackup did not make.</summary>
    public void Put<T>(T resource)
        where T : KubernetesResource
    {
        lock (_gate)
            _stored[Key<T>(resource.Metadata.Namespace, resource.Metadata.Name)] = ResourceText.Write(resource);
    }

    /// <summary>A person deletes the resource.</summary>
    public async Task RemoveAsync<T>()
        where T : KubernetesResource
    {
        var resource = All<T>().Single();
        Forget<T>(resource.Metadata.Namespace, resource.Metadata.Name);
        await TellAsync(resource, gone: true);
    }

    /// <summary>The connection is lost or back; the watchers are told.</summary>
    public async Task ConnectedAsync(bool connected)
    {
        foreach (var (_, observer) in Observers())
            await observer.OnConnectionStateAsync(State(connected), CancellationToken.None);
    }

    public static ClusterException Lost(string what = "the connection broke") => new(ClusterFailure.ConnectionLost, what, "Check the network.");

    public static ApiException Refused(System.Net.HttpStatusCode status, string reason) => new(status, reason, $"refused: {reason}");

    internal async Task<T> CallAsync<T>(string verb, string kind, string name, Func<T> effect, CancellationToken cancellationToken)
    {
        var call = $"{verb} {kind} {name}";
        Calls.Enqueue(call);
        if (Before is { } before)
            await before(call).WaitAsync(cancellationToken);
        T result;
        lock (_gate)
            result = effect();
        if (After is { } after)
            await after(call).WaitAsync(cancellationToken);
        return result;
    }

    internal T Create<T>(T resource, bool withStatus)
        where T : KubernetesResource
    {
        var key = Key<T>(resource.Metadata.Namespace, resource.Metadata.Name);
        var made = ResourceText.Read<T>(ResourceText.Write(resource));
        lock (_gate)
        {
            if (_stored.ContainsKey(key))
                throw Refused(System.Net.HttpStatusCode.Conflict, "AlreadyExists");
            made.Metadata.Uid = Guid.NewGuid().ToString();
            if (made is ApplicationBackup { } bare && !withStatus)
                bare.Status = new();
            _stored[key] = ResourceText.Write(made);
        }

        var answer = ResourceText.Read<T>(ResourceText.Write(made));
        if (made is ApplicationBackup backup && !withStatus && StorkBacksUp is { } backsUp)
            StorkActs(backup, backsUp);
        if (made is ApplicationRestore restore && StorkRestores is { } restores)
            StorkActs(restore, restores);
        return answer;
    }

    internal T? Find<T>(string resourceNamespace, string name)
        where T : KubernetesResource
    {
        lock (_gate)
            return _stored.TryGetValue(Key<T>(resourceNamespace, name), out var body) ? ResourceText.Read<T>(body) : null;
    }

    internal T Patch<T>(string resourceNamespace, string name, JsonObject patch)
        where T : KubernetesResource
    {
        lock (_gate)
        {
            if (!_stored.TryGetValue(Key<T>(resourceNamespace, name), out var body))
                throw Refused(System.Net.HttpStatusCode.NotFound, "NotFound");
            var merged = Merge(JsonNode.Parse(body), patch)!;
            return ResourceText.Read<T>(_stored[Key<T>(resourceNamespace, name)] = System.Text.Encoding.UTF8.GetBytes(merged.ToJsonString()));
        }
    }

    internal bool Delete<T>(string resourceNamespace, string name)
        where T : KubernetesResource
    {
        if (StorkRemoves || Find<T>(resourceNamespace, name) is not { } there)
            return Forget<T>(resourceNamespace, name);
        there.Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch;
        Put(there);
        return true;
    }

    internal bool Forget<T>(string resourceNamespace, string name)
        where T : KubernetesResource
    {
        lock (_gate)
            return _stored.Remove(Key<T>(resourceNamespace, name));
    }

    internal async Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken)
    {
        lock (_gate)
            _observers.Add((request, observer));
        try
        {
            await observer.OnConnectionStateAsync(State(connected: true), cancellationToken);
            await observer.OnListedAsync(StorkKind.ApplicationBackup, [.. All<ApplicationBackup>().Select(Projection)], cancellationToken);
            await observer.OnListedAsync(StorkKind.ApplicationRestore, [.. All<ApplicationRestore>().Select(Projection)], cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            lock (_gate)
                _observers.Remove((request, observer));
        }
    }

    private void StorkActs<T>(T resource, Action<T> acts)
        where T : KubernetesResource
    {
        acts(resource);
        Put(resource);
        _ = TellAsync(resource, gone: false);
    }

    private async Task TellAsync<T>(T resource, bool gone)
        where T : KubernetesResource
    {
        foreach (var (_, observer) in Observers())
            await (gone ? observer.OnDeletedAsync(Projection(resource), CancellationToken.None) : observer.OnChangedAsync(Projection(resource), CancellationToken.None));
    }

    private List<(WatchRequest, IClusterObserver Observer)> Observers()
    {
        lock (_gate)
            return [.. _observers];
    }

    private static JsonNode? Merge(JsonNode? there, JsonNode? patch)
    {
        if (patch is not JsonObject fields)
            return patch?.DeepClone();
        var merged = there as JsonObject ?? [];
        foreach (var (name, value) in fields)
        {
            if (value is null)
                merged.Remove(name);
            else
                merged[name] = Merge(merged[name]?.DeepClone(), value);
        }

        return merged;
    }

    private static ConnectionState State(bool connected) => connected
        ? new() { Connected = true }
        : new() { Connected = false, Cause = ClusterFailure.ConnectRefused, Message = "nothing listens there", Cure = "Start it." };

    private static ResourceProjection Projection(KubernetesResource resource)
    {
        var common = new ResourceProjection
        {
            Namespace = resource.Metadata.Namespace,
            Name = resource.Metadata.Name,
            Uid = resource.Metadata.Uid,
            OwnerUid = resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "",
        };
        return resource switch
        {
            ApplicationBackup { Status: var s } => common with { Kind = StorkKind.ApplicationBackup, Stage = s.Stage, Status = s.Status, Reason = s.Reason, ResourceCount = s.ResourceCount, LastUpdate = s.LastUpdateTimestamp },
            ApplicationRestore { Status: var s } => common with { Kind = StorkKind.ApplicationRestore, Stage = s.Stage, Status = s.Status, Reason = s.Reason, ResourceCount = s.ResourceCount, LastUpdate = s.LastUpdateTimestamp },
            _ => common with { OwnerUid = "" },
        };
    }

    private static (string, string, string) Key<T>(string resourceNamespace, string name) => (typeof(T).Name, resourceNamespace, name);
}
