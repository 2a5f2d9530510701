using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Finds unfinished work by its due time and wakes its grains, so that no lost timer, call or event can lose work (DESIGN
/// D3); keeps every cluster's grain alive. Runs in each silo: waking twice is harmless.
/// </summary>
internal sealed partial class SweepService(IGrainFactory grains, IRecordStore store, IOptions<SweepOptions> options, TimeProvider time, ILogger<SweepService> logger) : BackgroundService
{
    private const int Batch = 500;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // After a start nobody works on anything yet, whatever is due when: everything unfinished is looked at.
        var due = DateTimeOffset.MaxValue;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await SweepAsync(due, stoppingToken);
                due = default;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogSweepFailed(logger, e);
            }

            await Task.Delay(options.Value.Interval * (0.8 + (0.4 * Random.Shared.NextDouble())), time, stoppingToken).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>One sweep, on the caller's scheduler.</summary>
    internal async Task SweepAsync(DateTimeOffset due, CancellationToken cancellationToken)
    {
        var now = due == default ? time.GetUtcNow() : due;
        await grains.Organization(ObjectKey.DefaultOrg).EnsureAsync(cancellationToken);
        foreach (var kind in (ObjectKind[])[ObjectKind.Backup, ObjectKind.Restore, ObjectKind.BackupLocation])
            await WakeAllAsync(kind, await store.ListDueAsync(kind, now, int.MaxValue, cancellationToken), cancellationToken);
        RecordKey? after = null; // Clusters are woken whether due or not: each has a connection to keep.
        while (await store.ListKeysAsync(ObjectKind.Cluster, after, Batch, cancellationToken) is { Count: > 0 } clusters)
        {
            await WakeAllAsync(ObjectKind.Cluster, clusters, cancellationToken);
            after = clusters[^1];
        }
    }

    private Task WakeAllAsync(ObjectKind kind, IReadOnlyList<RecordKey> keys, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = options.Value.AtOnce, TaskScheduler = TaskScheduler.Current, CancellationToken = cancellationToken }, async (key, stop) =>
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
}
