using System.Collections.Concurrent;
using PxBackup.DocumentGateway.Commands;

namespace PxBackup.DocumentGateway.Postgres;

/// <summary>Where open cursors go on: DocumentDB gives a continuation with each page and wants it back.</summary>
internal sealed class Cursors(TimeProvider time)
{
    /// <summary>MongoDB's cursorTimeoutMillis.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>Forgotten cursors are looked for when so many were opened.</summary>
    private const int Sweep = 256;

    private readonly ConcurrentDictionary<long, Entry> entries = new();
    private int opened;

    public void Keep(long id, string database, byte[] continuation)
    {
        entries[id] = new(database, continuation, time.GetTimestamp());
        if (Interlocked.Increment(ref opened) % Sweep != 0) return;
        foreach (var (old, entry) in entries)
            if (time.GetElapsedTime(entry.UsedAt) > Lifetime)
                entries.TryRemove(old, out _);
    }

    /// <exception cref="CommandException">There is no such cursor.</exception>
    public byte[] Continuation(long id, string database) => entries.TryGetValue(id, out var entry) && entry.Database == database
        ? entry.Continuation
        : throw new CommandException(ErrorCodes.CursorNotFound, $"cursor id {id} not found");

    public bool Forget(long id) => entries.TryRemove(id, out _);

    private sealed record Entry(string Database, byte[] Continuation, long UsedAt);
}
