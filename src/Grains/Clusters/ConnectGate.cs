using Microsoft.Extensions.Options;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Spreads the start of connections of one silo over time: at most <see cref="ClusterOptions.ConnectAtOnce"/> begin per
/// quarter second, so that a start or a take-over with thousands of clusters does not starve the API. Clusters with work in
/// flight go first, the others in the order they came.
/// </summary>
internal sealed class ConnectGate(IOptions<ClusterOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Held = TimeSpan.FromMilliseconds(250);
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly Lock _lock = new();
    private int _free = options.Value.ConnectAtOnce;

    /// <summary>Where the sessions of the silo run: beside the grains.</summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>Spreads their checks.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Waits for a turn. The place is given back by itself: a cluster that does not answer keeps nobody waiting.</summary>
    /// <param name="isUrgent">Asked each time a place becomes free, from any thread: work may arrive while the cluster waits.</param>
    /// <param name="cancellationToken">Leaves the line.</param>
    public async Task EnterAsync(Func<bool> isUrgent, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiter = new Waiter(isUrgent, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                waiter.Turn.SetResult();
            }
            else
                _waiting.AddLast(waiter);
        }

        using (cancellationToken.Register(() => Leave(waiter, cancellationToken)))
            await waiter.Turn.Task;
        _ = ReleaseLaterAsync();
    }

    private void Leave(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_waiting.Remove(waiter))
                waiter.Turn.SetCanceled(cancellationToken);
        }
    }

    private async Task ReleaseLaterAsync()
    {
        await Task.Delay(Held, time, CancellationToken.None);
        lock (_lock)
        {
            if (Next() is not { } next)
            {
                _free++;
                return;
            }

            _waiting.Remove(next);
            next.Value.Turn.SetResult();
        }
    }

    private LinkedListNode<Waiter>? Next()
    {
        for (var node = _waiting.First; node is not null; node = node.Next)
            if (node.Value.IsUrgent())
                return node;
        return _waiting.First;
    }

    private sealed record Waiter(Func<bool> IsUrgent, TaskCompletionSource Turn);
}
