using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The indexes of a kind's collection: which there are, and that they are there.</summary>
internal sealed partial class MongoIndexes(IMongoDatabase database, ILogger logger)
{
    /// <summary>How often a build that takes longer than <see cref="MongoOptions.SocketTimeout"/> is asked for: with its default, for an hour.</summary>
    private const int Patience = 180;

    private static readonly TimeSpan AgainAfter = TimeSpan.FromMinutes(1);

    /// <summary>An index as the server is asked for it.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Keys">Its fields in order.</param>
    /// <param name="Options">Other options than name and key.</param>
    /// <param name="MustBeFirst">Whether no record may be written before it is there.</param>
    internal sealed record Index(string Name, BsonDocument Keys, BsonDocument Options, bool MustBeFirst = false);

    /// <summary>The indexes of a kind.</summary>
    public static IEnumerable<Index> Of(ObjectKind kind)
    {
        // Tombstones have none of these fields: sparse leaves them out, so their names are free at once.
        yield return new("name_of_owner", Keys(Fields.Org, Fields.Owner, Fields.Name), new BsonDocument { { "unique", true }, { "sparse", true } }, MustBeFirst: true);
        yield return List("by_created", Fields.Created);
        yield return List("by_updated", Fields.Updated);
        yield return List("by_name", Fields.Name);
        if (kind is ObjectKind.Backup or ObjectKind.Restore or ObjectKind.BackupSchedule)
            yield return List("by_cluster_name", Fields.ClusterName);
        if (kind is ObjectKind.Backup or ObjectKind.Restore)
        {
            yield return List("by_size", Fields.Size);
            // Beside the order: a page of one status steps over nothing else, and its total is counted in the index.
            yield return new("by_status", Keys(Fields.Org, Fields.Readers, Fields.Status, Fields.Created, Fields.Uid), []);
        }

        if (kind is ObjectKind.Restore)
            yield return List("by_backup_name", Fields.BackupName);
        yield return new("by_label_created", Keys(Fields.Org, Fields.Labels, Fields.Created, Fields.Uid), []);
        yield return new("by_reference_created", Keys(Fields.Org, Fields.References, Fields.Created, Fields.Uid), []);
        yield return new("by_due", Keys(Fields.Due), new BsonDocument("sparse", true));
        yield return new("by_pending", Keys(Fields.Pending), new BsonDocument("sparse", true));
        yield return new("expiry", Keys(Fields.Expires), new BsonDocument("expireAfterSeconds", 0));
    }

    /// <summary>
    /// Makes what is missing. Returns when the indexes that decide correctness are there; the others are built meanwhile, and
    /// <see cref="Completion"/> says when. Several processes may do this at once: the server makes each index once.
    /// </summary>
    /// <exception cref="RecordStoreException">An index of this name is of another form, or may not be made.</exception>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        var later = new List<(string Collection, Index[] Indexes)>();
        foreach (var kind in Enum.GetValues<ObjectKind>().Where(kind => kind != ObjectKind.None))
            await EnsureAsync(kind.Slug(), [.. Of(kind)], later, cancellationToken);

