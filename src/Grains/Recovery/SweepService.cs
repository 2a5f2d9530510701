using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Finds unfinished work by its due time and wakes its grains, so that no lost timer, call or event can lose work (DESIGN
/// D3); keeps every cluster's grain alive, and takes over at once when a silo is lost. Runs in each silo for its share
/// (<see cref="SiloShare"/>): work in flight first, which brings its cluster with it, then the other clusters; a bounded number
/// at once. Waking twice is harmless.
/// </summary>
internal sealed partial class SweepService(
    IGrainFactory grains, IRecordStore store, SiloShare share, IOptions<SweepOptions> options, TimeProvider time, ILogger<SweepService> logger) : BackgroundService
{
    private const int Batch = 500;

    // Keys only, some 200 bytes each: 2 MB. What is beyond is found by the next sweeps, since waking puts off when a record is due.
    private const int MostDue = 10_000;

    private readonly SemaphoreSlim _lost = new(0);

    public override void Dispose()
    {
        _lost.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var losses = WatchLossesAsync(stoppingToken);
        // After a start, or the loss of a silo, nobody works on what was there, whatever is due when: everything unfinished is looked at.
        var everything = true;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await SweepAsync(everything ? DateTimeOffset.MaxValue : time.GetUtcNow(), stoppingToken);
                everything = false;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogSweepFailed(logger, e);
            }
            catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
            {
                // A call was cut off because its silo went: the next sweep does it.
            }

            everything |= await RestAsync(stoppingToken);
        }

        await losses;
    }

    /// <summary>One sweep, on the caller's scheduler.</summary>
    internal async Task SweepAsync(DateTimeOffset due, CancellationToken cancellationToken)
    {
        var active = share.Active;
        try
        {
            await grains.Organization(ObjectKey.DefaultOrg).EnsureAsync(cancellationToken);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.WrongState)
        {
            // Its row cannot be read: what it holds can.
            LogNotWoken(logger, new RecordKey(ObjectKind.Organization, "system", ObjectKey.DefaultOrg), e);
        }

        foreach (var kind in (ObjectKind[])[ObjectKind.Backup, ObjectKind.Restore, ObjectKind.BackupLocation])
            await WakeAllAsync(kind, await store.ListDueAsync(kind, due, MostDue, cancellationToken), active, cancellationToken);
        RecordKey? after = null; // Clusters are woken whether due or not: each has a connection to keep.
        while (await store.ListKeysAsync(ObjectKind.Cluster, after, Batch, cancellationToken) is { Count: > 0 } clusters)
        {
            await WakeAllAsync(ObjectKind.Cluster, clusters, active, cancellationToken);
            after = clusters[^1];
        }
    }

    private Task WakeAllAsync(ObjectKind kind, IReadOnlyList<RecordKey> keys, IReadOnlyCollection<SiloAddress> active, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(keys.Where(key => share.IsMine(key, active)), new ParallelOptions { MaxDegreeOfParallelism = options.Value.AtOnce, TaskScheduler = TaskScheduler.Current, CancellationToken = cancellationToken }, async (key, stop) =>
        {
            try
            {
                await (kind switch
                {
                    ObjectKind.Backup => grains.Backup(key.ToObjectKey()).WakeAsync(stop),
                    ObjectKind.Restore => grains.Restore(key.ToObjectKey()).WakeAsync(stop),
                    ObjectKind.BackupLocation => grains.BackupLocation(key.ToObjectKey()).WakeAsync(stop),
                    _ => grains.Cluster(key.ToObjectKey()).WakeAsync(stop),
                });
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotWoken(logger, key, e);
            }
        });

    /// <summary>Waits for the next sweep; true when a silo was lost meanwhile.</summary>
    private async Task<bool> RestAsync(CancellationToken stoppingToken)
    {
        using var rest = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var lost = _lost.WaitAsync(rest.Token);
        var first = await Task.WhenAny(lost, Task.Delay(options.Value.Interval * (0.8 + (0.4 * Random.Shared.NextDouble())), time, rest.Token));
        await rest.CancelAsync();
        if (first != lost || stoppingToken.IsCancellationRequested)
            return false;
        while (_lost.CurrentCount > 0 && _lost.Wait(TimeSpan.Zero, CancellationToken.None)) // Several losses, one sweep.
        {
        }

        // The survivors take over together: not in the same millisecond.
        await Task.Delay(options.Value.TakeOverJitter * Random.Shared.NextDouble(), time, stoppingToken).ContinueWith(static _ => { }, TaskScheduler.Default);
        return true;
    }

    private async Task WatchLossesAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var silos in share.LossesAsync(stoppingToken))
            {
                LogLost(logger, silos);
                _lost.Release();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The silo stops.
        }
    }

    [LoggerMessage(Microsoft.Extensions.Logging.LogLevel.Information, "{Silos} silos are gone: this one takes over its share of their clusters and work")]
    private static partial void LogLost(ILogger logger, int silos);

    [LoggerMessage(Microsoft.Extensions.Logging.LogLevel.Warning, "The sweep did not finish; the next one tries again")]
    private static partial void LogSweepFailed(ILogger logger, Exception exception);

    [LoggerMessage(Microsoft.Extensions.Logging.LogLevel.Warning, "{Record} was not woken; the next sweep tries again")]
    private static partial void LogNotWoken(ILogger logger, RecordKey record, Exception exception);
}

/// <summary>How often unfinished work is looked for.</summary>
public sealed class SweepOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Recovery";

    /// <summary>Time between two sweeps, ±20 %: one indexed query per kind.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Grains woken at once: enough to start thousands within seconds, few enough to leave room for requests.</summary>
    public int AtOnce { get; set; } = 32;

    /// <summary>Up to how long a silo waits before it takes over from a lost one. 0.2 s: spreads the first queries of some ten silos.</summary>
    public TimeSpan TakeOverJitter { get; set; } = TimeSpan.FromMilliseconds(200);
}
