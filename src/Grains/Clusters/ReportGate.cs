using Microsoft.Extensions.Logging;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Restores;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Decides which reports of one cluster reach a grain: those about work of this cluster, and about work that was deleted. A label can say
/// anything, and asking a grain would activate it: uids that are not known are looked up in the store, so many in a second, and strangers
/// are remembered, counted and dropped (docs/adr/0022, 0023).
/// </summary>
internal sealed partial class ReportGate(ObjectKey cluster, IRecordStore store, ObservationPump pump, ClusterOptions options, ClusterMetrics metrics, TimeProvider time, ILogger logger, CancellationToken stopping)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);

    // Dropping that went on for so long, and not longer ago, is worth a word in the cluster's status.
    private static readonly TimeSpan Lasting = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly BoundedSet _known = new(options.UidsKnown);
    private readonly BoundedSet _strangers = new(options.UidsKnown);
    private readonly Dictionary<(ObjectKind Kind, string Uid), StorkReport> _asked = [];
    private readonly Queue<(ObjectKind Kind, string Uid)> _order = [];
    private readonly RateBudget _lookUps = new(options.LookUpsPerSecond, options.LookUpsPerSecond, time);
    private bool _looking;
    private long _dropped;
    private long _told;
    private long? _toldAt;
    private long? _droppingSince;
    private long _droppedAt;

    /// <summary>How many reports were dropped so far.</summary>
    public long Dropped
    {
        get { lock (_lock) return _dropped; }
    }

    /// <summary>Work of this cluster: its reports go through from now on.</summary>
    public void Know(string uid)
    {
        lock (_lock)
        {
            _known.Add(uid);
            _strangers.Remove(uid);
        }
    }

    /// <summary>Passes a report on, looks its uid up first, or drops it.</summary>
    /// <returns>False when too many are being looked up: the next list tells it again.</returns>
    public bool Post(ObjectKind kind, string uid, StorkReport report)
    {
        lock (_lock)
        {
            if (_known.Contains(uid))
            {
                pump.Post(kind, new ObjectKey(cluster.OrgId, uid), report);
                return true;
            }

            if (_strangers.Contains(uid))
            {
                Drop("unknown");
                return true;
            }

            var key = (kind, uid);
            if (!_asked.ContainsKey(key))
            {
                if (_asked.Count >= options.LookUpsWaiting)
                {
                    Drop("waiting");
                    return false;
                }

                _order.Enqueue(key);
            }

            _asked[key] = report; // The newest counts.
            if (_looking)
                return true;
            _looking = true;
        }

        _ = LookAsync();
        return true;
    }

    /// <summary>What cannot be about anything here.</summary>
    public void Refuse()
    {
        lock (_lock)
            Drop("malformed");
    }

    /// <summary>What the cluster's status says while it keeps on reporting about what is nobody's; empty otherwise.</summary>
    public string Complaint()
    {
        lock (_lock)
        {
            return _droppingSince is { } since && time.GetElapsedTime(_droppedAt) < Lasting && time.GetElapsedTime(since, _droppedAt) >= Lasting
                ? $"the cluster keeps on reporting resources with PxBackup's label that belong to nothing of this cluster; {_dropped} such reports were dropped: look at who creates ApplicationBackups and ApplicationRestores there"
                : "";
        }
    }

    private async Task LookAsync()
    {
        while (true)
        {
            (ObjectKind Kind, string Uid) next;
            lock (_lock)
            {
                if (stopping.IsCancellationRequested || !_order.TryDequeue(out next))
                {
                    _looking = false;
                    return;
                }
            }

            await PauseAsync(_lookUps.Spend(1));
            try
            {
                Decide(next, await IsOursAsync(next.Kind, next.Uid));
            }
            catch (Exception e)
            {
                // The store does not answer: nothing is decided, and nothing is lost.
                if (e is not OperationCanceledException)
                    LogNotLookedUp(logger, cluster, e);
                lock (_lock)
                    _order.Enqueue(next);
                await PauseAsync(RetryDelay);
            }
        }
    }

    private void Decide((ObjectKind Kind, string Uid) key, bool isOurs)
    {
        lock (_lock)
        {
            _ = _asked.Remove(key, out var report);
            if (!isOurs && !_known.Contains(key.Uid))
            {
                _strangers.Add(key.Uid);
                Drop("unknown");
                return;
            }

            _known.Add(key.Uid);
            if (report is not null)
                pump.Post(key.Kind, new ObjectKey(cluster.OrgId, key.Uid), report);
        }
    }

    /// <summary>A record of this cluster has the uid, or had it and was deleted; an ApplicationBackup may have been placed for a restore.</summary>
    private async Task<bool> IsOursAsync(ObjectKind kind, string uid)
    {
        var tombstones = 0L;
        if (kind == ObjectKind.Backup)
        {
            var (backup, tombstone) = await store.LookAsync<BackupRecord>(new(ObjectKind.Backup, cluster.OrgId, uid), stopping);
            if (backup is not null)
                return backup.Body.Backup.BackupInfo.ClusterRef.Uid == cluster.Uid || backup.Body.DeleteThrough == cluster.Uid;
            tombstones = tombstone;
        }

        var (restore, restored) = await store.LookAsync<RestoreRecord>(new(ObjectKind.Restore, cluster.OrgId, uid), stopping);
        return restore is not null ? restore.Body.Restore.RestoreInfo.ClusterRef.Uid == cluster.Uid : tombstones + restored > 0;
    }

    private void Drop(string why)
    {
        _dropped++;
        metrics.Dropped(why);
        var now = time.GetTimestamp();
        if (_droppingSince is null || time.GetElapsedTime(_droppedAt, now) >= Lasting)
            _droppingSince = now;
        _droppedAt = now;
        if (_toldAt is { } at && time.GetElapsedTime(at, now) < LogInterval)
            return;
        _toldAt = now;
        LogDropped(logger, cluster, _dropped - _told, _dropped);
        _told = _dropped;
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
            await Task.Delay(pause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [LoggerMessage(LogLevel.Warning, "Cluster {Cluster} reports resources with PxBackup's label that belong to nothing of it: {Count} reports were dropped, {Total} in all")]
    private static partial void LogDropped(ILogger logger, ObjectKey cluster, long count, long total);

    [LoggerMessage(LogLevel.Warning, "What cluster {Cluster} reports about could not be looked up in the store; it is tried again")]
    private static partial void LogNotLookedUp(ILogger logger, ObjectKey cluster, Exception exception);
}
