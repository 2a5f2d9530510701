using Google.Protobuf;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Tests.Simulation;

/// <summary>The records, which outlive every silo: fenced as the port demands, bodies as bytes so that nobody shares a message with them.</summary>
internal sealed class RecordStore(World world, Truth truth)
{
    private readonly Dictionary<RecordKey, Entry> _live = [];
    private readonly Dictionary<RecordKey, long> _tombstones = [];

    /// <summary>Records with a due time: work that is not at rest.</summary>
    public int Unfinished { get; private set; }

    /// <summary>What can go wrong.</summary>
    public Port Port { get; } = new(Fault.StoreNotDone, Fault.StoreAckLost, Fault.StoreLate, Fault.StoreReadFails, Fault.StoreDown, what => new RecordStoreException($"the store failed: {what}"));

    public IEnumerable<RecordKey> Keys => _live.Keys;

    public Stored<T>? Find<T>(RecordKey key)
        where T : class, IMessage<T>, new() => _live.TryGetValue(key, out var entry) ? Read<T>(key, entry) : null;

    public long Tombstone(RecordKey key) => _tombstones.GetValueOrDefault(key);

    public RecordIndex? IndexOf(RecordKey key) => _live.GetValueOrDefault(key)?.Index;

    public long Insert<T>(RecordKey key, T body, RecordIndex index, long after)
        where T : class, IMessage<T>, new()
    {
        if (_live.ContainsKey(key))
            throw new RecordExistsException(key);
        if (_tombstones.GetValueOrDefault(key) != after)
        {
            truth.Resurrections++;
            throw new RecordConflictException(key, after);
        }

        CheckName(key, index);
        _tombstones.Remove(key);
        var version = after + 1;
        Put(key, body, index, version);
        truth.Written(key, null, index, body, version);
        return version;
    }

    public void Update<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new()
    {
        if (!_live.TryGetValue(key, out var entry) || entry.Version != version)
            throw new RecordConflictException(key, version);
        CheckName(key, index);
        Put(key, body, index, version + 1);
        truth.Written(key, entry.Index, index, body, version + 1);
    }

    public void Delete(RecordKey key, long version)
    {
        if (!_live.TryGetValue(key, out var entry) || entry.Version != version)
            throw new RecordConflictException(key, version);
        if (entry.Index.DueAt is not null)
            Unfinished--;
        _live.Remove(key);
        _tombstones[key] = version + 1;
        truth.Deleted(key);
        world.Log($"record {key} is gone");
    }

    public IReadOnlyList<RecordKey> Due(ObjectKind kind, DateTimeOffset now)
    {
        List<(DateTimeOffset Due, RecordKey Key)>? due = null;
        foreach (var (key, entry) in _live)
        {
            if (key.Kind == kind && entry.Index.DueAt <= now)
                (due ??= []).Add((entry.Index.DueAt.Value, key));
        }

        return due is null ? [] : [.. due.OrderBy(one => one.Due).ThenBy(one => one.Key.Uid, StringComparer.Ordinal).Select(one => one.Key)];
    }

    public RecordPage<T> Query<T>(RecordQuery query)
        where T : class, IMessage<T>, new()
    {
        var found = Found(query).OrderBy(pair => pair.Key.Uid, StringComparer.Ordinal).ToList();
        return new RecordPage<T>([.. found.Skip((int)query.Offset).Take(query.Limit == 0 ? int.MaxValue : query.Limit).Select(pair => Read<T>(pair.Key, pair.Value))], found.Count);
    }

    public long Count(RecordQuery query) => Found(query).Count();

    private IEnumerable<KeyValuePair<RecordKey, Entry>> Found(RecordQuery query) => _live.Where(pair => pair.Key.Kind == query.Kind
                && (query.Name is null || pair.Value.Index.Name == query.Name)
                && (query.Owners is null || query.Owners.Contains(pair.Value.Index.Owner))
                && (query.Statuses is null || query.Statuses.Contains(pair.Value.Index.Status))
                && (query.StatusesNot is null || !query.StatusesNot.Contains(pair.Value.Index.Status))
                && (query.References ?? []).All(group => group.Intersect(pair.Value.Index.References).Any()));

    private void Put<T>(RecordKey key, T body, RecordIndex index, long version)
        where T : class, IMessage<T>, new()
    {
        Unfinished += (index.DueAt is null ? 0 : 1) - (_live.GetValueOrDefault(key)?.Index.DueAt is null ? 0 : 1);
        _live[key] = new Entry(body.ToByteArray(), index, version);
        world.Log($"record {key} v{version} {index.Status}");
    }

    private void CheckName(RecordKey key, RecordIndex index)
    {
        foreach (var (other, entry) in _live)
        {
            if (other != key && other.Kind == key.Kind && entry.Index.Name == index.Name && entry.Index.Owner == index.Owner)
                throw new NameTakenException(key, index.Name, other);
        }
    }

    private static Stored<T> Read<T>(RecordKey key, Entry entry)
        where T : class, IMessage<T>, new()
    {
        var body = new T();
        body.MergeFrom(entry.Body);
        return new(key, body, entry.Version);
    }

    private sealed record Entry(byte[] Body, RecordIndex Index, long Version);
}

/// <summary>One silo's way to the records.</summary>
internal sealed class RecordPort(RecordStore records, Silo silo) : IRecordStore
{
    public Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() => Effect("find", key, write: false, () => records.Find<T>(key));

    public Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new() => Effect("insert", key, write: true, () => records.Insert(key, body, index, after));

    public Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new() => Effect("update", key, write: true, () =>
        {
            records.Update(key, version, body, index);
            return true;
        });

    public Task DeleteAsync(RecordKey key, long version) => Effect("delete", key, write: true, () =>
    {
        records.Delete(key, version);
        return true;
    });

    public Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken) => Effect("tombstone", key, write: false, () => records.Tombstone(key));

    public Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() => Effect("query", default, write: false, () => records.Query<T>(query));

    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken) => Effect("count", default, write: false, () => records.Count(query));

    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken) => Effect("list due", default, write: false, () => records.Due(kind, now));

    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken) => Effect("list keys", default, write: false, () =>
        (IReadOnlyList<RecordKey>)[.. records.Keys.Where(key => key.Kind == kind && (after is not { } last || string.CompareOrdinal(key.Uid, last.Uid) > 0)).OrderBy(key => key.Uid, StringComparer.Ordinal).Take(limit)]);

    private Task<T> Effect<T>(string verb, RecordKey key, bool write, Func<T> act) => silo.Home.EffectAsync(silo, silo.World.Tracing && key != default ? $"{verb} {key}" : verb, records.Port, write, act);
}
