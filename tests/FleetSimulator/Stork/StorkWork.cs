using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// Stork's work on one object: a loop of look, do one step, wait. A wait ends early when somebody else changes the object (a delete above all); a step,
/// such as an upload, does not.
/// </summary>
internal sealed class StorkWork(StorkRun run, ResourceType type, string ns, string name, string uid, CancellationToken killed)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _woken = NewSignal();
    private bool _running;

    public StorkRun Run => run;

    public ClusterStore Store => run.Store;

    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Starts the loop, or ends its wait. <paramref name="finished"/> is called when the object needs no work any more.</summary>
    public void Wake(Action finished)
    {
        lock (_gate)
        {
            _woken.TrySetResult();
            if (_running) return;
            _running = true;
            Ended = Task.Run(() => LoopAsync(finished), CancellationToken.None);
        }
    }

    /// <summary>The object as it is stored, or null when it is gone.</summary>
    public JsonObject? Read() => Store.Find(type, ns, name) is { } stored && stored.Uid == uid ? stored.Body() : null;

    /// <summary>
    /// A full replace through Stork's types after the recorded pause. False when the object was changed or deleted meanwhile: Stork drops the write and looks again.
    /// </summary>
    public async Task<bool> WriteAsync(JsonObject read, double recordedPause, Action<JsonObject> change)
    {
        await PauseAsync(recordedPause);
        var typed = TypedResource.Of(read);
        change(typed);
        killed.ThrowIfCancellationRequested();
        try
        {
            var stored = Store.Replace(type, ns, name, typed, SimulatedStork.Caller);
            foreach (var field in read.Select(f => f.Key).ToList()) read.Remove(field);
            foreach (var (field, value) in stored.Body()) read[field] = value?.DeepClone();
            return true;
        }
        catch (KubernetesStatusException refused) when (refused.Code is 404 or 409)
        {
            return false;
        }
    }

    /// <summary>A pause in recorded seconds that nothing but the end of the process cuts short.</summary>
    public Task PauseAsync(double recordedSeconds) => recordedSeconds > 0 ? run.DelayAsync(recordedSeconds, killed) : Task.CompletedTask;

    public void Warn(JsonObject about, string message)
    {
        killed.ThrowIfCancellationRequested();
        run.Events.Warn(about, message);
    }

    public CancellationToken Killed => killed;

    private async Task LoopAsync(Action finished)
    {
        try
        {
            while (true)
            {
                lock (_gate)
                {
                    if (_woken.Task.IsCompleted) _woken = NewSignal();
                }

                if (await StepAsync() is not { } recordedSeconds)
                {
                    lock (_gate)
                    {
                        if (_woken.Task.IsCompleted) continue;
                        _running = false;
                        finished();
                        return;
                    }
                }

                if (recordedSeconds == 0) continue;
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(killed);
                await Task.WhenAny(run.DelayAsync(recordedSeconds, waiting.Token), _woken.Task);
                await waiting.CancelAsync();
                killed.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (killed.IsCancellationRequested)
        {
            // The process was killed: whoever starts next reads the objects.
        }
        catch (KubernetesStatusException) when (Read() is null)
        {
            finished();   // Gone in the middle of a step, with its namespace or its definition.
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One step; the recorded seconds to the next one, or null when there is nothing left to do.</summary>
    private async Task<double?> StepAsync()
    {
        if (Read() is { } body)
        {
            if (type == StorkResources.Schedules) return await ScheduleLife.StepAsync(this, body);
            return type == StorkResources.Backups ? await BackupLife.StepAsync(this, body) : await RestoreLife.StepAsync(this, body);
        }

        if (type == StorkResources.Schedules) ScheduleLife.CollectOrphans(Store, uid);
        return null;
    }
}
