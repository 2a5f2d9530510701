using System.Collections.Concurrent;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>One life of Stork's process: a task for each object that needs work, and what all of them share.</summary>
internal sealed class StorkRun(ClusterStore store, ClusterFaults faults, FleetOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<string, StorkWork> _work = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _killed = new();
    private int _syncing;
    private Task _sync = Task.CompletedTask;

    public ClusterStore Store => store;

    public ClusterFaults Faults => faults;

    public StorkEvents Events { get; } = new(store);

    public BackupBuckets Buckets { get; } = new(store, faults, options.Nfs);

    /// <summary>Scales a recorded time.</summary>
    public TimeSpan Scaled(double recordedSeconds) => TimeSpan.FromSeconds(recordedSeconds / options.StorkSpeed);

    public Task DelayAsync(double recordedSeconds, CancellationToken cancellationToken) => Task.Delay(Scaled(recordedSeconds), options.Clock, cancellationToken);

    public void TakeUpAll()
    {
        foreach (var type in new[] { StorkResources.Backups, StorkResources.Restores, StorkResources.Schedules })
        {
            foreach (var item in store.List(type)) Wake(type, item);
        }

        if (store.List(StorkResources.Locations).Count > 0) WakeSync();
    }

    public void Wake(ResourceType type, StoredObject item)
    {
        if (_killed.IsCancellationRequested) return;
        var work = _work.GetOrAdd(item.Uid, _ => new StorkWork(this, type, item.Namespace, item.Name, item.Uid, _killed.Token));
        work.Wake(() => _work.TryRemove(KeyValuePair.Create(item.Uid, work)));
    }

    public void WakeSync()
    {
        if (Interlocked.Exchange(ref _syncing, 1) == 0) _sync = Task.Run(() => new BackupSync(this).RunAsync(() => Interlocked.Exchange(ref _syncing, 0), _killed.Token));
    }

    public void Dispose() => _killed.Dispose();

    public void Cancel() => _killed.Cancel();

    public async Task StopAsync()
    {
        await _killed.CancelAsync();
        await Task.WhenAll(_work.Values.Select(w => w.Ended).Append(_sync));
    }
}
