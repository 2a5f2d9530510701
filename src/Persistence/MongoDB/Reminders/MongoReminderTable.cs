using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MongoDB.Bson;
using MongoDB.Driver;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using PxBackup.Grains.Records;
using PxBackup.Persistence.GrainState;
using PxBackup.Persistence.Reminders;

namespace PxBackup.Persistence.MongoDB.Reminders;

/// <summary>
/// Reminders, one document for each service, grain and name. Registering replaces a reminder whatever it was, as Orleans
/// means it; removing needs the etag. What is removed is gone: no marks stay behind.
/// </summary>
public sealed partial class MongoReminderTable : ReminderTable
{
    /// <summary>The collection; all services of the database share it.</summary>
    public const string Collection = "orleans.reminders";

    /// <summary>An upsert meets another one at most as often as there are others under way for one reminder; Orleans sends them one by one.</summary>
    private const int UpsertAttempts = 20;

    private const string InService = $"{ReminderDocument.Id}.{ReminderDocument.Service}";
    private const string OfGrain = $"{ReminderDocument.Id}.{ReminderDocument.Grain}";

    private static readonly FilterDefinitionBuilder<BsonDocument> Where = Builders<BsonDocument>.Filter;

    private readonly OrleansCollection reminders;
    private readonly string service;
    private readonly ILogger logger;

    /// <summary>Names the table; nothing is asked of the database yet.</summary>
    /// <param name="database">The installation's database.</param>
    /// <param name="options">Whose <see cref="ClusterOptions.ServiceId"/> the reminders belong to.</param>
    /// <param name="logger">Hears of reminders that cannot be read.</param>
    public MongoReminderTable(IMongoDatabase database, IOptions<ClusterOptions> options, ILogger<MongoReminderTable> logger)
    {
        reminders = new OrleansCollection(database, Collection);
        service = options.Value.ServiceId;
        this.logger = logger;
    }

    private FilterDefinition<BsonDocument> ThisService => Where.Eq(InService, service);

    /// <summary>Makes the index over a grain's place on the ring, where it is missing.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var byHash = new CreateIndexModel<BsonDocument>(
            Builders<BsonDocument>.IndexKeys.Ascending(InService).Ascending(ReminderDocument.Hash),
            new CreateIndexOptions { Name = "by_hash" });
        await reminders.RunAsync("making the index of the reminders", all => all.Indexes.CreateOneAsync(byHash, null, cancellationToken));
    }

    /// <inheritdoc />
    public override Task<ReminderTableData> ReadRows(GrainId grainId, CancellationToken cancellationToken) =>
        // By the hash first, so that one index serves all reads.
        ReadAsync(Where.And(ThisService, Where.Eq(ReminderDocument.Hash, ReminderDocument.HashOf(grainId)), Where.Eq(OfGrain, GrainKeyText.Of(grainId))), cancellationToken);

    /// <inheritdoc />
    public override Task<ReminderTableData> ReadRows(uint begin, uint end, CancellationToken cancellationToken)
    {
        var (above, upTo) = (Where.Gt(ReminderDocument.Hash, (long)begin), Where.Lte(ReminderDocument.Hash, (long)end));
        // The ring closes: from its last part the range goes on at its first.
        return ReadAsync(Where.And(ThisService, begin < end ? Where.And(above, upTo) : Where.Or(above, upTo)), cancellationToken);
    }

    /// <inheritdoc />
    public override async Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName, CancellationToken cancellationToken)
    {
        var id = ReminderDocument.IdOf(service, grainId, reminderName);
        var document = await reminders.RunAsync<BsonDocument?>(
            $"reading reminder '{reminderName}' of grain {grainId}",
            async all => await all.Find(Where.Eq(ReminderDocument.Id, id)).FirstOrDefaultAsync(cancellationToken));
        return document is null ? null : ReminderDocument.Read(FieldsOf(document));
    }

    /// <inheritdoc />
    public override async Task<string?> UpsertRow(ReminderEntry entry, CancellationToken cancellationToken)
    {
        var etag = OrleansCollection.NewETag();
        var document = ReminderDocument.Write(service, entry, etag);
        for (var attempt = 0; attempt < UpsertAttempts; attempt++)
        {
            if (await TryReplaceAsync(document, entry, cancellationToken))
                return etag;
        }

        throw new RecordStoreException($"reminder '{entry.ReminderName}' of grain {entry.GrainId} was made and removed by others during each of {UpsertAttempts} attempts to write it; nothing was written, try again");
    }

    /// <inheritdoc />
    public override async Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag, CancellationToken cancellationToken)
    {
        var filter = Where.And(Where.Eq(ReminderDocument.Id, ReminderDocument.IdOf(service, grainId, reminderName)), Where.Eq(ReminderDocument.ETag, eTag));
        var result = await reminders.RunAsync($"removing reminder '{reminderName}' of grain {grainId}", all => all.DeleteOneAsync(filter, cancellationToken));
        return result.DeletedCount == 1;
    }

    /// <summary>Removes all reminders of this service.</summary>
    public override async Task TestOnlyClearTable(CancellationToken cancellationToken) =>
        await reminders.RunAsync($"removing all reminders of service '{service}'", all => all.DeleteManyAsync(ThisService, cancellationToken));

    private Task<bool> TryReplaceAsync(BsonDocument document, ReminderEntry entry, CancellationToken cancellationToken) =>
        reminders.RunAsync($"writing reminder '{entry.ReminderName}' of grain {entry.GrainId}", async all =>
        {
            try
            {
                var result = await all.ReplaceOneAsync(Where.Eq(ReminderDocument.Id, document[ReminderDocument.Id]), document, new ReplaceOptions { IsUpsert = true }, cancellationToken);
                return result.MatchedCount == 1 || result.UpsertedId is not null;
            }
            catch (Exception failure) when (MongoFailures.IsDuplicateKey(failure))
            {
                // Another upsert made the document in between: now there is one to replace.
                return false;
            }
        });

    private async Task<ReminderTableData> ReadAsync(FilterDefinition<BsonDocument> filter, CancellationToken cancellationToken)
    {
        var documents = await reminders.RunAsync($"reading reminders of service '{service}'", all => all.Find(filter).ToListAsync(cancellationToken));
        var found = new List<ReminderEntry>(documents.Count);
        foreach (var document in documents)
        {
            try
            {
                found.Add(ReminderDocument.Read(FieldsOf(document)));
            }
            catch (RecordStoreException damaged)
            {
                // One damaged reminder must not stop the thousands of others that this silo reads with it.
                LogDamaged(logger, damaged.Message);
            }
        }

        return new ReminderTableData(found);
    }

    private StoredFields FieldsOf(BsonDocument document) => new(document, $"document {document.GetValue(ReminderDocument.Id, BsonNull.Value)} of {reminders.FullName}");

    [LoggerMessage(Level = LogLevel.Error, Message = "A reminder does not tick: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string reason);
}
