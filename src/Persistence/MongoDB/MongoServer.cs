using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The server as a whole: whether it may be used, and whether it answers.</summary>
public sealed class MongoServer(IMongoDatabase database, MongoOptions options, MongoLogins logins)
{
    /// <summary>Wire version of MongoDB 5.0: the first with majority as the default concern and with <c>hello</c> everywhere.</summary>
    private const int OldestWireVersion = 13;

    private const string Standalone = "is a single server, not a replica set: accepted backups would be lost with its disk; make it a replica set (docs/operations/mongodb.md), or set Mongo:AllowStandalone=true for a trial";

    /// <summary>Whether single records can be read with the concern <c>linearizable</c>; true for replica sets. Known after <see cref="CheckAsync"/>.</summary>
    internal bool IsReplicaSet { get; private set; } = true;

    /// <summary>Whether the server can be used as it is; for the start of a process.</summary>
    /// <exception cref="RecordStoreException">Unreachable, password refused, no primary, no replica set, too old, read-only: one line with the cure.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var hello = await AskAsync("hello", "the first connection", cancellationToken);
        var place = $"MongoDB at {MongoFailures.PlaceOf(database.Client)}";
        var isRouter = hello.GetValue("msg", "") == "isdbgrid";
        IsReplicaSet = isRouter || hello.Contains("setName");
        if (hello.GetValue("maxWireVersion", 0).ToInt32() < OldestWireVersion)
            throw new RecordStoreException($"{place} is older than 5.0; upgrade it");
        if (!IsReplicaSet && !options.AllowStandalone)
            throw new RecordStoreException($"{place} {Standalone}");
        if (hello.GetValue("readOnly", false).ToBoolean() || !hello.GetValue("isWritablePrimary", hello.GetValue("ismaster", true)).ToBoolean())
            throw new RecordStoreException($"{place} is read-only; name the primary or the whole replica set in Mongo:ConnectionString, not a secondary");
    }

    /// <summary>Whether a primary answers now; for health checks.</summary>
    /// <exception cref="RecordStoreException">It does not.</exception>
    public Task PingAsync(CancellationToken cancellationToken) => AskAsync("ping", "a ping", cancellationToken);

    private async Task<BsonDocument> AskAsync(string command, string doing, CancellationToken cancellationToken)
    {
        try
        {
            return await database.RunCommandAsync<BsonDocument>(new BsonDocument(command, 1), ReadPreference.Primary, cancellationToken);
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw MongoFailures.Explain(logins.Refused ?? failure, database.Client, doing);
        }
    }
}
