using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// A collection that Orleans' tables rest in. What its safety needs is set here and not left to the connection: a write counts
/// when a majority has it on the journal, a read sees what cannot be rolled back, from the primary. Failures get words.
/// </summary>
internal sealed class OrleansCollection
{
    private readonly IMongoCollection<BsonDocument> documents;

    public OrleansCollection(IMongoDatabase database, string name) =>
        documents = database
            .WithWriteConcern(WriteConcern.WMajority.With(journal: true))
            .WithReadConcern(ReadConcern.Majority)
            .WithReadPreference(ReadPreference.Primary)
            .GetCollection<BsonDocument>(name);

    /// <summary>As <c>database.collection</c>, for messages.</summary>
    public string FullName => documents.CollectionNamespace.FullName;

    /// <summary>Runs an operation; what the driver throws becomes one line that names the server and the cure.</summary>
    /// <param name="doing">What is tried, such as <c>reading the reminders of grain x</c>.</param>
    /// <param name="operation">The operation.</param>
    /// <exception cref="RecordStoreException">The database did not answer, or refused. A write may have been done all the same.</exception>
    public async Task<T> RunAsync<T>(string doing, Func<IMongoCollection<BsonDocument>, Task<T>> operation)
    {
        try
        {
            return await operation(documents);
        }
        catch (Exception failure) when (MongoFailures.IsTooLarge(failure) || failure is FormatException)
        {
            throw new RecordStoreException($"{doing} failed: {failure.Message} Nothing was written; MongoDB holds 16 MB in one document", failure);
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw MongoFailures.Explain(failure, documents.Database.Client, doing);
        }
    }

    /// <summary>Inserts a document; false when there is one with this id.</summary>
    public Task<bool> TryInsertAsync(string doing, BsonDocument document, CancellationToken cancellationToken) => RunAsync(doing, async collection =>
    {
        try
        {
            await collection.InsertOneAsync(document, null, cancellationToken);
            return true;
        }
        catch (Exception failure) when (MongoFailures.IsDuplicateKey(failure))
        {
            return false;
        }
    });

    /// <summary>An etag that was never used before, so that a writer from a document's former life cannot match by chance.</summary>
    public static string NewETag() => Guid.NewGuid().ToString("N");
}
