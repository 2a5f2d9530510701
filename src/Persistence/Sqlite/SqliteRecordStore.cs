using System.Globalization;
using Google.Protobuf;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;
using PxBackup.Persistence.Secrets;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// The records of one machine in one SQLite file: every write fenced and flushed before it is accepted, lists from
/// indexes, exact totals. One program at a time. Made by <see cref="Open"/>; disposing it finishes the waiting writes.
/// </summary>
public sealed class SqliteRecordStore : IRecordStore, IKeyMark, IDisposable
{
    private const string KeyMarkName = "master-key", ProbeMarkName = "probe";

    /// <summary>Room that a write needs: the largest request (4 MiB), twice, since it goes through the log.</summary>
    private const long LeastFree = 8 << 20;

    private readonly SqliteFiles files;
    private readonly SqliteWriteQueue queue;
    private readonly SqliteReaders single;
    private readonly SqliteReaders lists;
    private readonly TimeProvider time;
    private readonly TombstoneSweep sweep;
    private bool disposed;

    private SqliteRecordStore(SqliteFiles files, SqliteConnection writer, SqliteOptions options, TimeProvider time, ILogger logger)
    {
        this.files = files;
        this.time = time;
        queue = new SqliteWriteQueue(writer, files.Database);
        single = new SqliteReaders(files, options.Readers);
        lists = new SqliteReaders(files, options.Readers);
        sweep = new TombstoneSweep(queue, time, options.SweepInterval, logger);
    }

    /// <summary>Opens the data directory, making it if needed and migrating an older schema.</summary>
    /// <exception cref="RecordStoreException">
    /// In use by another program, written by a newer one, damaged, or not writable; the text names the file and the cure.
    /// </exception>
    public static SqliteRecordStore Open(SqliteOptions options, TimeProvider time, ILogger<SqliteRecordStore> logger)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(options.Directory);
        var files = new SqliteFiles(options);
        SqliteConnection? writer = null;
        try
        {
            writer = files.OpenWriter();
            SqliteSchema.Migrate(writer, files.Database);
            return new SqliteRecordStore(files, writer, options, time, logger);
        }
        catch (SqliteException failure)
        {
            writer?.Dispose();
            files.Dispose();
            throw SqliteFailures.Explain(failure, files.Database);
        }
        catch
        {
            writer?.Dispose();
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() =>
        // On the caller's thread: a look-up by key takes less time (5 to 20 µs) than a change of threads.
        single.ReadAsync(reading => Find<T>(reading, key), cancellationToken);

    /// <inheritdoc />
    public async Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new()
    {
        var (row, message, bytes) = Prepare(key, body, index);
        long version = 0;
        await queue.WriteAsync(writes => version = writes.Insert(key, after, row, message, bytes), bytes.Length);
        return version;
    }

    /// <inheritdoc />
    public Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new()
    {
        var (row, message, bytes) = Prepare(key, body, index);
        return queue.WriteAsync(writes => writes.Update(key, version, row, message, bytes), bytes.Length);
    }

    /// <inheritdoc />
    public Task DeleteAsync(RecordKey key, long version)
    {
        var now = time.GetUtcNow().UtcTicks;
        return queue.WriteAsync(writes => writes.Delete(key, version, now), 0);
    }

    /// <inheritdoc />
    public Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken) => single.ReadAsync(reading =>
    {
        using var reader = reading.Fixed("SELECT version FROM tombstones WHERE kind=$0 AND org=$1 AND uid=$2").Read((long)key.Kind, key.OrgId, key.Uid);
        return reader.Read() ? reader.GetInt64(0) : 0;
    }, cancellationToken);

