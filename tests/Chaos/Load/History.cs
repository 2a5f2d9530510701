using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace PxBackup.Chaos.Load;

/// <summary>One request as its client saw it.</summary>
internal sealed record HistoryEntry
{
    public required long Number { get; init; }

    /// <summary>Who asked: a story, or a reader.</summary>
    public required string Client { get; init; }

    /// <summary>Index of the gateway.</summary>
    public required int Gateway { get; init; }

    public required bool IsRest { get; init; }

    /// <summary>Such as <c>Backup/Create</c>.</summary>
    public required string Rpc { get; init; }

    public required bool IsRead { get; init; }

    /// <summary>Name of the object meant; empty for lists.</summary>
    public required string Object { get; init; }

    /// <summary>Monotonic clock of this process, in <see cref="Stopwatch"/> ticks.</summary>
    public required long Begin { get; init; }

    /// <summary>When the outcome was known.</summary>
    public required long End { get; init; }

    /// <summary>gRPC code; REST's are translated.</summary>
    public required Grpc.Core.StatusCode Code { get; init; }

    /// <summary>The connection failed under it: the server said nothing.</summary>
    public required bool IsTransport { get; init; }

    /// <summary>The message of an error.</summary>
    public string Detail { get; init; } = "";

    /// <summary>State of the object in the answer.</summary>
    public string Seen { get; init; } = "";

    /// <summary>Uid of the object in the answer.</summary>
    public string Uid { get; init; } = "";
}

/// <summary>Every request of a run, in the order of their ends.</summary>
internal sealed class History
{
    private readonly ConcurrentQueue<HistoryEntry> _entries = new();
    private long _number;

    public IReadOnlyCollection<HistoryEntry> Entries => _entries;

    public long Next() => Interlocked.Increment(ref _number);

    public void Add(HistoryEntry entry) => _entries.Enqueue(entry);

    /// <summary>One JSON object a line, times in milliseconds since <paramref name="start"/>.</summary>
    public void WriteTo(string file, long start)
    {
        using var writer = new StreamWriter(file, append: true);
        foreach (var entry in _entries)
        {
            writer.WriteLine(JsonSerializer.Serialize(new
            {
                entry.Number, entry.Client, entry.Gateway, entry.IsRest, entry.Rpc, entry.Object, begin = Milliseconds(start, entry.Begin), end = Milliseconds(start, entry.End),
                code = entry.Code.ToString(), entry.IsTransport, entry.Detail, entry.Seen, entry.Uid,
            }));
        }
    }

    private static double Milliseconds(long from, long to) => Math.Round(Stopwatch.GetElapsedTime(from, to).TotalMilliseconds, 1);
}
