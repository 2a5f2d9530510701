namespace PxBackup.Stork;

/// <summary>Cancels a wait for a line that has lasted too long. One timer, which fires about once per period: it is not set again with every line.</summary>
internal sealed class Watchdog : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _silence;
    private readonly CancellationTokenSource _cancel;
    private readonly ITimer _timer;
    private long _waitingSince;   // 0 while nobody waits.

    public Watchdog(TimeProvider time, TimeSpan silence, CancellationToken cancellationToken)
    {
        _time = time;
        _silence = silence;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _timer = time.CreateTimer(static state => ((Watchdog)state!).Look(), this, silence, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => _cancel.Token;

    /// <summary>It was silent for too long.</summary>
    public bool Barked { get; private set; }

    /// <summary>A wait begins.</summary>
    public void Wait() => Volatile.Write(ref _waitingSince, Math.Max(1, _time.GetTimestamp()));

    /// <summary>The wait is over: what happens with the line may take its time.</summary>
    public void Rest() => Volatile.Write(ref _waitingSince, 0);

    public void Dispose()
    {
        _timer.Dispose();
        _cancel.Dispose();
    }

    private void Look()
    {
        var since = Volatile.Read(ref _waitingSince);
        var left = since == 0 ? _silence : _silence - _time.GetElapsedTime(since);
        try
        {
            if (left <= TimeSpan.Zero)
            {
                Barked = true;
                _cancel.Cancel();
            }
            else
            {
                _timer.Change(left, Timeout.InfiniteTimeSpan);
            }
        }
        catch (ObjectDisposedException)
        {
            // The watch has ended at this very moment.
        }
    }
}
