using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Carries what a watch says to the grains of backups and restores: at most one call under way per object, the newest report
/// wins, a failed call is repeated. The watch never waits for a grain, so that one busy object holds up no other.
/// </summary>
internal sealed partial class ObservationPump(IGrainFactory grains, TimeProvider time, ILogger logger, CancellationToken stopping)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<(ObjectKind, ObjectKey), Slot> _slots = new();

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
            StorkReport? report;
            lock (slot)
            {
                report = slot.Newest;
                slot.Newest = null;
                if (report is null || stopping.IsCancellationRequested)
                {
                    slot.Retired = true;
                    _slots.TryRemove((kind, key), out _);
                    return;
                }
            }

            try
            {
                await (kind == ObjectKind.Backup ? grains.Backup(key).ObserveAsync(report, stopping) : grains.Restore(key).ObserveAsync(report, stopping));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotDelivered(logger, kind, key, e);
                lock (slot)
                    slot.Newest ??= report;
                await Task.Delay(RetryDelay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
            catch (OperationCanceledException)
            {
                // Stopping, or the grain's silo is: the next list tells again.
            }
        }
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
