using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Carries what a watch says to the grains of backups and restores: at most one call under way per object, the newest report
/// wins, a failed call is repeated. The watch never waits for a grain, so that one busy object holds up no other; calls at once and per
/// second are the cluster's own budget.
/// </summary>
internal sealed partial class ObservationPump(IGrainFactory grains, ClusterOptions options, TimeProvider time, ILogger logger, CancellationToken stopping) : IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<(ObjectKind, ObjectKey), Slot> _slots = new();
    private readonly RateBudget _calls = new(options.ReportsPerSecond, options.ReportsPerSecond * 10.0, time);
    private readonly SemaphoreSlim _turns = new(options.ReportsAtOnce);

    public void Dispose() => _turns.Dispose();

    public void Post(ObjectKind kind, ObjectKey key, StorkReport report)
    {
        while (true)
        {
            var slot = _slots.GetOrAdd((kind, key), static _ => new Slot());
            lock (slot)
            {
                if (slot.Retired)
                    continue;
                slot.Newest = report;
                if (slot.Busy)
                    return;
                slot.Busy = true;
            }

            _ = DeliverAsync(kind, key, slot);
            return;
        }
    }

    private async Task DeliverAsync(ObjectKind kind, ObjectKey key, Slot slot)
    {
        while (true)
        {
            lock (slot)
            {
                if (slot.Newest is null || stopping.IsCancellationRequested)
                {
                    Retire(kind, key, slot);
                    return;
                }
            }

            var entered = await EnterAsync();
            StorkReport report;
            lock (slot)
            {
                report = slot.Newest; // Only this task takes it away.
                slot.Newest = null;
                if (!entered)
                {
                    Retire(kind, key, slot);
                    return;
                }
            }

            var failed = false;
            try
            {
                await (kind == ObjectKind.Backup ? grains.Backup(key).ObserveAsync(report, stopping) : grains.Restore(key).ObserveAsync(report, stopping));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotDelivered(logger, kind, key, e);
                lock (slot)
                    slot.Newest ??= report;
                failed = true;
            }
            catch (OperationCanceledException)
            {
                // Stopping, or the grain's silo is: the next list tells again.
            }
            finally
            {
                Leave();
            }

            if (failed)
                await Task.Delay(RetryDelay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    /// <summary>Waits for a turn and for the budget: meanwhile newer reports of the object replace older ones. False: the session ends.</summary>
    private async Task<bool> EnterAsync()
    {
        try
        {
            await _turns.WaitAsync(stopping);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }

        // The turn is held meanwhile: whoever comes next would have to wait, too.
        if (_calls.Spend(1) is { Ticks: > 0 } wait)
            await Task.Delay(wait, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return true;
    }

    private void Leave()
    {
        try
        {
            _ = _turns.Release();
        }
        catch (ObjectDisposedException)
        {
            // The session has ended meanwhile.
        }
    }

    private void Retire(ObjectKind kind, ObjectKey key, Slot slot)
    {
        slot.Retired = true;
        _slots.TryRemove((kind, key), out _);
    }

    [LoggerMessage(LogLevel.Warning, "A report for {Kind} {Key} was not delivered; it is sent again")]
    private static partial void LogNotDelivered(ILogger logger, ObjectKind kind, ObjectKey key, Exception exception);

    private sealed class Slot
    {
        public StorkReport? Newest;
        public bool Busy;
        public bool Retired;
    }
}