    /// <inheritdoc />
    public Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Limit);
        return InBackground(reading => reading.Snapshot(() =>
        {
            var list = new SqliteList(reading, query);
            var total = list.Count();
            var items = new List<Stored<T>>();
            var left = query.MaxBytes;
            foreach (var rid in list.Page(total))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var item = ReadItem<T>(reading, query.Kind, rid);
                if (!query.Fits(ref left, item.Body, items.Count))
                    break;
                items.Add(item);
            }

            return new RecordPage<T>(items, total);
        }), cancellationToken);
    }

    /// <inheritdoc />
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken) =>
        InBackground(reading => reading.Snapshot(() => new SqliteList(reading, query).Count()), cancellationToken);

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return InBackground<IReadOnlyList<RecordKey>>(reading => Keys(kind, reading.Fixed(
            "SELECT org, uid FROM records INDEXED BY by_due WHERE kind=$0 AND due<=$1 ORDER BY due, org, uid LIMIT $2").Read((long)kind, now.UtcTicks, (long)limit)), cancellationToken);
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        var (org, uid) = after is { } key ? (key.OrgId, key.Uid) : ("", "");
        return InBackground<IReadOnlyList<RecordKey>>(reading => Keys(kind, reading.Fixed(
            "SELECT org, uid FROM records INDEXED BY by_key WHERE kind=$0 AND (org, uid)>($1, $2) ORDER BY org, uid LIMIT $3").Read((long)kind, org, uid, (long)limit)), cancellationToken);
    }

    /// <summary>Whether a write would be accepted now: the disk has room for one of the largest size, and a small one reaches it. For health checks.</summary>
    /// <exception cref="StoreFullException">The disk is full, or will be with the next writes.</exception>
    /// <exception cref="RecordStoreException">The database cannot be written.</exception>
    public Task PingAsync(CancellationToken cancellationToken)
    {
        if (FreeBytes() is < LeastFree and var free)
            throw new StoreFullException(string.Create(CultureInfo.InvariantCulture, $"the disk of the database '{files.Database}' is full ({free} bytes are left, {LeastFree} are needed); free space, nothing that was accepted is lost"));
        return queue.WriteAsync(writes => writes.Mark(ProbeMarkName, SqliteText.Of(time.GetUtcNow().UtcDateTime)), 0).WaitAsync(cancellationToken);
    }

    /// <inheritdoc />
    string? IKeyMark.Read() => single.ReadAsync(reading =>
    {
        using var reader = reading.Fixed("SELECT value FROM marks WHERE name=$0").Read(KeyMarkName);
        return reader.Read() ? reader.GetString(0) : null;
    }, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc />
    void IKeyMark.Write(string mark) =>
        queue.WriteAsync(writes => writes.Mark(KeyMarkName, mark), 0).GetAwaiter().GetResult();

    /// <inheritdoc />
    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        sweep.Dispose();
        single.Dispose();
        lists.Dispose();
        queue.Dispose();
        files.Dispose();
    }

    /// <summary>Removes what has expired now; for the sweep's timer and for tests.</summary>
    internal Task<int> SweepAsync() => sweep.RunAsync();

    /// <summary>The file, for messages.</summary>
    internal string Database => files.Database;

    /// <summary>A write of a table beside the records, in the same queue: committed together with what waits with it.</summary>
    /// <param name="apply">Runs inside the transaction and says what it did; it must not throw for a refusal.</param>
    internal async Task<T> WriteAsync<T>(Func<SqliteWrites, T> apply, long bytes = 0)
    {
        T result = default!;
        await queue.WriteAsync(writes => result = apply(writes), bytes);
        return result;
    }

    /// <summary>A read of a table beside the records.</summary>
    internal Task<T> ReadAsync<T>(Func<SqliteReading, T> read, CancellationToken cancellationToken) =>
        disposed ? throw new RecordStoreException($"the database '{files.Database}' was closed") : single.ReadAsync(read, cancellationToken);

    /// <summary>Lets the file grow to so many pages only, as a full disk would; for tests.</summary>
    internal Task LimitPagesAsync(int pages) => queue.WriteAsync(writes => writes.LimitPages(pages), 0);

    /// <summary>Null where the file system does not tell.</summary>
    private long? FreeBytes()
    {
        try
        {
            return new DriveInfo(Path.GetDirectoryName(files.Database)!).AvailableFreeSpace;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static (IndexRow Row, string Message, byte[] Bytes) Prepare<T>(RecordKey key, T body, RecordIndex index)
        where T : class, IMessage<T>, new()
    {
        _ = key.Kind.Slug(); // Throws for a kind that has no records.
        // Serialized on the caller's thread and at once: the caller may change its message afterwards.
        return (IndexRow.Of(index), body.Descriptor.FullName, body.ToByteArray());
    }

    private Stored<T>? Find<T>(SqliteReading reading, RecordKey key)
        where T : class, IMessage<T>, new()
    {
        using var reader = reading.Fixed("SELECT version, message, body FROM records LEFT JOIN bodies USING(rid) WHERE kind=$0 AND org=$1 AND uid=$2").Read((long)key.Kind, key.OrgId, key.Uid);
        return reader.Read() ? Parse<T>(reading, key, reader) : null;
    }

    private Stored<T> ReadItem<T>(SqliteReading reading, ObjectKind kind, long rid)
        where T : class, IMessage<T>, new()
    {
        using var reader = reading.Fixed("SELECT version, message, body, org, uid FROM records LEFT JOIN bodies USING(rid) WHERE rid=$0").Read(rid);
        if (!reader.Read())
            throw new RecordStoreException($"the database '{files.Database}' is damaged: an index names record {rid}, which is not there; restore it from a backup of the data directory");
        var key = new RecordKey(kind, reader.GetString(3), reader.GetString(4));
        try
        {
            return Parse<T>(reading, key, reader);
        }
        catch (RecordStoreException e) when (e.Fault is { } fault)
        {
            return new Stored<T>(key, new T(), fault.Version) { Fault = fault };
        }
    }

    private Stored<T> Parse<T>(SqliteReading reading, RecordKey key, SqliteDataReader reader)
        where T : class, IMessage<T>, new()
    {
        if (reader.IsDBNull(1))
            throw Unreadable(reading, key, "has no body", null);
        var body = new T();
        var message = reader.GetString(1);
        if (message != body.Descriptor.FullName)
            throw Unreadable(reading, key, $"holds a {message}, not a {body.Descriptor.FullName}", null);
        if (reader.GetInt64(0) is < 1 and var version)
            throw Unreadable(reading, key, string.Create(CultureInfo.InvariantCulture, $"has version {version}, which no write makes"), null);
        try
        {
            body.MergeFrom(reader.GetFieldValue<byte[]>(2));
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw Unreadable(reading, key, "has a damaged body", failure);
        }

        return RecordFaults.ForeignIn(key, body) is { } foreign ? throw Unreadable(reading, key, foreign, null) : new Stored<T>(key, body, reader.GetInt64(0));
    }

    /// <summary>What the row still says, looked up only here: sound records need none of it.</summary>
    private RecordStoreException Unreadable(SqliteReading reading, RecordKey key, string what, Exception? cause)
    {
        var reason = RecordFaults.Reason(key, what);
        using var row = reading.Fixed("SELECT version, name, owner, created, updated FROM records WHERE kind=$0 AND org=$1 AND uid=$2").Read((long)key.Kind, key.OrgId, key.Uid);
        return new($"{reason} ('{files.Database}')", cause)
        {
            Fault = !row.Read() ? new() { Reason = reason } : new()
            {
                Reason = reason,
                Version = row.GetInt64(0),
                Name = row.GetString(1),
                Owner = row.GetString(2),
                CreatedAt = IndexRow.InstantOf(row.GetInt64(3)),
                UpdatedAt = IndexRow.InstantOf(row.GetInt64(4)),
            },
        };
    }

    private static List<RecordKey> Keys(ObjectKind kind, SqliteDataReader reader)
    {
        using (reader)
        {
            var keys = new List<RecordKey>();
            while (reader.Read())
                keys.Add(new RecordKey(kind, reader.GetString(0), reader.GetString(1)));
            return keys;
        }
    }

    /// <summary>Reads that may take milliseconds leave the caller's (often a grain's) thread.</summary>
    private Task<T> InBackground<T>(Func<SqliteReading, T> read, CancellationToken cancellationToken) =>
        Task.Run(() => lists.ReadAsync(read, cancellationToken), cancellationToken);
}
