using Google.Protobuf;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Pages, totals and walks.</summary>
internal sealed class RecordLists(RecordCollections collections, RecordDocument documents)
{
    /// <summary>What a list's item is made of.</summary>
    private static readonly BsonDocument ItemFields = new(
        ((string[])[Fields.Org, Fields.Uid, Fields.Version, Fields.Schema, Fields.Message, Fields.Body]).ToDictionary(field => field, _ => (object)1));

    private static readonly BsonDocument KeyFields = new() { { Fields.Org, 1 }, { Fields.Uid, 1 } };

    /// <summary>One page and the total.</summary>
    public async Task<RecordPage<T>> PageAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (QueryFilter.Of(query) is not { } filter)
            return new RecordPage<T>([], 0);
        var items = await ItemsAsync<T>(query, filter, cancellationToken);
        var end = query.Offset + items.Count;
        // A page that holds the last match knows the total, and of the same moment.
        if ((query.Limit == 0 || items.Count < query.Limit) && (items.Count > 0 || query.Offset == 0))
            return new RecordPage<T>(items, end);
        var total = await CountAsync(query.Kind, filter, cancellationToken);
        return new RecordPage<T>(items, items.Count > 0 ? Math.Max(total, end) : total);
    }

    /// <summary>The total alone.</summary>
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return QueryFilter.Of(query) is { } filter ? CountAsync(query.Kind, filter, cancellationToken) : Task.FromResult(0L);
    }

    /// <summary>Keys of what a filter finds, in the order of a field.</summary>
    public async Task<IReadOnlyList<RecordKey>> KeysAsync(ObjectKind kind, BsonDocument filter, string order, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var found = await collections.Of(kind).Find(filter, new FindOptions { MaxTime = collections.Timeout })
                .Sort(new BsonDocument(order, 1)).Limit(limit).Project(KeyFields).ToListAsync(cancellationToken);
            return [.. found.Select(document => documents.KeyOf(document, kind))];
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"listing keys of '{kind.Slug()}'");
        }
    }

    private async Task<List<Stored<T>>> ItemsAsync<T>(RecordQuery query, BsonDocument filter, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var direction = query.Descending ? -1 : 1;
        var items = new List<Stored<T>>();
        try
        {
            using var cursor = await collections.Raw(query.Kind).Find(filter, new FindOptions { MaxTime = collections.Timeout })
                .Sort(new BsonDocument { { FieldOf(query.SortBy), direction }, { Fields.Uid, direction } })
                .Skip(Skipped(query.Offset)).Limit(query.Limit == 0 ? null : query.Limit)
                .Project<RawBsonDocument>(ItemFields).ToCursorAsync(cancellationToken);
            while (await cursor.MoveNextAsync(cancellationToken))
            {
                foreach (var document in cursor.Current)
                {
                    using (document)
                    {
                        if (documents.Read<T>(document, query.Kind) is { } item)
                            items.Add(item);
                    }
                }
            }

            return items;
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"listing '{query.Kind.Slug()}'");
        }
    }

    private async Task<long> CountAsync(ObjectKind kind, BsonDocument filter, CancellationToken cancellationToken)
    {
        try
        {
            return await collections.Of(kind).CountDocumentsAsync(filter, new CountOptions { MaxTime = collections.Timeout }, cancellationToken);
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"counting '{kind.Slug()}'");
        }
    }

    private static int Skipped(long offset) => (int)Math.Min(offset, int.MaxValue);

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
