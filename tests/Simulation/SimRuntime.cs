using Orleans;
using Orleans.Core;
using Orleans.Runtime;
using Orleans.Timers;

namespace PxBackup.Tests.Simulation;

/// <summary>What a grain asks of Orleans: other grains, timers, its own end.</summary>
internal sealed class SimRuntime(Silo silo, SimGrains grains) : IGrainRuntime, ITimerRegistry
{
    public string SiloIdentity => silo.ToString();

    public SiloAddress SiloAddress => throw new NotSupportedException();

    public IGrainFactory GrainFactory => grains;

    public ITimerRegistry TimerRegistry => this;

    public IServiceProvider ServiceProvider => silo;

    public TimeProvider TimeProvider => throw new NotSupportedException();

    public void DeactivateOnIdle(IGrainContext grainContext) => ((Activation)grainContext).Deactivate();

    public void DelayDeactivation(IGrainContext grainContext, TimeSpan timeSpan) => throw new NotSupportedException();

    public IStorage<TGrainState> GetStorage<TGrainState>(IGrainContext grainContext) => throw new NotSupportedException();

    public IDisposable RegisterTimer(IGrainContext grainContext, Func<object?, Task> callback, object? state, TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

    public IGrainTimer RegisterGrainTimer<TState>(IGrainContext grainContext, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options) =>
        options.Interleave && options.Period == Timeout.InfiniteTimeSpan
            ? new OneShot(silo, (Activation)grainContext, () => callback(state, CancellationToken.None), options.DueTime)
            : throw new NotSupportedException("a timer that repeats or waits for its turn");

    /// <summary>A timer that fires once beside the grain's calls, unless it or the activation is gone by then.</summary>
    private sealed class OneShot : IGrainTimer
    {
        private bool _off;

        public OneShot(Silo silo, Activation activation, Func<Task> callback, TimeSpan due) => silo.World.After(due, () => silo.OnceAwake(() =>
        {
            if (!_off && activation.IsAlive)
                silo.Scheduler.Run(callback);
        }));

        public void Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose() => _off = true;
    }
}

/// <summary>A grain's reference to itself.</summary>
internal sealed class SimReference(Installation home, Silo silo, GrainId grain) : GrainReference(
    new GrainReferenceShared(grain.Type, default, 0, new Runtime(home, silo, grain), default, null!, null!, silo), grain.Key)
{
    private sealed class Runtime(Installation home, Silo silo, GrainId grain) : IGrainReferenceRuntime
    {
        public object Cast(IAddressable grainReference, Type interfaceType) => new ClusterProxy(home, silo, grain);

        public void InvokeMethod(GrainReference reference, Orleans.Serialization.Invocation.IInvokable request, Orleans.CodeGeneration.InvokeMethodOptions options) => throw new NotSupportedException();

        public ValueTask<TResult?> InvokeMethodAsync<TResult>(GrainReference reference, Orleans.Serialization.Invocation.IInvokable request, Orleans.CodeGeneration.InvokeMethodOptions options) => throw new NotSupportedException();

        public ValueTask InvokeMethodAsync(GrainReference reference, Orleans.Serialization.Invocation.IInvokable request, Orleans.CodeGeneration.InvokeMethodOptions options) => throw new NotSupportedException();
    }
}
