using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Orleans.Timers;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.Grains.Restores;

namespace PxBackup.Tests.Simulation;

/// <summary>One process of the installation: its activations, its services and its sweep. It can die, or stand still and come back as a zombie.</summary>
#pragma warning disable CA1001 // It dies: nobody disposes of anything.
internal sealed class Silo : IServiceProvider
#pragma warning restore CA1001
{
    private static readonly TimeSpan SweepInterval = new SweepOptions().Interval;
    private readonly Installation _home;
    private readonly SimGrains _grains;
    private readonly SimRuntime _runtime;
    private readonly RecordPort _records;
    private readonly ILoggerFactory _loggers;
    private readonly SimTime _time;
    private readonly ConnectGate _gate;
    private readonly SweepService _sweep;
    private readonly Orphans _orphans;
    private readonly List<Action> _held = [];

    public Silo(Installation home, int id)
    {
        (_home, Id) = (home, id);
        Scheduler = new SimScheduler(World, this);
        _time = new SimTime(World, this);
        _grains = new SimGrains(home, this);
        _runtime = new SimRuntime(this, _grains);
        _records = new RecordPort(home.Records, this);
        _loggers = World.Tracing ? new TraceLoggers(World, this) : NullLoggerFactory.Instance;
        _gate = new ConnectGate(home.Options.Clusters, _time) { Scheduler = Scheduler, Random = World.Random };
        _sweep = new SweepService(_grains, _records, EveryShare.Share, home.Options.Sweep, _time, _loggers.CreateLogger<SweepService>());
        _orphans = new Orphans(_grains, _records, _loggers.CreateLogger<Orphans>());
    }

    public int Id { get; }

    public Installation Home => _home;

    public World World => _home.World;

    public SimScheduler Scheduler { get; }

    /// <summary>Killed: nothing of it goes on, ever.</summary>
    public bool Dead { get; private set; }

    /// <summary>Stands still: what it would do waits.</summary>
    public bool Paused { get; private set; }

    /// <summary>The others took it for dead: its grains live elsewhere, what it still does is a zombie's work.</summary>
    public bool Evicted { get; private set; }

    /// <summary>What zombies call: their own activations.</summary>
    public Dictionary<GrainId, Activation> Activations { get; } = [];

    /// <summary>Looks for unfinished work from now on, at the first time for all of it.</summary>
    public void Start() => Scheduler.Run(async () =>
    {
        var everything = true;
        while (true)
        {
            try
            {
                await _sweep.SweepAsync(everything ? DateTimeOffset.MaxValue : _time.GetUtcNow(), CancellationToken.None);
                everything = false;
            }
            catch (Exception e)
            {
                World.Log($"{this} sweep failed: {e.Message}");
            }

            await Task.Delay(SweepInterval * (0.8 + (0.4 * World.Random.NextDouble())), _time, CancellationToken.None);
        }
    });

    /// <summary>kill -9.</summary>
    public void Crash()
    {
        if (Dead)
            return;
        World.Log($"{this} dies");
        Dead = true;
        _home.Died(this);
    }

    /// <summary>SIGSTOP, then SIGCONT after the others have taken over; it lives on as a zombie for a while.</summary>
    public void Pause()
    {
        if (Dead || Paused || Evicted)
            return;
        var (random, length) = (World.Random, World.Random.Seconds(5, 90));
        World.Log($"{this} stands still for {length.TotalSeconds:F1} s");
        Paused = true;
        World.Hazards++;
        if (length > Installation.DeadAfter)
            World.After(Installation.DeadAfter, Evict);
        World.After(length, () =>
        {
            World.Log($"{this} goes on{(Evicted ? " as a zombie" : "")}");
            Paused = false;
            foreach (var action in _held)
                action();
            _held.Clear();
            Scheduler.Resume();
            World.After(Evicted ? random.Seconds(0, 20) : TimeSpan.Zero, () =>
            {
                World.Hazards--;
                if (Evicted)
                    Crash(); // It learns that it was taken for dead.
            });
        });
    }

    /// <summary>Now, or when the silo goes on; never in a dead one.</summary>
    public void OnceAwake(Action action)
    {
        if (Dead)
            return;
        if (Paused)
            _held.Add(action);
        else
            action();
    }

    public object? GetService(Type serviceType) =>
        serviceType == typeof(IRecordStore) ? _records
        : serviceType == typeof(TimeProvider) ? _time
        : serviceType == typeof(ILoggerFactory) ? _loggers
        : serviceType == typeof(Random) ? World.Random
        : serviceType == typeof(Orphans) ? _orphans
        : serviceType == typeof(IGrainRuntime) || serviceType == typeof(ITimerRegistry) ? _runtime
        : null;

    /// <summary>A new instance of the product's class.</summary>
    public Grain NewGrain(ObjectKind kind) => kind switch
    {
        ObjectKind.Backup => new BackupGrain(_home.Options.Backups, new BucketPort(_home.Bucket, this)),
        ObjectKind.Restore => new RestoreGrain(_home.Options.Restores, new BucketPort(_home.Bucket, this)),
        _ => new ClusterGrain(new ConnectionPort(_home, this), _gate, _home.Options.Clusters),
    };

    public override string ToString() => $"silo{Id}";

    private void Evict()
    {
        if (Dead)
            return;
        World.Log($"{this} is taken for dead");
        Evicted = true;
        _home.Died(this);
    }
}

/// <summary>The settings of all histories: shorter than the product's where only the number of polls would grow.</summary>
internal sealed class SimOptions
{
    public IOptions<BackupOptions> Backups { get; } = Options.Create(new BackupOptions { PendingTimeout = TimeSpan.FromMinutes(10), StageTimeout = TimeSpan.FromMinutes(5), StuckTimeout = TimeSpan.FromMinutes(2), LockedInterval = TimeSpan.FromMinutes(1), DeletePollInterval = TimeSpan.FromSeconds(4) });

    public IOptions<RestoreOptions> Restores { get; } = Options.Create(new RestoreOptions { PendingTimeout = TimeSpan.FromMinutes(10), StageTimeout = TimeSpan.FromMinutes(5), StuckTimeout = TimeSpan.FromMinutes(2), NotBegunTimeout = TimeSpan.FromMinutes(3), DeletePollInterval = TimeSpan.FromSeconds(4) });

    public IOptions<ClusterOptions> Clusters { get; init; } = Options.Create(new ClusterOptions { ConnectAtOnce = 1024, UnreachableTimeout = TimeSpan.FromMinutes(1), LetGoTimeout = TimeSpan.FromMinutes(3) });

    public IOptions<SweepOptions> Sweep { get; } = Options.Create(new SweepOptions());

    public static SimOptions[] ByWorkAtOnce { get; } = [.. Enumerable.Range(0, 4).Select(n => new SimOptions { Clusters = Options.Create(new ClusterOptions { ConnectAtOnce = 1024, WorkAtOnce = Math.Max(1, n), UnreachableTimeout = TimeSpan.FromMinutes(1), LetGoTimeout = TimeSpan.FromMinutes(3) }) })];
}

/// <summary>The product's log as part of the trace.</summary>
internal sealed class TraceLoggers(World world, Silo silo) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        world.Log($"{silo} {logLevel}: {formatter(state, exception)}{(exception is null ? "" : $" [{exception.GetType().Name}: {exception.Message}]")}");

    public void Dispose()
    {
    }
}
