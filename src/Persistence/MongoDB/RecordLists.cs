using Google.Protobuf;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Pages, totals and walks.</summary>
internal sealed class RecordLists(RecordCollections collections, RecordDocument documents, RecordCounts counts, MongoIndexes indexes)
{
    /// <summary>Below this offset walking over index entries is as fast as reading the buckets.</summary>
    private const long BucketsPayFrom = 2_000;

    private const int BadValue = 2;

    /// <summary>Items that one answer of the server may hold; 16 MB end it, too.</summary>
    private const int WholeBatch = 10_000;

    /// <summary>What a list's item is made of.</summary>
    private static readonly BsonDocument ItemFields = new(
        ((string[])[Fields.Org, Fields.Uid, Fields.Version, Fields.Schema, Fields.Message, Fields.Body, Fields.Name, Fields.Owner, Fields.Created, Fields.Updated]).ToDictionary(field => field, _ => (object)1));

    private static readonly BsonDocument KeyFields = new() { { Fields.Org, 1 }, { Fields.Uid, 1 } };

    /// <summary>One page and the total.</summary>
    public async Task<RecordPage<T>> PageAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (QueryFilter.Of(query) is not { } filter)
            return new RecordPage<T>([], 0);
        if (query.Offset > 0)
            return await DeepPageAsync<T>(query, filter, cancellationToken);
        var items = await ItemsAsync<T>(query, filter, 0, query.Limit, cutsPage: true, cancellationToken);
        // A page that holds the last match knows the total, and of the same moment.
        var isLast = query.MaxBytes == 0 && (query.Limit == 0 || items.Count < query.Limit);
        var total = isLast ? items.Count : await CountAsync(query, filter, cancellationToken);
        return new RecordPage<T>(items, Math.Max(total, items.Count));
    }

    private async Task<RecordPage<T>> DeepPageAsync<T>(RecordQuery query, BsonDocument filter, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var byBucket = query is { SortBy: RecordSort.CreatedAt, Offset: >= BucketsPayFrom } && !QueryFilter.HasConditions(filter);
        var visible = byBucket ? await counts.ReadAsync(query, withBuckets: true, cancellationToken) : null;
        var total = visible?.Total ?? await CountAsync(query, filter, cancellationToken);
        var length = Math.Min(query.Limit == 0 ? long.MaxValue : query.Limit, total - query.Offset);
        if (length <= 0)
            return new RecordPage<T>([], total);

        // From the nearer end: the last page costs what the first one does.
        var fromEnd = total - query.Offset - length;
        var isReversed = fromEnd < query.Offset;
        var walked = query with { Descending = query.Descending ^ isReversed };
        var offset = isReversed ? fromEnd : query.Offset;
        if (visible?.Buckets is { } buckets)
            filter.Add(Fields.Created, Skip(buckets, walked.Descending, ref offset));
        var items = await ItemsAsync<T>(walked, filter, offset, (int)Math.Min(length, int.MaxValue), cutsPage: !isReversed, cancellationToken);
        if (isReversed)
        {
            items.Reverse();
            query.Cut(items);
        }

        return new RecordPage<T>(items, total);
    }

    /// <summary>Finds the bucket of creation times in which the page begins; leaves the offset inside it.</summary>
    private static BsonDocument Skip(SortedDictionary<long, long> buckets, bool descending, ref long offset)
    {
        foreach (var (bucket, records) in descending ? buckets.Reverse() : buckets)
        {
            if (records > offset)
            {
                return descending
                    ? new BsonDocument("$lt", new BsonDateTime(Place.StartOf(bucket + 1)))
                    : new BsonDocument("$gte", new BsonDateTime(Place.StartOf(bucket)));
            }

            offset -= records;
        }

        return new BsonDocument("$exists", true);
    }

    /// <summary>The total alone.</summary>
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return QueryFilter.Of(query) is { } filter ? CountAsync(query, filter, cancellationToken) : Task.FromResult(0L);
    }

    /// <summary>Keys of what a filter finds, in the order of a field.</summary>
    public async Task<IReadOnlyList<RecordKey>> KeysAsync(ObjectKind kind, BsonDocument filter, string order, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var found = await collections.Of(kind).Find(filter, OptionsFor(limit))
                .Sort(new BsonDocument(order, 1)).Limit(limit).Project(KeyFields).ToListAsync(cancellationToken);
            // By the id: what else stands in a damaged document cannot stop a walk.
            return [.. found.Select(document => RecordDocument.KeyOf(document.GetValue(Fields.Id, BsonNull.Value).ToString()!, kind)).OfType<RecordKey>()];
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"listing keys of '{kind.Slug()}'");
        }
    }

    private async Task<List<Stored<T>>> ItemsAsync<T>(RecordQuery query, BsonDocument filter, long offset, int limit, bool cutsPage, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        try
        {
            // The server would try half a dozen indexes against each other first, each time that a page lies much deeper than the last one.
            var index = QueryFilter.HasConditions(filter) ? null : indexes.OrderedBy(query.Kind, FieldOf(query.SortBy));
            try
            {
                return await ItemsAsync<T>(query, filter, offset, limit, index, cutsPage, cancellationToken);
            }
            catch (MongoCommandException failure) when (failure.Code == BadValue && index is not null)
            {
                // Somebody has dropped it.
                return await ItemsAsync<T>(query, filter, offset, limit, null, cutsPage, cancellationToken);
            }
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"listing '{query.Kind.Slug()}'");
        }
    }

    private async Task<List<Stored<T>>> ItemsAsync<T>(RecordQuery query, BsonDocument filter, long offset, int limit, string? index, bool cutsPage, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var direction = query.Descending ? -1 : 1;
        var (items, left) = (new List<Stored<T>>(), query.MaxBytes);
        var options = OptionsFor(limit);
        options.Hint = index;
        using var cursor = await collections.Raw(query.Kind).Find(filter, options)
            .Sort(new BsonDocument { { FieldOf(query.SortBy), direction }, { Fields.Uid, direction } })
            .Skip((int)Math.Min(offset, int.MaxValue)).Limit(limit == 0 ? null : limit)
            .Project<RawBsonDocument>(ItemFields).ToCursorAsync(cancellationToken);
        while (await cursor.MoveNextAsync(cancellationToken))
        {
            foreach (var document in cursor.Current)
            {
                using (document)
                {
                    if (documents.ReadItem<T>(document, query) is not { } item)
                        continue;
                    if (cutsPage && !query.Fits(ref left, item.Body, items.Count))
                        return items;
                    items.Add(item);
                }
            }
        }

        return items;
    }

    private async Task<long> CountAsync(RecordQuery query, BsonDocument filter, CancellationToken cancellationToken)
    {
        if (!QueryFilter.HasConditions(filter) && await counts.ReadAsync(query, withBuckets: false, cancellationToken) is { } visible)
            return visible.Total;
        try
        {
            return await collections.Of(query.Kind).CountDocumentsAsync(filter, new CountOptions { MaxTime = collections.Timeout }, cancellationToken);
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"counting '{query.Kind.Slug()}'");
        }
    }

    // In one answer where it fits into one: a second round trip (getMore) is not repeated by the driver when the primary changes.
    private FindOptions OptionsFor(int limit) => new() { MaxTime = collections.Timeout, BatchSize = limit == 0 ? WholeBatch : Math.Min(limit, WholeBatch) };

    private static string FieldOf(RecordSort sort) => sort switch
    {
        RecordSort.CreatedAt => Fields.Created,
        RecordSort.Name => Fields.Name,
        RecordSort.ClusterName => Fields.ClusterName,
        RecordSort.Size => Fields.Size,
        RecordSort.BackupName => Fields.BackupName,
        RecordSort.UpdatedAt => Fields.Updated,
        _ => throw new ArgumentOutOfRangeException(nameof(sort), sort, "not a sort field"),
    };
}
