using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The kinds' collections, and the one way to look at a single record.</summary>
/// <param name="database">The installation's database.</param>
/// <param name="isReplicaSet">Whether the server knows linearizable reads.</param>
/// <param name="timeout">How long the server may work on one read.</param>
internal sealed class RecordCollections(IMongoDatabase database, bool isReplicaSet, TimeSpan timeout)
{
    /// <summary>Name of the counters' collection.</summary>
    public const string Counters = "counters";

    /// <summary>How long the server may work on one read.</summary>
    public TimeSpan Timeout { get; } = timeout;

    /// <summary>For writes, as documents.</summary>
    public IMongoCollection<BsonDocument> Of(ObjectKind kind) => database.GetCollection<BsonDocument>(kind.Slug());

    /// <summary>The counters of all kinds.</summary>
    public IMongoCollection<BsonDocument> OfCounters => database.GetCollection<BsonDocument>(Counters);

    /// <summary>For reads: raw, so that a damaged document fails alone and can be named.</summary>
    public IMongoCollection<RawBsonDocument> Raw(ObjectKind kind) => database.GetCollection<RawBsonDocument>(kind.Slug());

    /// <summary>
    /// The document as it is now, tombstones too. Linearizable on a replica set: a primary that was voted out and does not know
    /// it yet would else answer with a state that an activation then shows until its next write; and a write that is
    /// seen here is on a majority. It costs one round trip to a majority, once for each activation, and may take longer than other
    /// reads: as long as an election. A server that is no replica set has no other opinion.
    /// </summary>
    public async Task<RawBsonDocument?> LookAsync(RecordKey key, string id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var concern = isReplicaSet ? ReadConcern.Linearizable : ReadConcern.Majority;
        try
        {
            return await Raw(key.Kind).WithReadConcern(concern)
                .Find(new BsonDocument(Fields.Id, id), new FindOptions { MaxTime = Timeout * 1.5 })
                .Limit(1).FirstOrDefaultAsync(cancellationToken);
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw Explain(failure, $"reading {key}");
        }
    }

    /// <summary>Who has the name now; null for nobody. Also sees a write that is not on a majority yet, because the index does.</summary>
    public async Task<BsonDocument?> HolderAsync(RecordKey key, string owner, string name)
    {
        try
        {
            return await Of(key.Kind).WithReadConcern(ReadConcern.Local)
                .Find(new BsonDocument { { Fields.Org, key.OrgId }, { Fields.Owner, owner }, { Fields.Name, name }, { Fields.Id, new BsonDocument("$ne", RecordDocument.IdOf(key)) } }, new FindOptions { MaxTime = Timeout })
                .Project(new BsonDocument { { Fields.Org, 1 }, { Fields.Uid, 1 } })
                .Limit(1).FirstOrDefaultAsync();
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw Explain(failure, $"looking for the holder of a name for {key}");
        }
    }

    /// <summary>The failure in words.</summary>
    public RecordStoreException Explain(Exception failure, string doing) => MongoFailures.Explain(failure, database.Client, doing);
}
