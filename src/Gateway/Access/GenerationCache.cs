using System.Collections.Concurrent;

namespace PxBackup.Gateway.Access;

/// <summary>
/// A bounded map in two generations: new entries go to the young one; when that holds half of the capacity it becomes the old
/// one and the previous old one is dropped. What is asked for moves to the young one. Every operation is O(1) and lock-free but
/// for the turn, and an entry that is in use is never dropped.
/// </summary>
internal sealed class GenerationCache<TValue>(int capacity) where TValue : class
{
    private readonly int half = Math.Max(1, capacity / 2);
    private readonly Lock turning = new();
    private volatile Generations generations = new();

    /// <summary>Entries held, at most the capacity plus one per concurrent writer. For tests and metrics: takes locks.</summary>
    public int Count => generations.Young.Count + generations.Old.Count;

    public bool TryGet(in TokenHash key, out TValue value)
    {
        var now = generations;
        if (now.Young.TryGetValue(key, out value!))
            return true;
        if (!now.Old.TryRemove(key, out value!))
            return false;
        Set(key, value);
        return true;
    }

    public void Set(in TokenHash key, TValue value)
    {
        var now = generations;
        if (!now.Young.TryAdd(key, value))
        {
            now.Young[key] = value;
            return;
        }
        now.Old.TryRemove(key, out _);
        if (Interlocked.Increment(ref now.Added) >= half)
            Turn(now);
    }

    private void Turn(Generations seen)
    {
        lock (turning)
        {
            if (ReferenceEquals(seen, generations))
                generations = new() { Old = seen.Young };
        }
    }

    private sealed class Generations
    {
        public readonly ConcurrentDictionary<TokenHash, TValue> Young = new();
        public ConcurrentDictionary<TokenHash, TValue> Old { get; init; } = new();
        public int Added;
    }
}
