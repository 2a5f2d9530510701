using Orleans.Runtime;
using Orleans.Runtime.Messaging;

namespace PxBackup.Silo;

/// <summary>A gateway may start before any silo: it waits and says so, instead of ending and being started again.</summary>
internal sealed partial class WaitForSilos(TimeProvider time, ILogger<WaitForSilos> logger) : IClientConnectionRetryFilter
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Every tenth second is enough for whoever reads the log.
    private const int ToldEvery = 10;
    private int _attempts;

    public async Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken)
    {
        // Unavailable: the table names no silo. The others: it names some, but they have died or are starting.
        if (exception is not (SiloUnavailableException or ConnectionFailedException or OrleansMessageRejectionException or TimeoutException))
            return false; // The database's own refusals: told in one line, as at any start.
        if (_attempts++ % ToldEvery == 0)
            LogWaiting(logger, exception.Message);
        await Task.Delay(Pause, time, cancellationToken);
        return true;
    }

    [LoggerMessage(LogLevel.Warning, "No silo can be reached yet; waiting for one ({Cause})")]
    private static partial void LogWaiting(ILogger logger, string cause);
}
