using Google.Protobuf;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Records in MongoDB: a collection for each kind, a document for each object, every write fenced and on the journal of a
/// majority before it is accepted. Any number of processes at once. Made by <see cref="OpenAsync"/>.
/// </summary>
public sealed class MongoRecordStore : IRecordStore, IDisposable
{
    private readonly RecordCollections collections;
    private readonly RecordDocument documents;
    private readonly RecordWrites writes;
    private readonly RecordLists lists;
    private readonly CancellationTokenSource stopping;

    private MongoRecordStore(RecordCollections collections, RecordDocument documents, TimeProvider time, MongoIndexes indexes, ILogger logger, CancellationTokenSource stopping)
    {
        this.collections = collections;
        this.documents = documents;
        this.stopping = stopping;
        Indexes = indexes;
        Folder = new CountFolder(collections, time, logger);
        writes = new RecordWrites(collections, documents, time, Folder);
        lists = new RecordLists(collections, documents, new RecordCounts(collections), indexes);
    }

    /// <summary>The collections' indexes.</summary>
    internal MongoIndexes Indexes { get; }

    /// <summary>What brings the counters up to date.</summary>
    internal CountFolder Folder { get; }

    /// <summary>Checks the server, makes the indexes that decide correctness and begins with the others.</summary>
    /// <exception cref="RecordStoreException">The server cannot be used; one line with the cure.</exception>
    public static async Task<MongoRecordStore> OpenAsync(IMongoDatabase database, MongoServer server, MongoOptions options, TimeProvider time, ILogger<MongoRecordStore> logger, CancellationToken cancellationToken)
    {
        await server.CheckAsync(cancellationToken);
        var stopping = new CancellationTokenSource();
        try
        {
            var indexes = new MongoIndexes(database, logger);
            await indexes.EnsureAsync(stopping.Token).WaitAsync(cancellationToken);
            var place = $"the database '{options.Database}' at {MongoFailures.PlaceOf(database.Client)}";
            return new MongoRecordStore(
                new RecordCollections(database, server.IsReplicaSet, options.CommandTimeout), new RecordDocument(MongoSchema.Product, place), time, indexes, logger, stopping);
        }
        catch
        {
            await stopping.CancelAsync();
            stopping.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public async Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var id = RecordDocument.IdOf(key);
        using var document = await collections.LookAsync(key, id, cancellationToken);
        return document is null ? null : documents.Read<T>(document, key.Kind);
    }

    /// <inheritdoc />
    public async Task<(Stored<T>? Record, long Tombstone)> LookAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        using var document = await collections.LookAsync(key, RecordDocument.IdOf(key), cancellationToken);
        return document is null ? (null, 0) : documents.Read<T>(document, key.Kind) is { } stored ? (stored, 0) : (null, TombstoneOf(document, key));
    }

    /// <inheritdoc />
    public Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new() => writes.InsertAsync(key, documents.Live(key, body, index), after);

    /// <inheritdoc />
    public Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new() => writes.UpdateAsync(key, version, documents.Live(key, body, index));

    /// <inheritdoc />
    public Task DeleteAsync(RecordKey key, long version) => writes.DeleteAsync(key, version);

    /// <inheritdoc />
    public async Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken)
    {
        using var document = await collections.LookAsync(key, RecordDocument.IdOf(key), cancellationToken);
        return document is null ? 0 : TombstoneOf(document, key);
    }

    /// <inheritdoc />
    public Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Limit);
        return lists.PageAsync<T>(query, cancellationToken);
    }

    /// <inheritdoc />
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken) => lists.CountAsync(query, cancellationToken);

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return lists.KeysAsync(kind, new BsonDocument(Fields.Due, new BsonDocument("$lte", RecordDocument.Date(now))), Fields.Due, limit, cancellationToken);
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        var last = after is { } key ? RecordDocument.IdOf(key) : "";
        var filter = new BsonDocument { { Fields.Id, new BsonDocument("$gt", last) }, { Fields.Deleted, new BsonDocument("$exists", false) } };
        return lists.KeysAsync(kind, filter, Fields.Id, limit, cancellationToken);
    }

    /// <summary>
    /// Rewrites documents of older layouts while the product works; how many. To be run once no process of an older version is left;
    /// reading does not need it.
    /// </summary>
    public async Task<long> MigrateAsync(CancellationToken cancellationToken)
    {
        var migration = new MongoMigration(collections, documents, MongoSchema.Product);
        var migrated = 0L;
        foreach (var kind in Enum.GetValues<ObjectKind>().Where(kind => kind != ObjectKind.None))
            migrated += await migration.RunAsync(kind, cancellationToken);
        return migrated;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Folder.Dispose();
        if (!stopping.IsCancellationRequested)
            stopping.Cancel();
        stopping.Dispose();
    }

    private long TombstoneOf(RawBsonDocument document, RecordKey key) =>
        document.Contains(Fields.Deleted) ? documents.VersionOf(documents.Open(document, key.Kind), key.Kind) : 0;
}
