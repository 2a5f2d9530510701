namespace PxBackup.Gateway.Identity;

/// <summary>
/// Who may hash a password next. Each hash is 0.1 s of a core: half of the cores may be busy with them. Known sources have a lane of their
/// own and every other turn; a source has few places; in a full lane the crowd loses a place to who comes alone.
/// </summary>
internal sealed class HashQueue(int turns)
{
    /// <summary>Places of each lane: with one core 64 × 0.1 s at most, every other turn for the other lane.</summary>
    public const int MaxInLane = 32;

    /// <summary>Places of one source.</summary>
    public const int MaxOfSource = 4;

    private readonly Lock gate = new();
    private readonly LinkedList<Place> known = [];
    private readonly LinkedList<Place> strangers = [];
    private int busy;
    private bool wasKnown;

    /// <summary>Half of the cores.</summary>
    public HashQueue() : this(Math.Max(1, Environment.ProcessorCount / 2))
    {
    }

    /// <summary>Waits for a turn; dispose it when the hash is done. Null: no place is free, come again.</summary>
    public async ValueTask<IDisposable?> EnterAsync(string source, string neighbourhood, bool isKnown, CancellationToken cancellationToken)
    {
        Place place;
        lock (gate)
        {
            if (busy < turns)
            {
                busy++;
                return new Turn(this);
            }
            var lane = isKnown ? known : strangers;
            if (lane.Count(other => other.Source == source) >= MaxOfSource || (lane.Count >= MaxInLane && !MadeRoom(lane, neighbourhood)))
                return null;
            lane.AddLast(place = new(source, neighbourhood));
        }

        await using var gone = cancellationToken.UnsafeRegister(static (state, token) =>
        {
            var (queue, place) = ((HashQueue, Place))state!;
            queue.Leave(place, token);
        }, (this, place));
        return await place.Called.Task.ConfigureAwait(false) ? new Turn(this) : null;
    }

    private static bool MadeRoom(LinkedList<Place> lane, string neighbourhood)
    {
        var crowd = lane.GroupBy(place => place.Neighbourhood).OrderByDescending(group => group.Count()).First();
        if (crowd.Count() <= lane.Count(place => place.Neighbourhood == neighbourhood) + 1)
            return false;
        var last = crowd.Last();
        lane.Remove(last);
        last.Called.TrySetResult(false);
        return true;
    }

    private void Leave(Place place, CancellationToken token)
    {
        lock (gate)
        {
            // Whoever was called meanwhile has the turn and gives it back.
            if (known.Remove(place) || strangers.Remove(place))
                place.Called.TrySetCanceled(token);
        }
    }

    private void Next()
    {
        lock (gate)
        {
            var lane = known.Count > 0 && (strangers.Count == 0 || !wasKnown) ? known : strangers;
            if (lane.Count == 0)
            {
                busy--;
                return;
            }
            wasKnown = ReferenceEquals(lane, known);
            var place = lane.First!.Value;
            lane.RemoveFirst();
            place.Called.TrySetResult(true);
        }
    }

    private sealed record Place(string Source, string Neighbourhood)
    {
        public TaskCompletionSource<bool> Called { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Equals(Place? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }

    private sealed class Turn(HashQueue queue) : IDisposable
    {
        private HashQueue? queue = queue;

        public void Dispose() => Interlocked.Exchange(ref queue, null)?.Next();
    }
}
