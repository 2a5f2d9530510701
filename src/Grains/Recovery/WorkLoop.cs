using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Drives unfinished work of one grain: one step at a time, beside the grain's calls, again when it asks or when somebody
/// calls <see cref="Go"/>, with a growing pause after failures. Holds nothing that must survive: the record says where the
/// work stands, and the sweep finds it by its due time.
/// </summary>
/// <param name="grain">Whose work; its timer keeps the grain alive while the work is unfinished.</param>
/// <param name="step">
/// One step. Returns after which time to come back; null when nothing is left to do or only an event can bring it on.
/// </param>
/// <param name="failed">Told of each failure with the number of attempts so far, so that the object can say what holds it up.</param>
/// <param name="logger">The grain's log.</param>
/// <param name="random">Spreads the pauses.</param>
internal sealed partial class WorkLoop(IGrainBase grain, Func<Task<TimeSpan?>> step, Func<DomainException, int, Task> failed, ILogger logger, Random random) : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);
    private IGrainTimer? _timer;
    private TaskCompletionSource? _stopped;
    private bool _going;
    private bool _again;
    private int _attempts;

    /// <summary>Does a step now, or another one after the one under way. Returns at once.</summary>
    public void Go()
    {
        if (_stopped is not null)
            return;
        if (_going)
        {
            _again = true;
            return;
        }

        _going = true;
        GoAsync().Ignore();
    }

    /// <summary>
    /// No step begins any more; the task ends with the one that is under way. Until then the next activation must not begin: what
    /// it deletes, this step could make once more.
    /// </summary>
    public Task StopAsync()
    {
        _timer?.Dispose();
        _stopped ??= new TaskCompletionSource();
        if (!_going)
            _stopped.TrySetResult();
        return _stopped.Task;
    }

    public void Dispose() => _ = StopAsync();

    private async Task GoAsync()
    {
        TimeSpan? pause = null;
        try
        {
            do
            {
                _again = false;
                pause = await StepAsync();
            }
            while (_again && _stopped is null);
        }
        finally
        {
            _going = false;
            if (_stopped is null)
                Arm(pause);
            else
                _stopped.TrySetResult();
        }
    }

    private async Task<TimeSpan?> StepAsync()
    {
        try
        {
            var pause = await step();
            _attempts = 0;
            return pause;
        }
        catch (Exception e)
        {
            var refusal = e as DomainException ?? new DomainException(ErrorReason.Unspecified, e.Message, e);
            if (refusal.Reason == ErrorReason.Unspecified)
                LogBroke(logger, grain.GrainContext.GrainId, e);
            _attempts++;
            await TellAsync(refusal);
            // Full jitter: after an outage thousands of backups must not come back in the same second.
            var ceiling = Math.Min(LongestPause.TotalSeconds, FirstPause.TotalSeconds * Math.Pow(2, Math.Min(_attempts - 1, 10)));
            return TimeSpan.FromSeconds(Math.Max(0.2, ceiling * random.NextDouble()));
        }
    }

    private async Task TellAsync(DomainException refusal)
    {
        try
        {
            await failed(refusal, _attempts);
        }
        catch (Exception e)
        {
            LogBroke(logger, grain.GrainContext.GrainId, e);
        }
    }

    private void Arm(TimeSpan? pause)
    {
        _timer?.Dispose();
        _timer = pause is { } due
            ? grain.RegisterGrainTimer(
                static (loop, _) =>
                {
                    loop.Go();
                    return Task.CompletedTask;
                },
                this,
                new GrainTimerCreationOptions(due, Timeout.InfiniteTimeSpan) { KeepAlive = true, Interleave = true })
            : null;
    }

    [LoggerMessage(LogLevel.Error, "A step of {Grain} broke; it is tried again")]
    private static partial void LogBroke(ILogger logger, GrainId grain, Exception exception);
}
