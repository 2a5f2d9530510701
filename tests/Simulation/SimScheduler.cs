namespace PxBackup.Tests.Simulation;

/// <summary>Runs the tasks of one silo, one at a time, when the world says so; those of a dead silo never.</summary>
internal sealed class SimScheduler(World world, Silo? silo) : TaskScheduler
{
    private readonly List<Task> _held = [];

    public void Run(Func<Task> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    public void Execute(Task task)
    {
        if (silo is { Dead: true })
            return;
        if (silo is { Paused: true })
            _held.Add(task);
        else
            TryExecuteTask(task);
    }

    /// <summary>The silo goes on.</summary>
    public void Resume()
    {
        foreach (var task in _held)
            world.Ready(this, task);
        _held.Clear();
    }

    protected override void QueueTask(Task task)
    {
        if (silo is { Dead: true })
            return;
        world.Ready(this, task);
    }

    // As in Orleans: what one piece of code awaits of another in the same place goes on at once. Only effects and calls let others in.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && Current == this && silo is not { Dead: true } and not { Paused: true } && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}

/// <summary>The world's clock as a silo sees it.</summary>
internal sealed class SimTime(World world, Silo silo) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => world.Now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => world.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(world, silo, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(World world, Silo silo, TimerCallback callback, object? state) : ITimer
    {
        private int _life;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var life = ++_life;
            if (period != Timeout.InfiniteTimeSpan && period != TimeSpan.Zero)
                throw new NotSupportedException("a timer that repeats by itself");
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;
            world.After(dueTime, () => silo.OnceAwake(() =>
            {
                if (life == _life)
                    callback(state);
            }));
            return true;
        }

        public void Dispose() => _life++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
