using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Options;
using MongoDB.Bson;
using MongoDB.Driver;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using PxBackup.Grains.Records;
using PxBackup.Persistence.GrainState;

namespace PxBackup.Persistence.MongoDB.GrainState;

/// <summary>
/// Grain states, one document each. A write replaces the document that its writer has read, or inserts where it has read
/// none; anything else is refused, so a second activation can neither overwrite nor resurrect a state.
/// </summary>
public sealed class MongoGrainStorage : GrainStorage
{
    private const string Id = "_id", ETag = "etag", SavedAt = "savedAt", State = "state";

    private static readonly FilterDefinitionBuilder<BsonDocument> Where = Builders<BsonDocument>.Filter;

    private readonly ConcurrentDictionary<string, OrleansCollection> collections = new();
    private readonly IMongoDatabase database;
    private readonly string prefix;
    private readonly string service;
    private readonly TimeProvider time;

    /// <summary>Names the storage; nothing is asked of the database yet.</summary>
    /// <param name="database">The installation's database.</param>
    /// <param name="options">Of this storage.</param>
    /// <param name="cluster">Whose <see cref="ClusterOptions.ServiceId"/> the states belong to.</param>
    /// <param name="activators">Makes new states as Orleans does.</param>
    /// <param name="time">For the time of a write, which is only for people.</param>
    public MongoGrainStorage(IMongoDatabase database, MongoGrainStorageOptions options, IOptions<ClusterOptions> cluster, IActivatorProvider activators, TimeProvider time)
        : base(activators)
    {
        this.database = database;
        prefix = options.CollectionPrefix;
        service = cluster.Value.ServiceId;
        this.time = time;
    }

    /// <inheritdoc />
    /// <exception cref="RecordStoreException">The database did not answer, or the document is damaged.</exception>
    public override async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var (collection, id) = (CollectionOf(stateName), GrainKeyText.Of(grainId));
        var document = await collection.RunAsync<BsonDocument?>(
            $"reading state '{stateName}' of grain {id}", async all => await all.Find(Where.Eq(Id, id)).FirstOrDefaultAsync(cancellationToken));
        if (document is null)
        {
            Reset(grainState);
            return;
        }

        var (state, etag) = Read<T>(document, new StoredFields(document, $"document '{id}' of {collection.FullName}"));
        (grainState.State, grainState.ETag, grainState.RecordExists) = (state!, etag, true);
    }

    /// <inheritdoc />
    /// <exception cref="InconsistentStateException">The stored state is not the one that was read last; nothing was written.</exception>
    /// <exception cref="RecordStoreException">The database did not answer; the write may have been done: read again before the next effect.</exception>
    public override async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var (collection, id, etag) = (CollectionOf(stateName), GrainKeyText.Of(grainId), OrleansCollection.NewETag());
        var doing = $"writing state '{stateName}' of grain {id}";
        // Made before the first await: the grain may change its state while the database works.
        var document = new BsonDocument { { Id, id }, { ETag, etag }, { SavedAt, new BsonDateTime(time.GetUtcNow().UtcDateTime) }, { State, BodyOf(stateName, id, grainState.State) } };

        var written = grainState.ETag is { } known
            ? await collection.RunAsync(doing, async all => (await all.ReplaceOneAsync(Where.And(Where.Eq(Id, id), Where.Eq(ETag, known)), document, new ReplaceOptions { IsUpsert = false }, cancellationToken)).MatchedCount == 1)
            : await collection.TryInsertAsync(doing, document, cancellationToken);
        if (!written)
        {
            var stored = await StoredETagAsync(collection, doing, id, cancellationToken);
            // Our own: the driver sent the write twice because the first answer was lost.
            if (stored != etag)
                throw Inconsistent("written", stateName, id, stored, grainState.ETag);
        }

        (grainState.ETag, grainState.RecordExists) = (etag, true);
    }

    /// <inheritdoc />
    /// <exception cref="InconsistentStateException">The stored state is not the one that was read last; nothing was removed.</exception>
    /// <exception cref="RecordStoreException">The database did not answer; the state may be gone: read again before the next effect.</exception>
    public override async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var (collection, id) = (CollectionOf(stateName), GrainKeyText.Of(grainId));
        var doing = $"clearing state '{stateName}' of grain {id}";
        var cleared = grainState.ETag is { } known
            && await collection.RunAsync(doing, async all => (await all.DeleteOneAsync(Where.And(Where.Eq(Id, id), Where.Eq(ETag, known)), cancellationToken)).DeletedCount == 1);
        if (!cleared)
        {
            var stored = await StoredETagAsync(collection, doing, id, cancellationToken);
            // Nothing known and nothing stored is clear already.
            if (stored is not null || grainState.ETag is not null)
                throw Inconsistent("cleared", stateName, id, stored, grainState.ETag);
        }

        Reset(grainState);
    }

    private static BsonValue BodyOf<T>(string stateName, string id, T? state)
    {
        try
        {
            return JsonBson.ToBson(StateJson.Write(state));
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException or FormatException)
        {
            throw new RecordStoreException($"state '{stateName}' of grain {id} ({typeof(T)}) cannot be stored: {failure.Message}", failure);
        }
    }

    private static (T? State, string ETag) Read<T>(BsonDocument document, StoredFields fields)
    {
        if (!document.TryGetValue(State, out var body))
            throw fields.Damaged($"'{State}' is missing");
        try
        {
            return (StateJson.Read<T>(JsonBson.ToJson(body)), fields.Text(ETag));
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException or FormatException)
        {
            throw fields.Damaged($"'{State}' cannot be read as {typeof(T)}: {failure.Message}", failure);
        }
    }

    private static Task<string?> StoredETagAsync(OrleansCollection collection, string doing, string id, CancellationToken cancellationToken) =>
        collection.RunAsync<string?>(doing, async all =>
        {
            var document = await all.Find(Where.Eq(Id, id)).Project<BsonDocument>(Builders<BsonDocument>.Projection.Include(ETag)).FirstOrDefaultAsync(cancellationToken);
            return document is null ? null : document.GetValue(ETag, "").ToString();
        });

    private OrleansCollection CollectionOf(string stateName) =>
        collections.GetOrAdd(stateName, static (name, self) => new OrleansCollection(self.database, StateCollections.NameOf(self.prefix, self.service, name)), this);
}
