using System.Reflection;
using Orleans;
using Orleans.Runtime;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Tests.Simulation;

/// <summary>One activation of a grain, with Orleans' rules: one call at a time unless the call interleaves, timers beside them, nothing after the end.</summary>
internal sealed class Activation : IGrainContext
{
    private delegate void SetContext(IGrainContext? context, out IGrainContext? previous);

    // Grain's constructor takes its context from here.
    private static readonly SetContext Enter = typeof(Grain).Assembly.GetType("Orleans.Runtime.RuntimeContext", throwOnError: true)!
        .GetMethod("SetExecutionContext", BindingFlags.NonPublic | BindingFlags.Static, [typeof(IGrainContext), typeof(IGrainContext).MakeByRefType()])!.CreateDelegate<SetContext>();

    private readonly Installation _home;
    private readonly List<Request> _waiting = [];
    private readonly HashSet<Request> _running = [];
    private readonly Grain _grain;
    private Request? _blocking;
    private State _state;
    private bool _endAsked;

    public Activation(Installation home, Silo silo, GrainId grain)
    {
        (_home, Silo, GrainId) = (home, silo, grain);
        silo.Activations[grain] = this;
        Enter(this, out var before);
        _grain = silo.NewGrain(SimGrains.KindOf(grain));
        Enter(before, out _);
        GrainReference = new SimReference(home, silo, grain);
    }

    private enum State
    {
        Activating,
        Valid,
        Ending,
        Gone,
    }

    public Silo Silo { get; }

    public GrainId GrainId { get; }

    public GrainReference GrainReference { get; }

    public object GrainInstance => _grain;

    public IServiceProvider ActivationServices => Silo;

    /// <summary>Timers run.</summary>
    public bool IsAlive => _state != State.Gone && !Silo.Dead;

    public ActivationId ActivationId => throw new NotSupportedException();

    public GrainAddress Address => throw new NotSupportedException();

    public IGrainLifecycle ObservableLifecycle => throw new NotSupportedException();

    public IWorkItemScheduler Scheduler => throw new NotSupportedException();

    public Task Deactivated => throw new NotSupportedException();

    public void Activate() => Silo.Scheduler.Run(async () =>
    {
        try
        {
            await _grain.OnActivateAsync(CancellationToken.None);
            _state = State.Valid;
            if (_endAsked)
                Deactivate();
            Go();
        }
        catch (Exception e)
        {
            _home.World.Log($"{this} cannot begin: {e.Message}");
            _state = State.Gone;
            _home.Ended(this);
            foreach (var request in _waiting)
                request.Fail(e);
            _waiting.Clear();
        }
    });

    public void Receive(Request request)
    {
        if (Silo.Dead)
        {
            request.Lose();
            return;
        }

        if (_state == State.Gone)
        {
            _home.Deliver(null, request);
            return;
        }

        if (Silo.Paused)
            request.Expire();
        _waiting.Add(request);
        Go();
    }

    /// <summary>As Orleans' DeactivateOnIdle: what runs ends, what waits goes to the next activation. Work beside the calls goes on unseen.</summary>
    public void Deactivate()
    {
        if (_state == State.Activating)
            _endAsked = true;
        if (_state != State.Valid)
            return;
        _home.World.Log($"{this} ends");
        _state = State.Ending;
        if (_running.Count == 0)
            End();
    }

    /// <summary>The silo is gone: who waits for an answer learns it.</summary>
    public void FailCalls()
    {
        foreach (var request in _waiting.Concat(_running))
            request.Fail(new SiloUnavailableException("the silo of the grain is gone"));
        _waiting.Clear();
    }

    public override string ToString() => $"{GrainId.Type}/{GrainId.Key}@{Silo}";

    public bool Equals(IGrainContext? other) => ReferenceEquals(this, other);

    public void SetComponent<TComponent>(TComponent? value)
        where TComponent : class => throw new NotSupportedException();

    public void ReceiveMessage(object message) => throw new NotSupportedException();

    public void Activate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken) => Deactivate();

    public void Rehydrate(IRehydrationContext context) => throw new NotSupportedException();

    public void Migrate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

    public TTarget? GetTarget<TTarget>()
        where TTarget : class => _grain as TTarget;

    public object? GetTarget() => _grain;

    public object? GetComponent(Type componentType) => null;

    private void Go()
    {
        if (_state != State.Valid)
            return;
        for (var i = 0; i < _waiting.Count;)
        {
            var request = _waiting[i];
            if (_running.Count > 0 && !request.Interleaves && _blocking is not null)
            {
                i++;
                continue;
            }

            _waiting.RemoveAt(i);
            _running.Add(request);
            if (!request.Interleaves)
                _blocking ??= request;
            Silo.Scheduler.Run(() => RunAsync(request));
        }
    }

    private async Task RunAsync(Request request)
    {
        await request.InvokeAsync(_grain);
        _running.Remove(request);
        if (_blocking == request)
            _blocking = null;
        if (_state == State.Ending && _running.Count == 0)
            End();
        else
            Go();
    }

    private void End() => Silo.Scheduler.Run(async () =>
    {
        await _grain.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "asked for"), CancellationToken.None);
        (_grain as IDisposable)?.Dispose();
        _state = State.Gone;
        _home.Ended(this);
        foreach (var request in _waiting)
            _home.Deliver(null, request);
        _waiting.Clear();
    });
}

/// <summary>A call on its way.</summary>
internal abstract class Request(GrainId to, CallKind kind, string what)
{
    public GrainId To => to;

    public string What => what;

    public bool Interleaves => kind is CallKind.Interleaved or CallKind.InterleavedOnce;

    public abstract Task InvokeAsync(object grain);

    public abstract void Fail(Exception failure);

    /// <summary>It met a silo that is dead and not yet known to be.</summary>
    public abstract void Lose();

    /// <summary>Unless it is answered in time, the caller stops waiting.</summary>
    public abstract void Expire();
}

/// <inheritdoc />
internal sealed class Request<TGrain, T>(Installation home, GrainId to, CallKind kind, string what, Func<TGrain, Task<T>> call, TaskCompletionSource<T> answer)
    : Request(to, kind, what)
{
    public override async Task InvokeAsync(object grain)
    {
        try
        {
            var result = await call((TGrain)grain);
            Reply(() => answer.TrySetResult(result));
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    public override void Fail(Exception failure) => Reply(() => answer.TrySetException(failure));

    public override void Lose() => home.World.After(home.World.Random.Seconds(0.2, 10), () => answer.TrySetException(new SiloUnavailableException("the silo of the grain is gone")));

    public override void Expire() => home.TimeOut(answer);

    private void Reply(Action reply)
    {
        if (home.World.Faults.Fires(Fault.ReplyLost))
        {
            home.World.Log($"answer of {What} {To}: lost on the way");
            home.TimeOut(answer);
        }
        else
            home.World.After(home.World.Latency(), reply);
    }
}
