using Google.Protobuf;
using Xunit;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Tests.InProcess.Records;

/// <summary>
/// The record store's port in memory, fences, names, tombstones and queries included. Bodies rest as bytes, so that nobody
/// shares a message with it.
/// </summary>
internal sealed class FakeRecordStore : IRecordStore
{
    private sealed record Entry(byte[] Body, RecordIndex Index, long Version);

    private readonly Lock _gate = new();
    private readonly Dictionary<RecordKey, Entry> _live = [];
    private readonly Dictionary<RecordKey, long> _tombstones = [];
    private readonly List<(Func<bool> Holds, TaskCompletionSource Met)> _waiting = [];

    /// <summary>Runs before each write, named <c>insert</c>, <c>update</c> or <c>delete</c>; what it throws is the write's failure.</summary>
    public Action<string, RecordKey>? BeforeWrite { get; set; }

    /// <summary>Runs after each write has taken effect: what it throws is an answer that got lost.</summary>
    public Action<string, RecordKey>? AfterWrite { get; set; }

    /// <summary>Runs before each read of a single record.</summary>
    public Action<RecordKey>? BeforeRead { get; set; }

    public Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        BeforeRead?.Invoke(key);
        return Task.FromResult(Find<T>(key));
    }

    public Stored<T>? Find<T>(RecordKey key)
        where T : class, IMessage<T>, new()
    {
        lock (_gate)
            return _live.TryGetValue(key, out var entry) ? Read<T>(key, entry) : null;
    }

    public async Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new()
    {
        long version = 0;
        await Write("insert", key, () =>
        {
            if (_live.ContainsKey(key))
                throw new RecordExistsException(key);
            if (_tombstones.GetValueOrDefault(key) != after)
                throw new RecordConflictException(key, after);
            CheckName(key, index);
            _tombstones.Remove(key);
            version = after + 1;
            _live[key] = new(body.ToByteArray(), InMilliseconds(index), version);
        });
        return version;
    }

    public Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new() => Write("update", key, () =>
        {
            if (!_live.TryGetValue(key, out var entry) || entry.Version != version)
                throw new RecordConflictException(key, version);
            CheckName(key, index);
            _live[key] = new(body.ToByteArray(), InMilliseconds(index), version + 1);
        });

    public Task DeleteAsync(RecordKey key, long version) => Write("delete", key, () =>
    {
        if (!_live.TryGetValue(key, out var entry) || entry.Version != version)
            throw new RecordConflictException(key, version);
        _live.Remove(key);
        _tombstones[key] = version + 1;
    });

    public Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult(_tombstones.GetValueOrDefault(key));
    }

    /// <summary>Takes a record away as if another silo had deleted it.</summary>
    public void Vanish(RecordKey key)
    {
        lock (_gate)
            _live.Remove(key);
        Announce();
    }

    public Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        lock (_gate)
        {
            var all = Matches(query).Order(Order(query)).ToList();
            var page = all.Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.Limit == 0 ? int.MaxValue : query.Limit);
            var items = page.Select(pair => Read<T>(pair.Key, pair.Value)).ToList();
            query.Cut(items);
            return Task.FromResult(new RecordPage<T>(items, all.Count));
        }
    }

    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult(Matches(query).LongCount());
    }

    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<RecordKey>>([.. _live
                .Where(pair => pair.Key.Kind == kind && pair.Value.Index.DueAt <= now)
                .OrderBy(pair => pair.Value.Index.DueAt).Take(limit).Select(pair => pair.Key)]);
        }
    }

    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<RecordKey>>([.. _live.Keys
                .Where(key => key.Kind == kind && (after is not { } last || string.CompareOrdinal(key.ToString(), last.ToString()) > 0))
                .OrderBy(key => key.ToString(), StringComparer.Ordinal).Take(limit)]);
        }
    }

    /// <summary>Waits until the condition holds; it is looked at after every write.</summary>
    /// <param name="what">What was waited for, for the message when it never comes.</param>
    /// <param name="holds">The condition.</param>
    public async Task UntilAsync(string what, Func<bool> holds)
    {
        var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _waiting.Add((holds, met));
        Announce();
        try
        {
            await met.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"20 seconds passed and it did not happen that {what}");
        }
    }

    private Task Write(string kind, RecordKey key, Action write)
    {
        try
        {
            BeforeWrite?.Invoke(kind, key);
            lock (_gate)
                write();
            Announce();
            AfterWrite?.Invoke(kind, key);
            return Task.CompletedTask;
        }
        catch (RecordStoreException e)
        {
            return Task.FromException(e);
        }
    }

    private void Announce()
    {
        List<(Func<bool> Holds, TaskCompletionSource Met)> waiting;
        lock (_gate)
            waiting = [.. _waiting];
        foreach (var one in waiting.Where(one => one.Holds()))
        {
            lock (_gate)
                _waiting.Remove(one);
            one.Met.TrySetResult();
        }
    }

    private void CheckName(RecordKey key, RecordIndex index)
    {
        var holder = _live.FirstOrDefault(pair => pair.Key != key && pair.Key.Kind == key.Kind && pair.Key.OrgId == key.OrgId
            && pair.Value.Index.Name == index.Name && pair.Value.Index.Owner == index.Owner);
        if (holder.Value is not null)
            throw new NameTakenException(key, index.Name, holder.Key);
    }

    private static Stored<T> Read<T>(RecordKey key, Entry entry)
        where T : class, IMessage<T>, new()
    {
        var body = new T();
        body.MergeFrom(entry.Body);
        return new(key, body, entry.Version);
    }

    private static RecordIndex InMilliseconds(RecordIndex index) => index with
    {
        CreatedAt = Milliseconds(index.CreatedAt),
        UpdatedAt = Milliseconds(index.UpdatedAt),
    };

    private static DateTimeOffset Milliseconds(DateTimeOffset time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMillisecond));

    private IEnumerable<KeyValuePair<RecordKey, Entry>> Matches(RecordQuery query) =>
        _live.Where(pair => pair.Key.Kind == query.Kind && pair.Key.OrgId == query.OrgId && Matches(query, pair.Value.Index));

    private static bool Matches(RecordQuery query, RecordIndex index) =>
        (query.Readers is null || query.Readers.Intersect(index.Readers).Any())
        && (string.IsNullOrEmpty(query.Name) || index.Name == query.Name)
        && Contains(index.Name, query.NameContains)
        && Contains(index.ClusterName, query.ClusterNameContains)
        && (string.IsNullOrEmpty(query.ClusterUidContains) || index.ClusterUid.Contains(query.ClusterUidContains, StringComparison.Ordinal))
        && (query.Labels ?? new Dictionary<string, string>()).All(label => index.Labels.TryGetValue(label.Key, out var value) && value == label.Value)
        && (query.CreatedFrom is not { } from || index.CreatedAt >= from)
        && (query.CreatedTo is not { } to || index.CreatedAt <= to)
        && AnyOf(query.Owners, index.Owner)
        && AnyOf(query.Statuses, index.Status)
        && (query.StatusesNot is null || !query.StatusesNot.Contains(index.Status))
        && AnyOf(query.Types, index.Type)
        && (query.References ?? []).All(group => group.Intersect(index.References).Any());

    private static bool AnyOf(IReadOnlyCollection<string>? wanted, string value) => wanted is not { Count: > 0 } || wanted.Contains(value);

    private static bool Contains(string text, string? part) =>
        string.IsNullOrEmpty(part) || text.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static Comparer<KeyValuePair<RecordKey, Entry>> Order(RecordQuery query) => Comparer<KeyValuePair<RecordKey, Entry>>.Create((left, right) =>
    {
        var (a, b) = (left.Value.Index, right.Value.Index);
        var order = query.SortBy switch
        {
            RecordSort.Name => string.CompareOrdinal(a.Name, b.Name),
            RecordSort.ClusterName => string.CompareOrdinal(a.ClusterName, b.ClusterName),
            RecordSort.Size => a.Size.CompareTo(b.Size),
            RecordSort.BackupName => string.CompareOrdinal(a.BackupName, b.BackupName),
            RecordSort.UpdatedAt => a.UpdatedAt.CompareTo(b.UpdatedAt),
            _ => a.CreatedAt.CompareTo(b.CreatedAt),
        };
        order = order != 0 ? order : string.CompareOrdinal(left.Key.Uid, right.Key.Uid);
        return query.Descending ? -order : order;
    });
}
