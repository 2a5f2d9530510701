using Orleans.Runtime;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Tests.Simulation;

/// <summary>The silos, who hosts which grain, and the calls between grains; with what outlives every silo: records, clusters, bucket.</summary>
internal sealed class Installation
{
    /// <summary>How long after its death, or while it stands still, a silo counts as alive.</summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);
    private readonly Dictionary<GrainId, Activation> _directory = [];
    private readonly List<Silo> _silos = [];
    private int _started;

    public Installation(World world, SimOptions options)
    {
        (World, Options) = (world, options);
        Truth = new Truth(world) { Home = this };
        Records = new RecordStore(world, Truth);
        Bucket = new Bucket(world);
        Grains = new SimGrains(this, null);
        StartSilo();
        StartSilo();
    }

    public World World { get; }

    public SimOptions Options { get; }

    public Truth Truth { get; }

    public RecordStore Records { get; }

    public Bucket Bucket { get; }

    public Dictionary<string, Kubernetes> Clusters { get; } = [];

    /// <summary>The grains as clients see them.</summary>
    public SimGrains Grains { get; }

    /// <summary>The cluster's object is gone.</summary>
    public bool IsRemoved(string cluster) => Records.IndexOf(Truth.Key(ObjectKind.Cluster, cluster)) is null;

    /// <summary>The grain's activation, if the directory knows one.</summary>
    public Activation? Active(GrainId grain) => _directory.GetValueOrDefault(grain);

    /// <summary>A silo died or was taken for dead.</summary>
    public void Died(Silo silo)
    {
        void Forget()
        {
            _silos.Remove(silo);
            foreach (var (grain, activation) in silo.Activations)
            {
                if (_directory.GetValueOrDefault(grain) == activation)
                    _directory.Remove(grain);
                activation.FailCalls();
            }
        }

        if (silo.Evicted)
            Forget();
        else
            World.After(World.Random.Seconds(0.2, DeadAfter.TotalSeconds), Forget);
        if (_started < 6)
            World.After(World.Random.Seconds(0, 15), StartSilo);
        if (_silos.All(one => one.Dead || one.Evicted))
            StartSilo(); // Nothing can be promised without a silo.
    }

    /// <summary>A call from one grain to another, or from a client (no silo).</summary>
    public Task<T> CallAsync<TGrain, T>(Silo? from, GrainId to, CallKind kind, string what, Func<TGrain, Task<T>> call)
    {
        var answer = new TaskCompletionSource<T>();
        var faults = World.Faults;
        var delay = World.Latency();
        if (faults.Fires(Fault.MessageLost))
        {
            World.Log($"{from} {what} {to}: lost on the way");
            TimeOut(answer);
            return answer.Task;
        }

        if (faults.Fires(Fault.MessageDelayed))
            delay += World.Random.Seconds(1, 20);
        World.After(delay, () => Deliver(from, new Request<TGrain, T>(this, to, kind, what, call, answer)));
        if (kind is CallKind.Repeatable or CallKind.Interleaved && faults.Fires(Fault.MessageDuplicated))
            World.After(World.Random.Seconds(0, 3), () => Deliver(from, new Request<TGrain, T>(this, to, kind, what, call, new TaskCompletionSource<T>())));
        return answer.Task;
    }

    /// <summary>Brings a call to the grain's activation; makes one when there is none.</summary>
    public void Deliver(Silo? from, Request request)
    {
        if (World.Faults.Fires(Fault.Collect) && _directory.TryGetValue(request.To, out var old))
            old.Deactivate();
        // A zombie's view of the directory is its own, or already the new one.
        var activation = from is { Evicted: true, Dead: false } && from.Activations.TryGetValue(request.To, out var own) && World.Random.Percent(50)
            ? own
            : _directory.GetValueOrDefault(request.To);
        if (activation is null)
        {
            var alive = _silos.Where(silo => silo is { Dead: false, Paused: false, Evicted: false }).ToArray();
            if (alive.Length == 0)
            {
                World.After(TimeSpan.FromSeconds(1), () => Deliver(from, request));
                return;
            }

            activation = new Activation(this, World.Random.Of(alive), request.To);
            _directory[request.To] = activation;
            activation.Activate();
        }

        World.Log($"{from} {request.What} → {activation}");
        activation.Receive(request);
    }

