using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Persistence.Secrets;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The master key's mark in MongoDB: of several processes that begin with an empty store at once, one mark wins.</summary>
internal sealed class MongoKeyMark(IMongoDatabase database) : IKeyMark
{
    private const string Record = "master-key", Mark = "mark";

    private readonly IMongoCollection<BsonDocument> marks = database.GetCollection<BsonDocument>("marks");
    private string? known;

    /// <inheritdoc />
    public string? Read() => known = Ask("reading the master key's mark", () =>
    {
        var found = marks.Find(new BsonDocument(Fields.Id, Record)).FirstOrDefault();
        if (found is null)
            return null;
        return found.GetValue(Mark, BsonNull.Value) is BsonString text
            ? text.Value
            : throw new RecordStoreException($"the document '{Record}' in the collection 'marks' of the database '{database.DatabaseNamespace.DatabaseName}' is damaged; restore it from a backup of the database");
    });

    /// <inheritdoc />
    public void Write(string mark)
    {
        if (known is null)
            Ask("writing the master key's mark", () => InsertUnlessThere(mark));
        else if (!Ask("writing the master key's mark", () => Replace(known, mark)) && Read() != mark)
            throw new RecordStoreException("another process has changed the master key's mark meanwhile; rotate in one process at a time and start the rotation again");
        Read();
    }

    private bool InsertUnlessThere(string mark)
    {
        try
        {
            marks.InsertOne(new BsonDocument { { Fields.Id, Record }, { Mark, mark } });
            return true;
        }
        catch (Exception failure) when (MongoFailures.IsDuplicateKey(failure))
        {
            // The first one stays; the caller reads it and finds out whether its key is the same.
            return false;
        }
    }

    private bool Replace(string from, string to) =>
        marks.UpdateOne(new BsonDocument { { Fields.Id, Record }, { Mark, from } }, new BsonDocument("$set", new BsonDocument(Mark, to))).MatchedCount == 1;

    private T Ask<T>(string doing, Func<T> ask)
    {
        try
        {
            return ask();
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw MongoFailures.Explain(failure, database.Client, doing);
        }
    }
}
