using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Folds new, moved and deleted records into the counters, behind the requests. No transaction: a batch is three steps, each one
/// conditional, and whoever comes after a crash finishes what is begun.
/// <list type="number">
/// <item>The counter takes the batch's numbers and its records' ids in one update (<c>folding</c>), if its sequence is still the one
/// after which the records were looked at and no other batch is there.</item>
/// <item>Each record notes where it is counted now, if its <c>fold</c> number is still the one in the batch.</item>
/// <item>The counter forgets the ids.</item>
/// </list>
/// Readers know the ids, so that the numbers are exact between any two steps. What a record does next depends on nothing but its
/// <c>fold</c> number, so that two processes can never count it in two counters: counted somewhere, it leaves there; with a target,
/// it enters there; with neither, it first gets a target, whose counter is made before. A record that moves leaves one counter and enters the other one in a later batch.
/// </summary>
internal sealed partial class CountFolder : IDisposable
{
    /// <summary>Records in a batch: 60 KB in the counter's document while it is under way.</summary>
    private const int Portion = 500;

    /// <summary>How long records wait: many writes make one batch, and readers look at few records only.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Every so many intervals all kinds are looked at, for what a process that is gone has left behind.</summary>
    private const int SweepEvery = 60;

    private readonly RecordCollections collections;
    private readonly ILogger logger;
    private readonly ConcurrentDictionary<ObjectKind, bool> woken = new();
    private readonly ConcurrentDictionary<string, bool> known = new(StringComparer.Ordinal);
    private readonly ITimer timer;
    private int ticks;
    private int isBusy;

    public CountFolder(RecordCollections collections, TimeProvider time, ILogger logger)
    {
        this.collections = collections;
        this.logger = logger;
        timer = time.CreateTimer(static state => _ = ((CountFolder)state!).TickAsync(), this, Interval, Interval);
    }

    /// <summary>A record of the kind waits.</summary>
    public void Wake(ObjectKind kind) => woken[kind] = true;

    /// <summary>Whether this process has seen the counter of a place; counters never go.</summary>
    public bool Knows(RecordKey key, string place) => known.ContainsKey(CounterOf(Place.ScopeOf(key.Kind, key.OrgId), place));

    /// <summary>Folds all that waits.</summary>
    public async Task FoldAsync(ObjectKind kind)
    {
        var records = collections.Of(kind);
        // Every round takes each record one step on: out of the old counter, a target, into the new counter, done.
        for (var round = 0; round < 1_000; round++)
        {
            var waiting = await WaitingAsync(records, new BsonDocument(Fields.Pending, new BsonDocument("$gt", "")));
            if (waiting.Count == 0)
                return;
            foreach (var settled in waiting.Where(record => StepOf(record) == Step.Done).GroupBy(PlaceOf))
                await records.UpdateManyAsync(Among(settled).AddRange(Is(Fields.Place, settled.Key)).AddRange(Is(Fields.Counted, settled.Key)).AddRange(Is(Fields.Target, BsonNull.Value)), new BsonDocument(Settled));
            foreach (var homeless in waiting.Where(record => StepOf(record) == Step.Choose).GroupBy(PlaceOf))
                await ChooseAsync(records, kind, homeless.Key, [.. homeless]);
            RecordStoreException? damage = null;
            var stuck = 0;
            foreach (var batch in waiting.Where(record => StepOf(record) is Step.Leave or Step.Enter).GroupBy(record => CounterOf(kind, record)))
            {
                try
                {
                    await FoldAsync(records, kind, batch.Key, [.. batch]);
                }
                catch (RecordStoreException failure)
                {
                    // One organization's damaged counter does not hold up the others.
                    damage = failure;
                    stuck += batch.Count();
                }
            }

            if (damage is not null && stuck == waiting.Count)
                throw damage;
        }
    }

    /// <summary>Finishes batches whose records are all noted but whose ids a crash has left in the counter.</summary>
    public async Task CompleteAllAsync()
    {
        foreach (var counter in await collections.OfCounters.Find(new BsonDocument($"{CounterFields.Folding}.0", new BsonDocument("$exists", true))).ToListAsync())
        {
            var kind = Enum.GetValues<ObjectKind>().Single(kind => kind != ObjectKind.None && counter[Fields.Id].AsString.StartsWith(kind.Slug() + "/", StringComparison.Ordinal));
            await CompleteAsync(collections.Of(kind), counter);
        }
    }

    public void Dispose() => timer.Dispose();

    /// <summary>Takes the record off the list; a tombstone may expire from now on.</summary>
    private static BsonDocument Settled => new()
    {
        { "$unset", new BsonDocument(Fields.Pending, "") },
        { "$rename", new BsonDocument(Fields.KeepUntil, Fields.Expires) },
    };

