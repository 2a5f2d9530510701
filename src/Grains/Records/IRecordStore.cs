using Google.Protobuf;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Records;

/// <summary>
/// The port behind which records rest (DESIGN D2, D8): one document per object, every write fenced by the version that
/// the writer has read. Implemented by <c>src/Persistence</c>; one conformance suite runs against every implementation.
/// Any method may throw <see cref="RecordStoreException"/>; after one from a write the outcome is unknown and the record
/// must be read again before any further effect. An unreachable store throws, it never looks empty.
/// </summary>
public interface IRecordStore
{
    /// <summary>Reads one record; null when there is none or it was deleted.</summary>
    Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new();

    /// <summary>
    /// Reads one record, or the tombstone of a deleted one: <see cref="FindAsync"/> and <see cref="TombstoneAsync"/>, in one look where
    /// the store can.
    /// </summary>
    /// <returns>The record and 0, or null and the tombstone's version (0 for none).</returns>
    async Task<(Stored<T>? Record, long Tombstone)> LookAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() =>
        await FindAsync<T>(key, cancellationToken) is { } stored ? (stored, 0) : (null, await TombstoneAsync(key, cancellationToken));

    /// <summary>
    /// Writes a record that must not exist yet. Durable when the task ends. A uid that was deleted before is inserted again only by
    /// a writer that knows of it, and its versions go on after the tombstone's: neither a create that was long on its way nor a
    /// writer from the former life brings it back.
    /// </summary>
    /// <param name="key">Which record.</param>
    /// <param name="body">Its content.</param>
    /// <param name="index">What lists see of it.</param>
    /// <param name="after">The tombstone's version as <see cref="TombstoneAsync"/> told it; 0 when the writer knows of none.</param>
    /// <returns>The record's version: <paramref name="after"/> + 1.</returns>
    /// <exception cref="RecordExistsException">There is a live record with this key.</exception>
    /// <exception cref="RecordConflictException">
    /// No record lives, but there is a tombstone of another version, one of which the writer does not know, or no longer one. Nothing was written.
    /// </exception>
    /// <exception cref="NameTakenException">The owner has another live record of this kind and organization with this name.</exception>
    Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new();

    /// <summary>Replaces the record where its version is still <paramref name="version"/>; it has <paramref name="version"/> + 1 afterwards.</summary>
    /// <exception cref="RecordConflictException">Another writer was faster, or the record is gone. Nothing was written.</exception>
    /// <exception cref="NameTakenException">The changed name or owner collides.</exception>
    Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new();

    /// <summary>
    /// Puts a tombstone where the record's version is still <paramref name="version"/>: the name is free at once, the body
    /// is gone, a stale writer's update conflicts for ever. Tombstones expire after <see cref="Tombstones.KeptFor"/>.
    /// </summary>
    /// <exception cref="RecordConflictException">Another writer was faster, or the record is gone already.</exception>
    Task DeleteAsync(RecordKey key, long version);

    /// <summary>
    /// The version of the tombstone of a record that was deleted within <see cref="Tombstones.KeptFor"/>: the deleted record's + 1.
    /// 0 for a record that is there and for one that never was.
    /// </summary>
    Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken);

    /// <summary>
    /// One page of a list, sorted, with the exact number of all matches. A record that cannot be read is one item with a
    /// <see cref="Stored{T}.Fault"/>, not the end of the list.
    /// </summary>
    Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new();

    /// <summary>How many match; <see cref="RecordQuery.Offset"/> and <see cref="RecordQuery.Limit"/> do not count.</summary>
    Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken);

    /// <summary>Records of a kind, in any organization, whose <see cref="RecordIndex.DueAt"/> has passed; the longest overdue first.</summary>
    Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Keys of all live records of a kind, in key order, after <paramref name="after"/>: for walks that must see everything
    /// (which clusters to watch, key rotation) page by page.
    /// </summary>
    Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken);
}

/// <summary>Facts about tombstones that every store keeps to.</summary>
public static class Tombstones
{
    /// <summary>How long a deleted record's version is remembered: longer than any stale writer can live (7 days).</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromDays(7);
}

/// <summary>A record's identity.</summary>
/// <param name="Kind">The kind; part of the key, so uids need to be unique only within a kind.</param>
/// <param name="OrgId">Organization.</param>
/// <param name="Uid">Unique id.</param>
public readonly record struct RecordKey(ObjectKind Kind, string OrgId, string Uid)
{
    /// <summary>The key of an object.</summary>
    public static RecordKey Of(ObjectKind kind, ObjectKey key) => new(kind, key.OrgId, key.Uid);

    /// <summary>The object's key.</summary>
    public ObjectKey ToObjectKey() => new(OrgId, Uid);

    /// <inheritdoc />
    public override string ToString() => $"{Kind.Slug()}/{OrgId}/{Uid}";
}

/// <summary>A record as read: its body and the version that fences the next write.</summary>
public sealed record Stored<T>(RecordKey Key, T Body, long Version)
{
    /// <summary>Why the record cannot be read, in lists; null for a sound one. The body then says no more than the store still knows.</summary>
    public RecordFault? Fault { get; init; }
}

/// <summary>A record that cannot be read, and what the store still knows of it from beside the body.</summary>
public sealed record RecordFault
{
    /// <summary>What is wrong and the cure.</summary>
    public required string Reason { get; init; }

    /// <summary>The version that fences its removal; whatever the row says.</summary>
    public long Version { get; init; }

    /// <summary>Name; empty where that is lost, too.</summary>
    public string Name { get; init; } = "";

    /// <summary>User id of the owner; empty where that is lost, too.</summary>
    public string Owner { get; init; } = "";

    /// <summary>When the object was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it last changed.</summary>
    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>One page of a list.</summary>
/// <param name="Items">The page, in order.</param>
/// <param name="TotalCount">All matches, before paging.</param>
public sealed record RecordPage<T>(IReadOnlyList<Stored<T>> Items, long TotalCount);
