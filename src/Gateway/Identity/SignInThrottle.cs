using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// Slows guessing. An attempt counts when it begins, so that parallel ones count too, and is taken back when it succeeds. Names are
/// counted whether they exist or not: the answer tells nothing about them. One name from one source has to wait; what many share, a source
/// or a name, is slowed to a rate and never shut; and of that nothing holds for a source from which the user has signed in before.
/// </summary>
internal sealed class SignInThrottle(TimeProvider time)
{
    /// <summary>Wrong passwords for one name from one source before it has to wait: a person's typos.</summary>
    internal const int FreePerPair = 5;

    /// <summary>From one source: many people may sit behind it.</summary>
    internal const int FreePerAddress = 50;

    /// <summary>For one name from all sources that are not known.</summary>
    internal const int FreePerName = 100;

    /// <summary>Counters kept, about 100 B each; the longest untouched go first.</summary>
    internal const int MostCounters = 10_000;

    /// <summary>The longest wait of a known source: whoever shares it cannot make it longer.</summary>
    internal static readonly TimeSpan LongestWaitOfKnown = TimeSpan.FromSeconds(15);

    // 43,200 guesses a day for one name, however many sources guess.
    private static readonly TimeSpan SharedPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(15);

    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(32);

    private readonly Lock gate = new();
    private readonly Dictionary<Key, Counter> counters = [];

    internal int Counters
    {
        get
        {
            lock (gate)
                return counters.Count;
        }
    }

    /// <summary>Null: go on, the attempt is counted. Else how long this name or source has to wait.</summary>
    /// <param name="username">As it was given; whether it exists does not matter.</param>
    /// <param name="source">From where.</param>
    /// <param name="isKnown">The user has signed in from there before.</param>
    public TimeSpan? TryBegin(string username, string source, bool isKnown)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            var keys = Keys(username, source, isKnown);
            var until = keys.Max(key => counters.TryGetValue(key, out var counter) ? counter.BlockedUntil : DateTimeOffset.MinValue);
            if (until > now)
                return until - now;
            foreach (var key in keys)
                Count(key, isKnown, now);
            return null;
        }
    }

    /// <summary>Takes the attempt back and forgets the typos before it.</summary>
    public void Succeeded(string username, string source, bool isKnown)
    {
        lock (gate)
        {
            var keys = Keys(username, source, isKnown);
            counters.Remove(keys[0]);
            foreach (var key in keys.Skip(1))
            {
                if (counters.TryGetValue(key, out var counter) && --counter.Attempts <= 0)
                    counters.Remove(key);
            }
        }
    }

    /// <summary>Takes an attempt back that came to nothing through no fault of its own.</summary>
    public void NotTried(string username, string source, bool isKnown)
    {
        lock (gate)
        {
            foreach (var key in Keys(username, source, isKnown))
            {
                if (counters.TryGetValue(key, out var counter) && --counter.Attempts <= 0)
                    counters.Remove(key);
            }
        }
    }

    // Names may be long and are anybody's choice: what is kept of them is a number that nobody outside can aim at.
    private static Key[] Keys(string username, string source, bool isKnown)
    {
        var (name, from) = (Hash(username), Hash(source));
        return isKnown ? [new(Kind.Pair, name, from)] : [new(Kind.Pair, name, from), new(Kind.Source, 0, from), new(Kind.Name, name, 0)];
    }

    private static ulong Hash(string text) => BinaryPrimitives.ReadUInt64LittleEndian(HMACSHA256.HashData(Secret, Encoding.UTF8.GetBytes(text)));

    private void Count(Key key, bool isKnown, DateTimeOffset now)
    {
        if (!counters.TryGetValue(key, out var counter))
        {
            if (counters.Count >= MostCounters)
                Drop(now);
            counters[key] = counter = new();
        }
        else if (now - counter.LastAt > Forgotten)
            counter.Attempts = 0;
        counter.LastAt = now;
        counter.Attempts++;
        var over = counter.Attempts - Free(key.Kind);
        if (over < 0)
            return;
        var longest = key.Kind != Kind.Pair ? SharedPause : isKnown ? LongestWaitOfKnown : LongestWait;
        counter.BlockedUntil = now + TimeSpan.FromSeconds(Math.Min(Math.Pow(2, Math.Min(over + (key.Kind == Kind.Pair ? 0 : 1), 16)), longest.TotalSeconds));
    }

    private static int Free(Kind kind) => kind switch
    {
        Kind.Pair => FreePerPair,
        Kind.Source => FreePerAddress,
        _ => FreePerName,
    };

    private void Drop(DateTimeOffset now)
    {
        foreach (var key in counters.Where(one => now - one.Value.LastAt > Forgotten).Select(one => one.Key).ToArray())
            counters.Remove(key);
        if (counters.Count < MostCounters)
            return;
        foreach (var key in counters.OrderBy(one => one.Value.LastAt).Take(MostCounters / 10).Select(one => one.Key).ToArray())
            counters.Remove(key);
    }

    private enum Kind
    {
        Pair,
        Source,
        Name,
    }

    private readonly record struct Key(Kind Kind, ulong Name, ulong Source);

    private sealed class Counter
    {
        public int Attempts;
        public DateTimeOffset LastAt;
        public DateTimeOffset BlockedUntil;
    }
}