    private enum Step
    {
        Done = 0,
        Choose = 1,
        Enter = 2,
        Leave = 3,
    }

    private static BsonValue PlaceOf(BsonDocument record) => record.GetValue(Fields.Place, BsonNull.Value);

    private static BsonValue CountedOf(BsonDocument record) => record.GetValue(Fields.Counted, BsonNull.Value);

    private static BsonValue TargetOf(BsonDocument record) => record.GetValue(Fields.Target, BsonNull.Value);

    private static Step StepOf(BsonDocument record)
    {
        if (!TargetOf(record).IsBsonNull)
            return Step.Enter;
        if (PlaceOf(record) == CountedOf(record))
            return Step.Done;
        return CountedOf(record).IsBsonNull ? Step.Choose : Step.Leave;
    }

    /// <summary>Where it leaves or enters.</summary>
    private static Place MoveOf(BsonDocument record)
    {
        var text = (StepOf(record) == Step.Enter ? TargetOf(record) : CountedOf(record)).ToString()!;
        return Place.Parse(text) ?? throw new RecordStoreException($"the document {record[Fields.Id]} cannot be counted at '{text}'; make the counters anew (docs/operations/mongodb.md)");
    }

    private static string CounterOf(ObjectKind kind, BsonDocument record) =>
        $"{Place.ScopeOf(kind, record[Fields.Pending].AsString)}/{MoveOf(record).Audience}";

    private static string CounterOf(string scope, string place) => $"{scope}/{Place.Parse(place)?.Audience}";

    private static BsonDocument Among(IEnumerable<BsonDocument> records) =>
        new(Fields.Id, new BsonDocument("$in", new BsonArray(records.Select(record => record[Fields.Id]))));

    private static BsonDocument Is(string field, BsonValue value) =>
        new(field, value.IsBsonNull ? new BsonDocument("$exists", false) : new BsonDocument("$eq", value));

    private static Task<List<BsonDocument>> WaitingAsync(IMongoCollection<BsonDocument> records, BsonDocument filter) => records.Find(filter)
        .Project(new BsonDocument { { Fields.Pending, 1 }, { Fields.Place, 1 }, { Fields.Counted, 1 }, { Fields.Target, 1 }, { Fields.Fold, 1 }, { Fields.Readers, 1 } })
        .Limit(Portion).ToListAsync();

    private async Task FoldAsync(IMongoCollection<BsonDocument> records, ObjectKind kind, string id, List<BsonDocument> seen)
    {
        var counter = await collections.OfCounters.Find(new BsonDocument(Fields.Id, id)).FirstOrDefaultAsync();
        if (counter is null)
            throw new RecordStoreException($"the counter '{id}' is missing although records are counted in it; make the counters anew (docs/operations/mongodb.md)");
        known[id] = true;
        if (counter[CounterFields.Folding].AsBsonArray.Count > 0)
        {
            // Somebody's batch is under way, or was left behind by a crash. Its steps may be made twice.
            await CompleteAsync(records, counter);
            return;
        }

        // Looked at again after the counter: every batch up to its sequence is noted in the records, so what still waits is not in it.
        var batch = (await WaitingAsync(records, Among(seen).Add(Fields.Pending, new BsonDocument("$gt", ""))))
            .Where(record => StepOf(record) is Step.Leave or Step.Enter && CounterOf(kind, record) == id).ToList();
        if (batch.Count == 0)
            return;
        var change = new BsonDocument { { CounterFields.Total, 0L }, { CounterFields.Sequence, 1L } };
        var folding = new BsonArray();
        foreach (var record in batch)
        {
            var enters = StepOf(record) == Step.Enter;
            var bucket = string.Create(CultureInfo.InvariantCulture, $"{CounterFields.Buckets}.{MoveOf(record).Bucket}");
            change[CounterFields.Total] = change[CounterFields.Total].AsInt64 + (enters ? 1 : -1);
            change[bucket] = change.GetValue(bucket, 0L).AsInt64 + (enters ? 1 : -1);
            folding.Add(new BsonDocument
            {
                { CounterFields.Record, record[Fields.Id] }, { CounterFields.Fold, record.GetValue(Fields.Fold, 0L) }, { CounterFields.To, enters ? TargetOf(record) : BsonNull.Value },
            });
        }

        var sequence = counter[CounterFields.Sequence].ToInt64();
        var begun = await collections.OfCounters.UpdateOneAsync(
            new BsonDocument { { Fields.Id, id }, { CounterFields.Sequence, sequence } },
            new BsonDocument { { "$inc", change }, { "$set", new BsonDocument(CounterFields.Folding, folding) } });
        // Not begun: another process was faster, or this update was sent twice; the next round sees which.
        if (begun.MatchedCount == 1)
            await CompleteAsync(records, new BsonDocument { { Fields.Id, id }, { CounterFields.Sequence, sequence + 1 }, { CounterFields.Folding, folding } });
    }

