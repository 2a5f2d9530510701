using Microsoft.Extensions.Logging;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>Removes tombstones that are older than <see cref="Tombstones.KeptFor"/>, a few at a time between other writes.</summary>
internal sealed partial class TombstoneSweep : IDisposable
{
    /// <summary>Tombstones per write: about 10 ms of the writer.</summary>
    private const int Portion = 1000;

    private readonly SqliteWriteQueue queue;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly ITimer timer;

    public TombstoneSweep(SqliteWriteQueue queue, TimeProvider time, TimeSpan interval, ILogger logger)
    {
        this.queue = queue;
        this.time = time;
        this.logger = logger;
        timer = time.CreateTimer(static state => _ = ((TombstoneSweep)state!).TickAsync(), this, interval, interval);
    }

    /// <summary>Removes all that has expired; how many.</summary>
    public async Task<int> RunAsync()
    {
        var before = (time.GetUtcNow() - Tombstones.KeptFor).UtcTicks;
        var total = 0;
        for (var removed = Portion; removed == Portion;)
        {
            await queue.WriteAsync(writes => removed = writes.Sweep(before, Portion), 0);
            total += removed;
        }

        return total;
    }

    public void Dispose() => timer.Dispose();

    private async Task TickAsync()
    {
        try
        {
            await RunAsync();
        }
        catch (RecordStoreException failure)
        {
            // The next tick tries again; until then a few rows more are kept.
            LogSweepFailed(logger, failure);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Expired tombstones could not be removed; the next sweep tries again")]
    private static partial void LogSweepFailed(ILogger logger, Exception failure);
}
