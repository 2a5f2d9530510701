using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>How many records a caller sees, without looking at them.</summary>
/// <param name="Total">All.</param>
/// <param name="Buckets">By bucket of creation; null when not asked for.</param>
internal sealed record Visible(long Total, SortedDictionary<long, long>? Buckets);

/// <summary>
/// Reads exact totals: the counters of the audiences that the caller belongs to, corrected by the few records that are not folded
/// into them yet (<see cref="CountFolder"/>). When a batch was folded between the two reads, both are made again.
/// </summary>
internal sealed class RecordCounts(RecordCollections collections)
{
    /// <summary>With more records waiting than this, counting by the index is as cheap (about 10 ms).</summary>
    private const int MostPending = 5_000;

    private const int Attempts = 5;

    /// <summary>The numbers; null when too much is moving, then the index must be counted.</summary>
    public async Task<Visible?> ReadAsync(RecordQuery query, bool withBuckets, CancellationToken cancellationToken)
    {
        var principals = query.Readers?.Where(reader => reader != RecordDocument.Everyone).ToHashSet(StringComparer.Ordinal) ?? [RecordDocument.Everyone];
        try
        {
            for (var attempt = 0; attempt < Attempts; attempt++)
            {
                var counters = await CountersAsync(query, principals, withBuckets, cancellationToken);
                var pending = await PendingAsync(query, cancellationToken);
                if (pending.Count > MostPending)
                    return null;
                if (IsSame(counters, await SequencesAsync(query, principals, cancellationToken)))
                    return Sum(counters, pending, principals, withBuckets);
            }

            return null;
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, "reading the counters");
        }
    }

    private static Visible Sum(List<BsonDocument> counters, List<BsonDocument> pending, HashSet<string> principals, bool withBuckets)
    {
        var audiences = counters.Select(counter => AudienceOf(counter[Fields.Id].AsString)).ToHashSet();
        var folding = new Dictionary<(string, long), BsonValue>();
        foreach (var entry in counters.SelectMany(counter => counter[CounterFields.Folding].AsBsonArray))
            folding[(entry[CounterFields.Record].AsString, entry[CounterFields.Fold].ToInt64())] = entry[CounterFields.To];
        var total = counters.Sum(counter => counter[CounterFields.Total].ToInt64());
        var buckets = withBuckets ? new SortedDictionary<long, long>() : null;
        if (buckets is not null)
        {
            foreach (var bucket in counters.SelectMany(counter => counter[CounterFields.Buckets].AsBsonDocument))
                Add(buckets, long.Parse(bucket.Name, System.Globalization.CultureInfo.InvariantCulture), bucket.Value.ToInt64());
        }

        foreach (var record in pending)
        {
            // Where the counters have it: a batch that is under way has it where it is going.
            var counted = folding.TryGetValue((record[Fields.Id].AsString, record.GetValue(Fields.Fold, 0L).ToInt64()), out var to) ? to : record.GetValue(Fields.Counted, BsonNull.Value);
            if (counted is BsonString from && Place.Parse(from.Value) is { } old && audiences.Contains(old.Audience))
                Count(old.Bucket, -1);
            if (record.GetValue(Fields.Place, BsonNull.Value) is BsonString at && Place.Parse(at.Value) is { } now
                && record.GetValue(Fields.Readers, new BsonArray()).AsBsonArray.Any(reader => principals.Contains(reader.AsString)))
            {
                Count(now.Bucket, 1);
            }
        }

        return new Visible(total, buckets);

        void Count(long bucket, long change)
        {
            total += change;
            if (buckets is not null)
                Add(buckets, bucket, change);
        }
    }

    private static void Add(SortedDictionary<long, long> buckets, long bucket, long change) =>
        buckets[bucket] = buckets.GetValueOrDefault(bucket) + change;

    private static string AudienceOf(string id) => id[(id.LastIndexOf('/') + 1)..];

    private static BsonDocument Mine(RecordQuery query, HashSet<string> principals) => new()
    {
        { CounterFields.Scope, Place.ScopeOf(query.Kind, query.OrgId) },
        { CounterFields.Members, new BsonDocument("$in", new BsonArray(principals)) },
    };

    private Task<List<BsonDocument>> CountersAsync(RecordQuery query, HashSet<string> principals, bool withBuckets, CancellationToken cancellationToken)
    {
        var fields = new BsonDocument { { CounterFields.Total, 1 }, { CounterFields.Sequence, 1 }, { CounterFields.Folding, 1 } };
        if (withBuckets)
            fields[CounterFields.Buckets] = 1;
        return collections.OfCounters.Find(Mine(query, principals), new FindOptions { MaxTime = collections.Timeout }).Project(fields).ToListAsync(cancellationToken);
    }

    private Task<List<BsonDocument>> SequencesAsync(RecordQuery query, HashSet<string> principals, CancellationToken cancellationToken) =>
        collections.OfCounters.Find(Mine(query, principals), new FindOptions { MaxTime = collections.Timeout })
            .Project(new BsonDocument(CounterFields.Sequence, 1)).ToListAsync(cancellationToken);

    private Task<List<BsonDocument>> PendingAsync(RecordQuery query, CancellationToken cancellationToken) =>
        collections.Of(query.Kind).Find(new BsonDocument(Fields.Pending, query.OrgId), new FindOptions { MaxTime = collections.Timeout, BatchSize = MostPending + 1 })
            .Project(new BsonDocument { { Fields.Place, 1 }, { Fields.Counted, 1 }, { Fields.Fold, 1 }, { Fields.Readers, 1 } })
            .Limit(MostPending + 1).ToListAsync(cancellationToken);

    private static bool IsSame(List<BsonDocument> before, List<BsonDocument> after) =>
        before.Count == after.Count
        && before.Select(Version).ToHashSet().SetEquals(after.Select(Version));

    private static (string, long) Version(BsonDocument counter) => (counter[Fields.Id].AsString, counter[CounterFields.Sequence].ToInt64());
}
