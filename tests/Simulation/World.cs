using System.Runtime.CompilerServices;

namespace PxBackup.Tests.Simulation;

/// <summary>
/// The world of one history: one thread, one clock, one random generator. Whatever code waits for is an event in the future or a
/// continuation that is ready; which of the ready ones goes on is chance, so every interleaving can come about and a seed repeats it.
/// </summary>
internal sealed class World
{
    public static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, (long At, long Order)> _future = new();
    private readonly List<(SimScheduler Scheduler, Task Task)> _ready = [];
    private readonly Thread _thread = Thread.CurrentThread;
    private readonly List<string>? _trace;
    private long _order;

    public World(ulong seed, bool trace)
    {
        Seed = seed;
        Random = new SeededRandom(seed);
        Faults = Faults.Plan(Random);
        Clients = new SimScheduler(this, null);
        if (trace)
            _trace = [];
    }

    public ulong Seed { get; }

    public SeededRandom Random { get; }

    public Faults Faults { get; }

    public DateTimeOffset Now { get; private set; } = Noon;

    /// <summary>Where clients run; never dies.</summary>
    public SimScheduler Clients { get; }

    /// <summary>What is still to happen because of a fault: late effects, silos that stand still, outages.</summary>
    public int Hazards { get; set; }

    /// <summary>Clients that are not done.</summary>
    public int Busy { get; private set; }

    /// <summary>Steps made.</summary>
    public int Steps { get; private set; }

    /// <summary>The first promise that was broken.</summary>
    public string? Broken { get; private set; }

    public bool Tracing => _trace is not null;

    public IReadOnlyList<string> Trace => _trace ?? [];

    /// <summary>A promise was broken.</summary>
    public void Break(string what)
    {
        Broken ??= $"{Now:mm:ss.fff} {what}";
        Log($"BROKEN: {what}");
    }

    public void Log([InterpolatedStringHandlerArgument("")] ref TraceText text)
    {
        if (_trace is not null)
            _trace.Add(string.Concat(Now.ToString("HH:mm:ss.fff "), text.ToString()));
    }

    /// <summary>The time that something near takes.</summary>
    public TimeSpan Latency() => TimeSpan.FromTicks(2_000 + Random.Next(40_000));

    public void After(TimeSpan delay, Action happens)
    {
        CheckThread();
        _future.Enqueue(happens, ((Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero)).Ticks, ++_order));
    }

    public Task Delay(TimeSpan delay)
    {
        var passed = new TaskCompletionSource();
        After(delay, passed.SetResult);
        return passed.Task;
    }

    /// <summary>A client begins; the history is not over before it is done.</summary>
    public void Begin(Func<Task> client)
    {
        Busy++;
        Clients.Run(async () =>
        {
            try
            {
                await client();
            }
            catch (Exception e)
            {
                Break($"a client broke: {e}");
            }
            finally
            {
                Busy--;
            }
        });
    }

    public void Ready(SimScheduler scheduler, Task task)
    {
        CheckThread();
        _ready.Add((scheduler, task));
    }

    /// <summary>One thing happens: a continuation that is ready, or else the next event.</summary>
    /// <returns>False when nothing will ever happen again.</returns>
    public bool Step()
    {
        Steps++;
        if (_ready.Count > 0)
        {
            var chosen = Random.Next(_ready.Count);
            var (scheduler, task) = _ready[chosen];
            _ready[chosen] = _ready[^1];
            _ready.RemoveAt(_ready.Count - 1);
            scheduler.Execute(task);
            return true;
        }

        if (!_future.TryDequeue(out var happens, out var when))
            return false;
        Now = new DateTimeOffset(when.At, TimeSpan.Zero);
        happens();
        return true;
    }

    private void CheckThread()
    {
        if (Thread.CurrentThread != _thread)
            throw new InvalidOperationException("code of a history ran on a thread of its own: it cannot be repeated");
    }

    /// <summary>Text that is only put together when somebody reads it.</summary>
    [InterpolatedStringHandler]
    internal ref struct TraceText
    {
        private DefaultInterpolatedStringHandler _text;

        public TraceText(int literalLength, int formattedCount, World world, out bool wanted)
        {
            wanted = world.Tracing;
            _text = wanted ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
        }

        public void AppendLiteral(string value) => _text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string format) => _text.AppendFormatted(value, format);

        public override string ToString() => _text.ToStringAndClear();
    }
}
