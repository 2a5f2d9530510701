namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>One write: what was there before and what is there now (null before a create, null after a removal).</summary>
internal sealed record Change(ResourceType Type, string Kind, StoredObject? Before, StoredObject After, long Version, string Caller)
{
    public const string Added = "ADDED";
    public const string Modified = "MODIFIED";
    public const string Deleted = "DELETED";
}

/// <summary>The objects of one resource and their latest changes. Guarded by the store's lock.</summary>
internal sealed class ResourceTable(ResourceType type)
{
    /// <summary>Changes kept for watches that resume; an older watch gets 410. The order of kube-apiserver's watch cache (100 and more per resource).</summary>
    private const int KeptChanges = 500;

    private readonly List<WatchSignal> _watchers = [];

    public ResourceType Type { get; } = type;

    /// <summary>Ordered by namespace/name, byte by byte, as etcd keys are.</summary>
    public SortedDictionary<string, StoredObject> Objects { get; } = new(StringComparer.Ordinal);

    public List<Change> Changes { get; } = [];

    /// <summary>Resource versions at or below this one can no longer be resumed from.</summary>
    public long Compacted { get; private set; }

    public void Append(Change change)
    {
        Changes.Add(change);
        if (Changes.Count > KeptChanges)
        {
            Compacted = Changes[0].Version;
            Changes.RemoveAt(0);
        }

        foreach (var watcher in _watchers) watcher.Set();
    }

    /// <summary>Forgets every change up to the version, as etcd's compaction does.</summary>
    public void Compact(long version)
    {
        Compacted = Math.Max(Compacted, version);
        Changes.RemoveAll(c => c.Version <= version);
        foreach (var watcher in _watchers) watcher.Set();
    }

    /// <summary>After a restore of etcd: nothing is known about what happened before.</summary>
    public void Forget()
    {
        Changes.Clear();
        Compacted = 0;
    }

    public void Join(WatchSignal watcher) => _watchers.Add(watcher);

    public void Leave(WatchSignal watcher) => _watchers.Remove(watcher);
}

/// <summary>Wakes one watch. Set while nobody waits is remembered once.</summary>
internal sealed class WatchSignal : IDisposable
{
    private readonly SemaphoreSlim _gate = new(0, 1);
    private bool _over;

    public void Set()
    {
        lock (_gate)
        {
            if (!_over && _gate.CurrentCount == 0) _gate.Release();
        }
    }

    public Task<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellationToken) => _gate.WaitAsync(timeout, cancellationToken);

    public void Dispose()
    {
        lock (_gate) _over = true;
        _gate.Dispose();
    }
}
