using System.Collections.Concurrent;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// Stork on one cluster: works on ApplicationBackups, ApplicationRestores and ApplicationBackupSchedules of the cluster's store with the recorded order of writes. Everything it knows about
/// an object is in the object, so that it goes on after a crash; it costs nothing while there is no such object.
/// </summary>
public sealed class SimulatedStork : IAsyncDisposable
{
    internal const string Caller = "stork";

    /// <summary>Stork's schedules delete backups, which Stork's backups have to notice as anybody else's delete.</summary>
    internal const string PruningCaller = "stork-schedule";

    private readonly ClusterStore _store;
    private readonly ClusterFaults _faults;
    private readonly FleetOptions _options;
    private readonly Lock _gate = new();
    private StorkRun? _run;

    internal SimulatedStork(ClusterStore store, ClusterFaults faults, FleetOptions options)
    {
        _store = store;
        _faults = faults;
        _options = options;
        store.Changed += Observe;
    }

    /// <summary>Whether it works at present.</summary>
    public bool Running => _run is not null;

    /// <summary>Starts it; it takes up every object that is not finished.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_run is not null) return;
            _run = new StorkRun(_store, _faults, _options);
        }

        _run.TakeUpAll();
    }

    /// <summary>Kills it, as kill -9 does: whatever it was about to write is not written. Returns when nothing of it runs any more.</summary>
    public async Task StopAsync()
    {
        StorkRun? run;
        lock (_gate) (run, _run) = (_run, null);
        if (run is null) return;
        StorkLease.Renew(_store); // The last time: from now on nobody does.
        await run.StopAsync();
        run.Dispose();
    }

    /// <summary>Brings the lease up to date while Stork lives. Done when somebody looks: thousands of clusters would only write leases otherwise.</summary>
    internal void RenewLease()
    {
        if (Running) StorkLease.Renew(_store);
    }

    /// <summary>Same as <see cref="StopAsync"/>.</summary>
    public ValueTask DisposeAsync() => new(StopAsync());

    /// <summary>Kills it and starts it again: what it had in memory is lost.</summary>
    public void Restart()
    {
        StorkRun? run;
        lock (_gate) (run, _run) = (_run, null);
        if (run is null) return;
        run.Cancel();
        Start();
    }

    /// <summary>Inside the store's lock: only starts work elsewhere.</summary>
    private void Observe(Change change)
    {
        if (_run is not { } run || change.Caller == Caller && change.Kind != Change.Added) return;
        if (change.Type == StorkResources.Backups || change.Type == StorkResources.Restores || change.Type == StorkResources.Schedules) run.Wake(change.Type, change.After);
        else if (change.Type == StorkResources.Locations && change.Kind != Change.Deleted) run.WakeSync();
    }
}
