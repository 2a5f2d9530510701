using System.Net;
using System.Net.Sockets;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// Slows guessing. An attempt counts when it begins, so that parallel ones count too, and is taken back when it succeeds. Names are
/// counted whether they exist or not: the answer tells nothing about them.
/// </summary>
internal sealed class SignInThrottle(TimeProvider time)
{
    /// <summary>Wrong passwords for one name from one address before it has to wait: a person's typos.</summary>
    internal const int FreePerPair = 5;

    /// <summary>From one address: many people may sit behind it.</summary>
    internal const int FreePerAddress = 50;

    /// <summary>For one name from anywhere: high, so that others cannot easily shut a user out.</summary>
    internal const int FreePerName = 100;

    /// <summary>Counters kept, about 200 B each; the longest untouched go first.</summary>
    internal const int MostCounters = 10_000;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(15);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Counter> counters = new(StringComparer.Ordinal);

    internal int Counters
    {
        get
        {
            lock (gate)
                return counters.Count;
        }
    }

    /// <summary>Null: go on, the attempt is counted. Else how long this name or address has to wait.</summary>
    public TimeSpan? TryBegin(string username, IPAddress? address)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            var kinds = Kinds(username, address);
            var until = kinds.Max(kind => counters.TryGetValue(kind.Key, out var counter) ? counter.BlockedUntil : DateTimeOffset.MinValue);
            if (until > now)
                return until - now;
            foreach (var (key, free) in kinds)
                Count(key, free, now);
            return null;
        }
    }

    /// <summary>Takes the attempt back and forgets the typos before it.</summary>
    public void Succeeded(string username, IPAddress? address)
    {
        lock (gate)
        {
            var kinds = Kinds(username, address);
            counters.Remove(kinds[0].Key);
            foreach (var (key, _) in kinds.Skip(1))
            {
                if (counters.TryGetValue(key, out var counter) && --counter.Attempts <= 0)
                    counters.Remove(key);
            }
        }
    }

    private static (string Key, int Free)[] Kinds(string username, IPAddress? address)
    {
        var from = Network(address);
        return [($"{from}|{username}", FreePerPair), (from, FreePerAddress), ($"|{username}", FreePerName)];
    }

    /// <summary>IPv6 by /64: whoever has one address there has them all.</summary>
    private static string Network(IPAddress? address)
    {
        if (address is null)
            return "?";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes(), 0, 8) : address.ToString();
    }

    private void Count(string key, int free, DateTimeOffset now)
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
        var over = counter.Attempts - free;
        if (over >= 0)
            counter.BlockedUntil = now + TimeSpan.FromSeconds(Math.Min(Math.Pow(2, Math.Min(over, 16)), LongestWait.TotalSeconds));
    }

    private void Drop(DateTimeOffset now)
    {
        foreach (var key in counters.Where(one => now - one.Value.LastAt > Forgotten).Select(one => one.Key).ToArray())
            counters.Remove(key);
        if (counters.Count < MostCounters)
            return;
        foreach (var key in counters.OrderBy(one => one.Value.LastAt).Take(MostCounters / 10).Select(one => one.Key).ToArray())
            counters.Remove(key);
    }

    private sealed class Counter
    {
        public int Attempts;
        public DateTimeOffset LastAt;
        public DateTimeOffset BlockedUntil;
    }
}
