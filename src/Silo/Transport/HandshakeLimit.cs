using Microsoft.AspNetCore.Connections;

namespace PxBackup.Silo.Transport;

/// <summary>
/// Lets so many connections be in their handshake at once: what says nothing, half of it or nonsense holds a slot until the handshake's
/// time-out and costs nothing else. What has proven itself no longer counts.
/// </summary>
internal sealed partial class HandshakeLimit(int max, ILogger logger)
{
    private static readonly object Slot = new();
    private int underway;
    private long refused;

    /// <summary>Handshakes under way; for tests.</summary>
    public int Underway => Volatile.Read(ref underway);

    /// <summary>Before the handshake: takes a slot or closes.</summary>
    public ConnectionDelegate Enter(ConnectionDelegate next) => async connection =>
    {
        if (Interlocked.Increment(ref underway) > max)
        {
            Interlocked.Decrement(ref underway);
            // One line for each power of two: a flood of connections is no flood of lines.
            if (Interlocked.Increment(ref refused) is var times && (times & (times - 1)) == 0)
                LogFull(logger, max, times);
            connection.Abort();
            return;
        }

        connection.Items[Slot] = this;
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(connection);
        }
    };

    /// <summary>After it: gives the slot back.</summary>
    public ConnectionDelegate Pass(ConnectionDelegate next) => connection =>
    {
        Leave(connection);
        return next(connection);
    };

    private void Leave(ConnectionContext connection)
    {
        // TLS gives the same items on, so that whoever comes first gives the slot back.
        if (connection.Items.Remove(Slot))
            Interlocked.Decrement(ref underway);
    }

    [LoggerMessage(LogLevel.Warning, "More than {Max} connections between silos and gateways are in their handshake: {Times} were closed so far. Somebody else knocks at these ports, or Transport:MaxHandshakes is too small")]
    private static partial void LogFull(ILogger logger, int max, long times);
}
