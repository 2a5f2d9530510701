using System.Data;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Npgsql;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// The records of an installation in PostgreSQL, for any number of processes: every write fenced, one statement, on the disk
/// before it is accepted; lists from indexes in one snapshot, exact totals.
/// </summary>
public sealed class PostgresRecordStore : IRecordStore, IKeyMark, IAsyncDisposable
{
    private const string KeyMarkName = "master-key";

    /// <summary>Bytes of organization, uid and status together at most: an index entry holds 2,704.</summary>
    private const int LongestKey = 2_000;

    /// <summary>Times a write is repeated that was rolled back for another one's sake, or whose readers' row was removed meanwhile.</summary>
    private const int Tries = 8;

    private readonly PostgresDatabase database;
    private readonly TimeProvider time;
    private readonly PostgresUpkeep upkeep;
    private string? knownMark;

    /// <summary>A store over an open database, which it does not close.</summary>
    public PostgresRecordStore(PostgresDatabase database, PostgresOptions options, TimeProvider time, ILogger<PostgresRecordStore> logger)
    {
        this.database = database;
        this.time = time;
        upkeep = new PostgresUpkeep(database, time, options, logger);
    }

    /// <inheritdoc />
    public Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() => ReadAsync($"reading {key}", async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT version, message, body FROM records WHERE kind=$1 AND org=$2 AND uid=$3 AND deleted IS NULL", connection);
        PreparedRecord.Bind(command.Parameters, key);
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? await ParseAsync<T>(key, reader, 0, cancellationToken) : null;
    }, cancellationToken);

    /// <inheritdoc />
    public Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken) => ReadAsync($"reading {key}", async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT version FROM records WHERE kind=$1 AND org=$2 AND uid=$3 AND deleted IS NOT NULL", connection);
        PreparedRecord.Bind(command.Parameters, key);
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteScalarAsync(cancellationToken) is long version ? version : 0;
    }, cancellationToken);

    /// <inheritdoc />
    public Task<(Stored<T>? Record, long Tombstone)> LookAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() => ReadAsync<(Stored<T>?, long)>($"reading {key}", async connection =>
    {
        await using var command = new NpgsqlCommand("SELECT version, message, body, deleted IS NOT NULL FROM records WHERE kind=$1 AND org=$2 AND uid=$3", connection);
        PreparedRecord.Bind(command.Parameters, key);
        await command.PrepareAsync(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return !await reader.ReadAsync(cancellationToken) ? (null, 0) : reader.GetBoolean(3) ? (null, reader.GetInt64(0)) : (await ParseAsync<T>(key, reader, 0, cancellationToken), 0);
    }, cancellationToken);

    /// <inheritdoc />
    public async Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new()
    {
        var record = Prepare(key, body, index);
        var version = await WriteAsync(record, connection => PostgresWrites.InsertAsync(connection, record, after));
        return version!.Value;
    }

    /// <inheritdoc />
    public async Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new()
    {
        var record = Prepare(key, body, index);
        await WriteAsync(record, async connection => await PostgresWrites.UpdateAsync(connection, record, version) ? version : null);
    }

    /// <inheritdoc />
    public async Task DeleteAsync(RecordKey key, long version)
    {
        var now = time.GetUtcNow();
        await RepeatAsync($"deleting {key}", async connection =>
        {
            await PostgresWrites.DeleteAsync(connection, key, version, now);
            return true;
        });
        upkeep.Counted();
    }

    /// <inheritdoc />
    public Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Limit);
        return SnapshotAsync($"listing {query.Kind}", async connection =>
        {
            var list = new PostgresList(connection, query, cancellationToken);
            var total = await list.CountAsync();
            var items = await list.PageAsync(total, TryParse<T>);
            for (var i = 0; i < items.Count; i++)
            {
                if (items[i].Fault is { } fault)
                    items[i] = items[i] with { Fault = await FactsAsync(connection, items[i].Key, fault, cancellationToken) };
            }

            return new RecordPage<T>(items, total);
        }, cancellationToken);
    }

    /// <inheritdoc />
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken) =>
        SnapshotAsync($"counting {query.Kind}", connection => new PostgresList(connection, query, cancellationToken).CountAsync(), cancellationToken);

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return KeysAsync(kind, "SELECT org, uid FROM catalog WHERE kind=$1 AND due<=$2 ORDER BY due, org, uid LIMIT $3", limit, cancellationToken,
            new NpgsqlParameter<long> { TypedValue = now.UtcTicks }, new NpgsqlParameter<long> { TypedValue = limit });
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return KeysAsync(kind, "SELECT org, uid FROM records WHERE kind=$1 AND (org, uid)>($2, $3) AND deleted IS NULL ORDER BY org, uid LIMIT $4", limit, cancellationToken,
            new NpgsqlParameter<string> { TypedValue = PostgresText.Write(after?.OrgId ?? "") }, new NpgsqlParameter<string> { TypedValue = PostgresText.Write(after?.Uid ?? "") }, new NpgsqlParameter<long> { TypedValue = limit });
    }

    /// <inheritdoc />
    string? IKeyMark.Read() => knownMark = Mark("reading the mark of the master key", "SELECT value FROM marks WHERE name=$1");

    /// <inheritdoc />
    void IKeyMark.Write(string mark)
    {
        const string Doing = "writing the mark of the master key";
        if (knownMark is null)
            Mark(Doing, "INSERT INTO marks(name, value) VALUES($1, $2) ON CONFLICT DO NOTHING", mark);
        else if (Mark(Doing, "UPDATE marks SET value=$2 WHERE name=$1 AND value IN ($2, $3) RETURNING value", mark, knownMark) is null)
            throw new RecordStoreException($"{database.Place}: another process has changed the mark of the master key meanwhile; rotate in one process at a time and start the rotation again");
        _ = ((IKeyMark)this).Read();
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => upkeep.DisposeAsync();

    /// <summary>Removes what has expired and adds up the counters now; for tests.</summary>
    internal async Task SweepAsync()
    {
        await upkeep.SweepAsync();
        await upkeep.FoldAsync();
    }

    private static PreparedRecord Prepare<T>(RecordKey key, T body, RecordIndex index)
        where T : class, IMessage<T>, new()
    {
        _ = key.Kind.Slug(); // Throws for a kind that has no records.
        if (Encoding.UTF8.GetByteCount(key.OrgId) + Encoding.UTF8.GetByteCount(key.Uid) + Encoding.UTF8.GetByteCount(index.Status) > LongestKey)
            throw new RecordStoreException(string.Create(CultureInfo.InvariantCulture, $"record {key}: organization, uid and status are longer than {LongestKey} bytes together; nothing was written"));
        var row = IndexRow.Of(index);
        var bytes = body.ToByteArray();
        return new PreparedRecord
        {
            Key = key,
            Row = row,
            Message = body.Descriptor.FullName,
            Body = bytes,
            Readable = ReadableJson.Of(body, bytes.Length),
            Audience = RecordTags.OfAudience(key.Kind, key.OrgId, row.Members),
            NameKey = RecordTags.OfName(key.Kind, key.OrgId, row.Owner, row.Name),
            Tags = RecordTags.Of(key.Kind, key.OrgId, row),
        };
    }

    /// <summary>A sound record, or one with its fault.</summary>
    private static Stored<T> TryParse<T>(RecordKey key, NpgsqlDataReader reader, int firstColumn)
        where T : class, IMessage<T>, new()
    {
        var body = new T();
        var (version, message) = (reader.GetInt64(firstColumn), reader.GetString(firstColumn + 1));
        if (message != body.Descriptor.FullName)
            return Faulty($"holds a {message}, not a {body.Descriptor.FullName}");
        if (version < 1)
            return Faulty(string.Create(CultureInfo.InvariantCulture, $"has version {version}, which no write makes"));
        try
        {
            body.MergeFrom(reader.GetFieldValue<byte[]>(firstColumn + 2));
        }
        catch (InvalidProtocolBufferException)
        {
            return Faulty("has a damaged body");
        }

        return RecordFaults.ForeignIn(key, body) is { } foreign ? Faulty(foreign) : new Stored<T>(key, body, version);

        Stored<T> Faulty(string what) => new(key, new T(), version)
        {
            Fault = new() { Version = version, Reason = RecordFaults.Reason(key, what) },
        };
    }

    private async Task<Stored<T>> ParseAsync<T>(RecordKey key, NpgsqlDataReader reader, int firstColumn, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var stored = TryParse<T>(key, reader, firstColumn);
        if (stored.Fault is not { } fault)
            return stored;
        await reader.CloseAsync();
        await using var connection = await database.Records.OpenConnectionAsync(cancellationToken);
        throw new RecordStoreException($"{fault.Reason} ({database.Place})") { Fault = await FactsAsync(connection, key, fault, cancellationToken) };
    }

    /// <summary>What the catalog still says, looked up only here: sound records need none of it.</summary>
    private static async Task<RecordFault> FactsAsync(NpgsqlConnection connection, RecordKey key, RecordFault fault, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT name, owner, created, updated FROM catalog WHERE kind=$1 AND org=$2 AND uid=$3", connection);
        PreparedRecord.Bind(command.Parameters, key);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return !await reader.ReadAsync(cancellationToken) ? fault : fault with
        {
            Name = PostgresText.Read(reader.GetString(0)),
            Owner = PostgresText.Read(reader.GetString(1)),
            CreatedAt = IndexRow.InstantOf(reader.GetInt64(2)),
            UpdatedAt = IndexRow.InstantOf(reader.GetInt64(3)),
        };
    }

    /// <summary>Writes; null from <paramref name="write"/> asks for the readers' row, which is then made in a transaction of its own.</summary>
    private async Task<long?> WriteAsync(PreparedRecord record, Func<NpgsqlConnection, Task<long?>> write)
    {
        var version = await RepeatAsync($"writing {record.Key}", async connection =>
        {
            for (var attempt = 0; attempt < Tries; attempt++)
            {
                try
                {
                    if (await write(connection) is { } written)
                        return (long?)written;
                }
                catch (PostgresException refused) when (PostgresFailures.ViolatedIndex(refused) == RecordTables.ByNameKey)
                {
                    if (await HolderAsync(connection, record) is { } holder)
                        throw new NameTakenException(record.Key, record.Row.Name, holder);
                    // The holder is gone meanwhile: the name is free.
                    continue;
                }

                await PostgresWrites.EnterAudienceAsync(connection, record);
            }

            throw new RecordStoreException($"{database.Place}: writing {record.Key} failed: its name or readers change too often; nothing was written, ask again");
        });
        upkeep.Counted();
        return version;
    }

    private static async Task<RecordKey?> HolderAsync(NpgsqlConnection connection, PreparedRecord record)
    {
        await using var command = new NpgsqlCommand("SELECT uid FROM catalog WHERE name_key=$1", connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = record.NameKey });
        return await command.ExecuteScalarAsync() is string uid ? record.Key with { Uid = PostgresText.Read(uid) } : null;
    }

    /// <summary>
    /// Runs a write. It is repeated only after the server's own word that nothing was written; after a lost connection or a timeout
    /// the outcome is unknown and the caller reads again.
    /// </summary>
    private async Task<T> RepeatAsync<T>(string doing, Func<NpgsqlConnection, Task<T>> write)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await database.Records.OpenConnectionAsync();
                return await write(connection);
            }
            catch (PostgresException rolledBack) when (PostgresFailures.IsRolledBack(rolledBack) && attempt < Tries)
            {
                // Again: the other transaction has gone on.
            }
            catch (Exception failure) when (PostgresFailures.IsOfDriver(failure))
            {
                database.Forget(failure);
                throw PostgresFailures.Explain(failure, database.Place, doing);
            }
        }
    }

    /// <summary>Runs a read; once more where the connection turns out to be lost, as all are after a restart of the server.</summary>
    private async Task<T> ReadAsync<T>(string doing, Func<NpgsqlConnection, Task<T>> read, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await database.Records.OpenConnectionAsync(cancellationToken);
                return await read(connection);
            }
            catch (Exception failure) when (PostgresFailures.IsOfDriver(failure))
            {
                cancellationToken.ThrowIfCancellationRequested();
                database.Forget(failure);
                if (!PostgresFailures.IsConnectionLost(failure) || attempt > 1)
                    throw PostgresFailures.Explain(failure, database.Place, doing);
            }
        }
    }

    private Task<T> SnapshotAsync<T>(string doing, Func<NpgsqlConnection, Task<T>> read, CancellationToken cancellationToken) => ReadAsync(doing, async connection =>
    {
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        return await read(connection);
    }, cancellationToken);

    private Task<IReadOnlyList<RecordKey>> KeysAsync(ObjectKind kind, string sql, int limit, CancellationToken cancellationToken, params NpgsqlParameter[] values) => ReadAsync<IReadOnlyList<RecordKey>>($"listing keys of {kind}", async connection =>
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)kind });
        foreach (var value in values)
            command.Parameters.Add(value.Clone());
        var keys = new List<RecordKey>(Math.Min(limit, 1024));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            keys.Add(new RecordKey(kind, PostgresText.Read(reader.GetString(0)), PostgresText.Read(reader.GetString(1))));
        return keys;
    }, cancellationToken);

    private string? Mark(string doing, string sql, params ReadOnlySpan<string> values)
    {
        try
        {
            using var connection = database.Records.OpenConnection();
            using var command = new NpgsqlCommand(sql, connection);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = KeyMarkName });
            foreach (var value in values)
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
            return command.ExecuteScalar() as string;
        }
        catch (Exception failure) when (PostgresFailures.IsOfDriver(failure))
        {
            database.Forget(failure);
            throw PostgresFailures.Explain(failure, database.Place, doing);
        }
    }
}