    /// <summary>The activation is gone in good order.</summary>
    public void Ended(Activation activation)
    {
        if (_directory.GetValueOrDefault(activation.GrainId) == activation)
            _directory.Remove(activation.GrainId);
    }

    /// <summary>The answer never comes.</summary>
    public void TimeOut<T>(TaskCompletionSource<T> answer) =>
        World.After(CallTimeout, () => answer.TrySetException(new TimeoutException("the grain did not answer within 30 s")));

    /// <summary>An effect outside of the grains, asked for by one: what can go wrong with each of them goes wrong here.</summary>
    /// <param name="by">Who asks.</param>
    /// <param name="what">For the trace.</param>
    /// <param name="port">Its faults.</param>
    /// <param name="write">It changes something.</param>
    /// <param name="act">Has the effect.</param>
    public Task<T> EffectAsync<T>(Silo by, string what, Port port, bool write, Func<T> act)
    {
        var answer = new TaskCompletionSource<T>();
        World.After(World.Latency(), () => Arrive(by, what, port, write, act, answer));
        return answer.Task;
    }

    private void Arrive<T>(Silo by, string what, Port port, bool write, Func<T> act, TaskCompletionSource<T> answer)
    {
        var (faults, random) = (World.Faults, World.Random);
        if (write && faults.Fires(Fault.CrashBefore))
        {
            by.Crash();
            if (random.Percent(50))
                return;
        }

        T result = default!;
        Exception? failure = null;
        if (port.IsDown(World, write))
            failure = port.Failure("down");
        else if (faults.Fires(write ? port.NotDone : port.ReadFails))
            failure = port.Failure("not done");
        else if (write && faults.Fires(port.Late))
        {
            failure = port.Failure("outcome unknown");
            World.Hazards++;
            World.After(random.Seconds(0.1, 50), () =>
            {
                World.Hazards--;
                World.Log($"{by} {what}: happens late");
                _ = Act(act, stale: true, ref failure);
            });
        }
        else
        {
            result = Act(act, by.Evicted, ref failure)!;
            if (failure is null && write && faults.Fires(port.AckLost))
                failure = port.Failure("acknowledgement lost");
        }

        World.Log($"{by} {what}{(failure is null ? "" : $": {failure.Message}")}");
        if (write && faults.Fires(Fault.CrashAfter))
            by.Crash();
        if (write && faults.Fires(Fault.Pause))
            by.Pause();
        World.After(World.Latency(), () =>
        {
            if (failure is null)
                answer.SetResult(result);
            else
                answer.SetException(failure);
        });
    }

    private T? Act<T>(Func<T> act, bool stale, ref Exception? failure)
    {
        Truth.Stale = stale;
        try
        {
            return act();
        }
        catch (Exception e)
        {
            failure = e;
            return default;
        }
        finally
        {
            Truth.Stale = false;
        }
    }

    private void StartSilo()
    {
        var silo = new Silo(this, ++_started);
        _silos.Add(silo);
        World.Log($"{silo} starts");
        silo.Start();
    }
}

/// <summary>How a call may be treated.</summary>
internal enum CallKind
{
    /// <summary>A client's request: never repeated by the runtime.</summary>
    Once,

    /// <summary>A word between grains that may come twice; waits for its turn.</summary>
    Repeatable,

    /// <summary>The same, beside whatever runs (<c>AlwaysInterleave</c>).</summary>
    Interleaved,

    /// <summary>Interleaved, and not harmless when repeated: Orleans delivers at most once.</summary>
    InterleavedOnce,
}

/// <summary>What can go wrong with one kind of effect.</summary>
internal sealed class Port(Fault notDone, Fault ackLost, Fault late, Fault readFails, Fault down, Func<string, Exception> failure)
{
    private DateTimeOffset _downUntil;

    public Fault NotDone => notDone;

    public Fault AckLost => ackLost;

    public Fault Late => late;

    public Fault ReadFails => readFails;

    public Exception Failure(string what) => failure(what);

    public bool IsDown(World world, bool write)
    {
        if (write && world.Faults.Fires(down))
        {
            var length = world.Random.Seconds(2, 90);
            _downUntil = world.Now + length;
            world.Hazards++; // While it lasts, not even the sweep can put anything right.
            world.After(length, () => world.Hazards--);
        }

        return world.Now < _downUntil;
    }
}
