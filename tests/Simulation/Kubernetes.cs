using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.Grains.Clusters;
using PxBackup.Stork;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.Simulation;

/// <summary>One application cluster's API server: its resources and who watches them. Stork acts on it.</summary>
internal sealed class Kubernetes
{
    private readonly Installation _home;
    private readonly Dictionary<(Type Kind, string Name), KubernetesResource> _resources = [];
    private readonly List<WatchPort> _watches = [];
    private readonly StorkModel _stork;
    private int _uids;

    public Kubernetes(Installation home, string name)
    {
        (_home, Name) = (home, name);
        _stork = new StorkModel(home, this);
    }

    public string Name { get; }

    /// <summary>What can go wrong.</summary>
    public Port Port { get; } = new(Fault.CallNotDone, Fault.CallAckLost, Fault.CallLate, Fault.CallNotDone, Fault.ClusterDown, what => new ClusterException(ClusterFailure.ConnectionLost, $"the connection broke: {what}", "Check the network."));

    /// <summary>Warning Events by uid.</summary>
    public Dictionary<string, string> Warnings { get; } = [];

    public IEnumerable<T> All<T>()
        where T : KubernetesResource => _resources.Values.OfType<T>();

    public T? Find<T>(string name)
        where T : KubernetesResource => (T?)_resources.GetValueOrDefault((typeof(T), name));

    public T Create<T>(T resource, bool withStatus)
        where T : KubernetesResource
    {
        var key = (typeof(T), resource.Metadata.Name);
        if (_resources.ContainsKey(key))
            throw new ApiException(HttpStatusCode.Conflict, "AlreadyExists", "it exists");
        resource.Metadata.Uid = $"{Name}-{typeof(T).Name}-{++_uids}";
        resource.Metadata.CreationTimestamp = _home.World.Now;
        if (resource is ApplicationBackup fresh && !withStatus)
            fresh.Status = new();
        _resources[key] = resource;
        _home.World.Log($"{Name}: {typeof(T).Name} {resource.Metadata.Name} is there as {resource.Metadata.Uid}");
        switch (resource)
        {
            case ApplicationBackup placed when withStatus:
                _home.Truth.BackupPlaced(placed);
                break;
            case ApplicationBackup backup when !withStatus:
                _home.Truth.BackupBegins(this, backup);
                _stork.Begin(backup);
                break;
            case ApplicationRestore restore:
                _home.Truth.RestoreBegins(this, restore, _home);
                _stork.Begin(restore);
                break;
        }

        Tell(resource, gone: false);
        return resource;
    }

    public T Patch<T>(string name, JsonObject patch)
        where T : KubernetesResource
    {
        if (Find<T>(name) is not { } there)
            throw new ApiException(HttpStatusCode.NotFound, "NotFound", "it does not exist");
        var before = JsonNode.Parse(ResourceText.Write(there));
        var merged = Merge(before?.DeepClone(), patch)!;
        if (JsonNode.DeepEquals(before, merged))
            return there; // A real API server writes nothing and tells nobody.
        var next = ResourceText.Read<T>(Encoding.UTF8.GetBytes(merged.ToJsonString()));
        Replace(next);
        return next;
    }

    /// <summary>Asks for the deletion; Stork's finalizer keeps its own kinds for a moment.</summary>
    public bool Delete<T>(string name, string? uid)
        where T : KubernetesResource
    {
        if (Find<T>(name) is not { } there || (uid is not null && there.Metadata.Uid != uid))
            return false;
        if (there.Metadata.DeletionTimestamp is not null)
            return true;
        if (there is not (ApplicationBackup or ApplicationRestore))
            return _resources.Remove((typeof(T), name));
        _home.World.Log($"{Name}: {typeof(T).Name} {name} is to be deleted");
        there.Metadata.DeletionTimestamp = _home.World.Now;
        Tell(there, gone: false);
        _stork.Delete(there);
        return true;
    }

    /// <summary>Stork writes.</summary>
    public void Replace(KubernetesResource resource)
    {
        _resources[(resource.GetType(), resource.Metadata.Name)] = resource;
        Tell(resource, gone: false);
    }

    /// <summary>The finalizer is gone, and with it the resource.</summary>
    public void Remove(KubernetesResource resource)
    {
        _resources.Remove((resource.GetType(), resource.Metadata.Name));
        _home.World.Log($"{Name}: {resource.GetType().Name} {resource.Metadata.Name} is gone");
        Tell(resource, gone: true);
        if (_home.World.Faults.Fires(Fault.PutBack))
            PutBack(resource is ApplicationBackup backup ? ResourceText.Write(backup) : ResourceText.Write((ApplicationRestore)resource), resource);
    }

    /// <summary>etcd is put back to an earlier day: the resource that went is there again, as it was before its deletion, and Stork takes it up.</summary>
    private void PutBack(byte[] body, KubernetesResource gone)
    {
        _home.World.Hazards++;
        _home.World.After(_home.World.Random.Seconds(0.5, 60), () =>
        {
            _home.World.Hazards--;
            if (_home.IsRemoved(Name) || _resources.ContainsKey((gone.GetType(), gone.Metadata.Name)))
                return;
            KubernetesResource again = gone is ApplicationBackup ? ResourceText.Read<ApplicationBackup>(body) : ResourceText.Read<ApplicationRestore>(body);
            again.Metadata.DeletionTimestamp = null;
            _resources[(gone.GetType(), gone.Metadata.Name)] = again;
            _home.World.Log($"{Name}: {again.GetType().Name} {again.Metadata.Name} is back with an earlier snapshot");
            _home.Truth.BackAgain(again);
            if (again is ApplicationRestore restore)
                _stork.RunAgain(restore);
            else if (again is ApplicationBackup { Status.Stage: not StorkStage.Final } backup)
                _stork.Begin(backup);
            Tell(again, gone: false);
        });
    }

    public void Watch(WatchPort watch)
    {
        _watches.Add(watch);
        watch.List([.. All<ApplicationBackup>().Select(Projection)], [.. All<ApplicationRestore>().Select(Projection)]);
    }

    /// <summary>Stork's finalizer has still to do something.</summary>
    public bool IsDeleting => _resources.Values.Any(resource => resource.Metadata.DeletionTimestamp is not null);

    /// <summary>The list that every watch makes from time to time: what an event that was lost would have told.</summary>
    public void ListAgain()
    {
        foreach (var watch in _watches.Where(watch => !watch.Ended))
            watch.List([.. All<ApplicationBackup>().Select(Projection)], [.. All<ApplicationRestore>().Select(Projection)]);
    }

    public void Unwatch(WatchPort watch) => _watches.Remove(watch);

    private void Tell(KubernetesResource resource, bool gone)
    {
        if (resource is not (ApplicationBackup or ApplicationRestore))
            return;
        for (var i = _watches.Count - 1; i >= 0; i--)
        {
            var watch = _watches[i];
            if (watch.Ended)
                _watches.RemoveAt(i);
            else
                watch.Post(Projection(resource), gone);
        }
    }

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
            ApplicationRestore { Status: var s } => common with { Kind = StorkKind.ApplicationRestore, Stage = s.Stage, Status = s.Status, Reason = s.Reason, ResourceCount = s.ResourceCount, RestoredResourceCount = s.RestoredResourceCount, LastUpdate = s.LastUpdateTimestamp },
            _ => common,
        };
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
}