        await EnsureAsync(RecordCollections.Counters, [new("by_member", Keys(CounterFields.Scope, CounterFields.Members), [])], later, cancellationToken);
        Completion = CompleteAsync(later, cancellationToken);
    }

    /// <summary>Ends when all indexes are there; what fails is logged and tried again, lists are slow until then.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>The index that holds a kind's whole list in the order of a field; null while it may not be there.</summary>
    public string? OrderedBy(ObjectKind kind, string field) => Completion.IsCompletedSuccessfully ? Ordered.GetValueOrDefault((kind, field)) : null;

    private static readonly FrozenDictionary<(ObjectKind Kind, string Field), string> Ordered = Enum.GetValues<ObjectKind>()
        .Where(kind => kind != ObjectKind.None)
        .SelectMany(kind => Of(kind).Where(index => index.Keys.ElementCount == 4 && index.Keys.GetElement(1).Name == Fields.Readers)
            .Select(index => ((kind, index.Keys.GetElement(2).Name), index.Name)))
        .ToFrozenDictionary(pair => pair.Item1, pair => pair.Name);

    private static Index List(string name, string field) => new(name, Keys(Fields.Org, Fields.Readers, field, Fields.Uid), []);

    private static BsonDocument Keys(params ReadOnlySpan<string> fields)
    {
        var keys = new BsonDocument();
        foreach (var field in fields.ToArray().Distinct())
            keys[field] = 1;
        return keys;
    }

    private async Task EnsureAsync(string collection, Index[] wanted, List<(string Collection, Index[] Indexes)> later, CancellationToken cancellationToken)
    {
        var missing = await MissingAsync(collection, wanted, cancellationToken);
        // Asked for also when it is listed: a list names what is still being built, and until that has ended nothing is refused. The
        // server answers when it has, and refuses a user that may not write here.
        var first = wanted.Where(index => index.MustBeFirst).ToArray();
        if (first.Length > 0)
            await CreateAsync(collection, first, cancellationToken);
        if (missing.Except(first).Any())
            later.Add((collection, [.. missing.Except(first)]));
    }

    private async Task<Index[]> MissingAsync(string collection, Index[] wanted, CancellationToken cancellationToken)
    {
        try
        {
            using var cursor = await database.GetCollection<BsonDocument>(collection).Indexes.ListAsync(cancellationToken);
            var there = (await cursor.ToListAsync(cancellationToken)).ToDictionary(index => index["name"].AsString);
            foreach (var index in wanted)
            {
                if (there.TryGetValue(index.Name, out var found) && !IsSame(index, found))
                    throw new RecordStoreException($"the index '{index.Name}' of the collection '{collection}' in {Place} has another form ({found["key"]}) than the product needs ({index.Keys} {index.Options}); drop it while no process runs, the next start makes it");
            }

            return [.. wanted.Where(index => !there.ContainsKey(index.Name))];
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw MongoFailures.Explain(failure, database.Client, $"reading the indexes of '{collection}'");
        }
    }

    private string Place => $"the database '{database.DatabaseNamespace.DatabaseName}'";

    private static bool IsSame(Index wanted, BsonDocument found) =>
        found["key"].AsBsonDocument.Names.SequenceEqual(wanted.Keys.Names)
        && found["key"].AsBsonDocument.Values.All(direction => direction.IsNumeric && direction.ToInt64() == 1)
        && found.GetValue("unique", false).ToBoolean() == wanted.Options.GetValue("unique", false).ToBoolean()
        && found.GetValue("sparse", false).ToBoolean() == wanted.Options.GetValue("sparse", false).ToBoolean()
        && found.Contains("expireAfterSeconds") == wanted.Options.Contains("expireAfterSeconds")
        && !found.Contains("partialFilterExpression");

    private async Task CreateAsync(string collection, Index[] indexes, CancellationToken cancellationToken)
    {
        var specifications = indexes.Select(index => new BsonDocument { { "key", index.Keys }, { "name", index.Name } }.AddRange(index.Options));
        var command = new BsonDocument
        {
            { "createIndexes", collection },
            { "indexes", new BsonArray(specifications) },
            // As every write: an index that an election took back would let two objects have one name.
            { "writeConcern", new BsonDocument { { "w", "majority" }, { "j", true } } },
        };
        var names = string.Join(", ", indexes.Select(index => index.Name));
        for (var tried = 1; ; tried++)
        {
            try
            {
                await database.RunCommandAsync<BsonDocument>(command, cancellationToken: cancellationToken);
                return;
            }
            catch (MongoConnectionException failure) when (MongoFailures.Find<TimeoutException>(failure) is not null && tried < Patience)
            {
                // A collection that is full already: the server goes on building, and answers the next one who asks when it is done.
                LogBuilding(logger, names, collection);
            }
            catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
            {
                throw MongoFailures.Explain(failure, database.Client, $"making the indexes {names} of '{collection}'");
            }
        }
    }

    private async Task CompleteAsync(List<(string Collection, Index[] Indexes)> later, CancellationToken cancellationToken)
    {
        var left = new Queue<(string Collection, Index[] Indexes)>(later);
        while (left.TryDequeue(out var next))
        {
            try
            {
                await CreateAsync(next.Collection, next.Indexes, cancellationToken);
            }
            catch (RecordStoreException failure)
            {
                LogMissing(logger, next.Collection, failure);
                left.Enqueue(next);
                await Task.Delay(AgainAfter, TimeProvider.System, cancellationToken); // The server builds in its own time.
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The indexes {Indexes} of the collection {Collection} are still being built")]
    private static partial void LogBuilding(ILogger logger, string indexes, string collection);

    [LoggerMessage(Level = LogLevel.Error, Message = "Indexes of the collection {Collection} could not be made: its lists are slow until they are; tried again in a minute")]
    private static partial void LogMissing(ILogger logger, string collection, Exception failure);
}
