namespace PxBackup.Stork;

/// <summary>
/// What one cluster may spend of something in a second (events, bytes, calls), with a store for honest bursts. Who has spent more waits
/// until the debt is paid: nobody but the spender. Thread-safe.
/// </summary>
/// <param name="perSecond">What comes back in a second.</param>
/// <param name="burst">How much may be spent at once.</param>
/// <param name="time">The clock.</param>
public sealed class RateBudget(double perSecond, double burst, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly double _burst = burst;
    private double _left = burst;
    private long _filledAt = time.GetTimestamp();

    /// <summary>Spends.</summary>
    /// <param name="cost">How much.</param>
    /// <returns>How long to wait before going on; zero while there is something left.</returns>
    public TimeSpan Spend(double cost)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            _left = Math.Min(_burst, _left + (time.GetElapsedTime(_filledAt, now).TotalSeconds * perSecond));
            _filledAt = now;
            _left -= cost;
            return _left >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_left / perSecond);
        }
    }
}
