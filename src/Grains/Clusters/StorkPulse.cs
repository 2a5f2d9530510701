using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>What looks at Stork's program have shown so far.</summary>
internal enum StorkState
{
    /// <summary>It renews its lease, or its Deployment is ready where there is none. Also where nothing can be seen: what is unknown is no alarm.</summary>
    Works,

    /// <summary>There is a lease, and nothing of its movement has been seen yet.</summary>
    Unproven,

    /// <summary>It does not run, or says nothing any more: <see cref="StorkPulse.Cause"/>.</summary>
    Silent,
}

/// <summary>
/// Judges Stork's program by what changes between two looks, over our own time: the cluster's clock is not ours, and a time that it writes says nothing. Holds
/// no clock and no I/O.
/// </summary>
/// <param name="silence">How long nothing may move. Stork renews its lease every 2 s and gives it up after 15 s.</param>
internal sealed class StorkPulse(TimeSpan silence)
{
    private string? _mark;
    private DateTimeOffset _movedAt;
    private DateTimeOffset? _notReadySince;
    private bool _hasMoved;

    /// <summary>Cause and cure while it is <see cref="StorkState.Silent"/>; null otherwise.</summary>
    public ClusterException? Cause { get; private set; }

    /// <summary>When nothing that was seen would be too long ago; null when no lease is known.</summary>
    public DateTimeOffset? SilentAt => _mark is null ? null : _movedAt + silence;

    /// <summary>What a Deployment says by itself, before anything could be seen to move; null when nothing is wrong with it.</summary>
    public static ClusterException? AtFirstSight(StorkLook? look) => look is { Deployment.Ready: 0 } ? NotRunning(look, look.Deployment.Wanted) : null;

    /// <summary>Takes a look into account.</summary>
    public StorkState See(StorkLook look, DateTimeOffset now)
    {
        var state = look.LeaseMark is { } mark && look.Deployment is not { WithoutLeaderElection: true } ? ByLease(look, mark, now) : ByDeployment(look, now);
        if (state != StorkState.Silent)
            Cause = null;
        return state;
    }

    private StorkState ByLease(StorkLook look, string mark, DateTimeOffset now)
    {
        if (mark != _mark)
        {
            _hasMoved = _mark is not null;
            (_mark, _movedAt) = (mark, now);
        }
        else if (now - _movedAt >= silence)
        {
            Cause = look.Deployment is { Ready: 0, Wanted: var wanted }
                ? NotRunning(look, wanted)
                : new ClusterException(ClusterFailure.StorkSilent,
                    $"Stork says nothing: its lease in namespace {look.Namespace} has not been renewed for {(int)(now - _movedAt).TotalSeconds} s.",
                    $"Look at the pods and the log of Deployment stork in namespace {look.Namespace} (kubectl -n {look.Namespace} rollout restart deployment stork starts it again).");
            return StorkState.Silent;
        }

        return _hasMoved ? StorkState.Works : StorkState.Unproven;
    }

    private StorkState ByDeployment(StorkLook look, DateTimeOffset now)
    {
        (_mark, _hasMoved) = (null, false);
        if (look.Deployment is not { Ready: 0, Wanted: var wanted })
        {
            _notReadySince = null;
            return StorkState.Works;
        }

        // A rollout leaves no replica ready for a moment; nobody asks for none by accident.
        _notReadySince ??= now;
        if (wanted > 0 && now - _notReadySince < silence)
            return StorkState.Unproven;
        Cause = NotRunning(look, wanted);
        return StorkState.Silent;
    }

    private static ClusterException NotRunning(StorkLook look, int wanted) => wanted == 0
        ? new(ClusterFailure.StorkNotRunning, $"Stork does not run: Deployment stork in namespace {look.Namespace} is scaled to 0.",
            $"Scale it up (kubectl -n {look.Namespace} scale deployment stork --replicas=3).")
        : new(ClusterFailure.StorkNotRunning, $"Stork does not run: no replica of Deployment stork in namespace {look.Namespace} is ready.",
            $"Look at its pods (kubectl -n {look.Namespace} describe pods -l name=stork).");
}
