using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Who may work on a cluster: at most so many at once, owners take turns, each owner's work in the order it came. Holds no
/// clock and no I/O; lost with the activation and built again from the work's own records.
/// </summary>
internal sealed class AdmissionQueue(int atOnce)
{
    private readonly Dictionary<(ObjectKind, ObjectKey), ClusterWork> _running = [];
    private readonly Dictionary<string, LinkedList<ClusterWork>> _waiting = [];
    private readonly LinkedList<string> _turns = [];

    // Everything that waits asks again now and then: walking the line each time would cost the square of its length.
    private readonly Dictionary<(ObjectKind, ObjectKey), LinkedListNode<ClusterWork>> _places = [];

    /// <summary>What has room now.</summary>
    public IReadOnlyCollection<ClusterWork> Running => _running.Values;

    /// <summary>Everybody who runs or waits now.</summary>
    public IReadOnlyCollection<ClusterWork> All => [.. _running.Values, .. _places.Values.Select(place => place.Value)];

    /// <summary>Somebody runs or waits; may be asked from any thread.</summary>
    public bool HasWork => _running.Count + _places.Count > 0;

    /// <summary>How many wait.</summary>
    public int WaitingCount => _places.Count;

    /// <summary>Takes work in; work that is known keeps its place. Work that already runs on the cluster keeps its room.</summary>
    public void Add(ClusterWork work)
    {
        if (_running.ContainsKey((work.Kind, work.Key)))
            return;
        if (work.Running)
        {
            _ = RemoveWaiting(work);
            _running[(work.Kind, work.Key)] = work;
            return;
        }

        if (_places.ContainsKey((work.Kind, work.Key)))
            return;
        if (!_waiting.TryGetValue(work.Owner, out var line))
        {
            _waiting[work.Owner] = line = [];
            _turns.AddLast(work.Owner);
        }

        _places[(work.Kind, work.Key)] = line.AddLast(work);
    }

    /// <summary>Gives room back or leaves the line.</summary>
    public void Remove(ClusterWork work)
    {
        if (!_running.Remove((work.Kind, work.Key)))
            _ = RemoveWaiting(work);
    }

    /// <summary>Has room.</summary>
    public bool IsRunning(ClusterWork work) => _running.ContainsKey((work.Kind, work.Key));

    /// <summary>Admits as much as there is room for and says what was admitted.</summary>
    public IReadOnlyList<ClusterWork> Admit()
    {
        var admitted = new List<ClusterWork>();
#if SEEDED_BUGS
        while (_running.Count < atOnce + (SeededBugs.Is("admits-one-too-many") ? 1 : 0) &&
#else
        while (_running.Count < atOnce &&
#endif
            _turns.First is { } turn)
        {
            var line = _waiting[turn.Value];
            var work = line.First!.Value;
            line.RemoveFirst();
            _places.Remove((work.Kind, work.Key));
            _turns.RemoveFirst();
            if (line.Count == 0)
                _waiting.Remove(turn.Value);
            else
                _turns.AddLast(turn);
            _running[(work.Kind, work.Key)] = work;
            admitted.Add(work);
        }

        return admitted;
    }

    private bool RemoveWaiting(ClusterWork work)
    {
        if (!_places.Remove((work.Kind, work.Key), out var place))
            return false;
        var (owner, line) = (place.Value.Owner, place.List!);
        line.Remove(place);
        if (line.Count == 0)
        {
            _waiting.Remove(owner);
            _turns.Remove(owner);
        }

        return true;
    }
}
