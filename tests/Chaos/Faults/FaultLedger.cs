using System.Diagnostics;

namespace PxBackup.Chaos.Faults;

/// <summary>A fault that happened, or that turned out to meet nothing.</summary>
/// <param name="Kind">As planned.</param>
/// <param name="Target">Whom it met.</param>
/// <param name="Begin">Stopwatch ticks.</param>
/// <param name="End">Stopwatch ticks.</param>
/// <param name="Fired">How often it demonstrably met something: a signal delivered, connections or requests hit.</param>
/// <param name="Kills">How many programs it killed.</param>
internal sealed record FaultEntry(string Kind, string Target, long Begin, long End, long Fired, int Kills);

/// <summary>What was done to the installation, with proof.</summary>
internal sealed class FaultLedger
{
    private readonly List<FaultEntry> _entries = [];

    public IReadOnlyList<FaultEntry> Entries
    {
        get { lock (_entries) return [.. _entries]; }
    }

    /// <summary>Programs killed: kill -9 of a silo, a gateway or the database, and failpoints.</summary>
    public int Kills => Entries.Sum(entry => entry.Kills);

    public void Add(FaultEntry entry)
    {
        lock (_entries) _entries.Add(entry);
    }

    public void Add(string kind, string target, long begin, bool killed) => Add(new FaultEntry(kind, target, begin, Stopwatch.GetTimestamp(), killed ? 1 : 0, killed ? 1 : 0));
}
