namespace PxBackup.Stork;

/// <summary>Full jitter: a random wait between 0 and a bound that doubles with each failure. A fleet that fails at once does not come back at once.</summary>
internal sealed class Backoff(ClusterConnectionOptions options, Random random)
{
    private int _failures;

    /// <summary>Failures in a row.</summary>
    public int Failures => _failures;

    public void Reset() => _failures = 0;

    /// <summary>How long to wait now.</summary>
    /// <param name="retryAfter">What the server asked for; honoured up to a limit, with the jitter on top.</param>
    public TimeSpan Next(TimeSpan? retryAfter)
    {
        // 2^16 base units are beyond any sensible maximum; a larger exponent would overflow.
        var bound = Math.Min(options.BackoffMaximum.TotalSeconds, options.BackoffBase.TotalSeconds * Math.Pow(2, Math.Min(_failures, 16)));
        _failures++;
        var wait = TimeSpan.FromSeconds(random.NextDouble() * bound);
        if (retryAfter is { } asked)
            wait += asked < options.RetryAfterMaximum ? asked : options.RetryAfterMaximum;
        return wait;
    }
}