    /// <summary>Gives records that are counted nowhere a target; first makes its counter, because only now their readers are surely the audience.</summary>
    private async Task ChooseAsync(IMongoCollection<BsonDocument> records, ObjectKind kind, BsonValue place, List<BsonDocument> homeless)
    {
        var scope = Place.ScopeOf(kind, homeless[0][Fields.Pending].AsString);
        var id = CounterOf(scope, place.AsString);
        if (!await collections.OfCounters.Find(new BsonDocument(Fields.Id, id)).AnyAsync())
        {
            try
            {
                await collections.OfCounters.InsertOneAsync(new BsonDocument
                {
                    { Fields.Id, id }, { CounterFields.Scope, scope }, { CounterFields.Members, homeless[0][Fields.Readers] },
                    { CounterFields.Total, 0L }, { CounterFields.Buckets, new BsonDocument() }, { CounterFields.Sequence, 0L }, { CounterFields.Folding, new BsonArray() },
                });
            }
            catch (Exception failure) when (MongoFailures.IsDuplicateKey(failure))
            {
                // Another process has just made it.
            }
        }

        known[id] = true;
        var same = homeless.Where(record => record[Fields.Pending] == homeless[0][Fields.Pending]);
        await records.UpdateManyAsync(
            Among(same).AddRange(Is(Fields.Place, place)).AddRange(Is(Fields.Counted, BsonNull.Value)).AddRange(Is(Fields.Target, BsonNull.Value)),
            new BsonDocument("$set", new BsonDocument(Fields.Target, place)));
    }

    /// <summary>Steps two and three; both may be repeated.</summary>
    private async Task CompleteAsync(IMongoCollection<BsonDocument> records, BsonDocument counter)
    {
        foreach (var same in counter[CounterFields.Folding].AsBsonArray.Select(entry => entry.AsBsonDocument).GroupBy(entry => (Fold: entry[CounterFields.Fold], To: entry[CounterFields.To])))
        {
            var noted = new BsonDocument { { Fields.Id, new BsonDocument("$in", new BsonArray(same.Select(entry => entry[CounterFields.Record]))) }, { Fields.Fold, same.Key.Fold } };
            var note = same.Key.To.IsBsonNull
                ? new BsonDocument("$unset", new BsonDocument(Fields.Counted, ""))
                : new BsonDocument { { "$set", new BsonDocument(Fields.Counted, same.Key.To) }, { "$unset", new BsonDocument(Fields.Target, "") } };
            note["$inc"] = new BsonDocument(Fields.Fold, 1L);
            // First those that are where they are counted now: they are done in the same step.
            var done = note.DeepClone().AsBsonDocument;
            done["$unset"][Fields.Pending] = "";
            done["$rename"] = new BsonDocument(Fields.KeepUntil, Fields.Expires);
            await records.UpdateManyAsync(noted.DeepClone().AsBsonDocument.AddRange(Is(Fields.Place, same.Key.To)), done);
            await records.UpdateManyAsync(noted, note);
        }

        await collections.OfCounters.UpdateOneAsync(
            new BsonDocument { { Fields.Id, counter[Fields.Id] }, { CounterFields.Sequence, counter[CounterFields.Sequence] } },
            new BsonDocument("$set", new BsonDocument(CounterFields.Folding, new BsonArray())));
    }

    private async Task TickAsync()
    {
        if (Interlocked.Exchange(ref isBusy, 1) == 1)
            return;
        var current = ObjectKind.None;
        try
        {
            if (ticks++ % SweepEvery == 0)
            {
                foreach (var kind in Enum.GetValues<ObjectKind>().Where(kind => kind != ObjectKind.None))
                    Wake(kind);
                await CompleteAllAsync();
            }

            foreach (var kind in woken.Keys)
            {
                woken.TryRemove(kind, out _);
                current = kind;
                await FoldAsync(kind);
                current = ObjectKind.None;
            }
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure) || failure is RecordStoreException)
        {
            // Totals stay exact meanwhile, they only cost more. These updates are not repeated by the driver when the primary changes.
            if (current != ObjectKind.None)
                Wake(current);
            LogFoldFailed(logger, failure);
        }
        finally
        {
            Volatile.Write(ref isBusy, 0);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Records could not be folded into the counters; they are tried again")]
    private static partial void LogFoldFailed(ILogger logger, Exception failure);
}
