using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Records;
using Level = PxBackup.Api.Ownership.Types.AccessType;

namespace PxBackup.Grains.Catalog;

/// <summary>One page of objects.</summary>
/// <param name="Objects">The page, in order.</param>
/// <param name="TotalCount">All matches that the caller may see.</param>
/// <param name="IsComplete">No match comes after this page.</param>
internal sealed record CatalogPage<T>(IReadOnlyList<T> Objects, ulong TotalCount, bool IsComplete);

/// <summary>Runs queries against the record store.</summary>
internal sealed class CatalogReader(IRecordStore store)
{
    /// <summary>Records looked at together where a filter needs the object itself: a hundred backups of a few hundred kilobytes each.</summary>
    public const int ScanPage = 100;

    /// <summary>
    /// What one answer of a catalog holds at most, however much was asked for: the gateway asks again for the rest. 500 objects of 2 KiB
    /// are 1 MiB, and a store's one snapshot then takes some 20 ms.
    /// </summary>
    public const int MostObjects = 500;

    /// <summary>Stored bytes of one answer at most; one object is answered whatever its size. 2 MiB: with the silo's other copies below 10 MiB for each list at work.</summary>
    public const int MostBytes = 2 * 1024 * 1024;

    // Names are unique for each owner, so only many owners make a name stand for many objects.
    private const int MostOfOneName = 1000;

    /// <summary>Finds the one visible object with this name.</summary>
    public async Task<ResolvedObject> ResolveAsync<T>(ObjectKind kind, string orgId, string name, Func<T, Metadata> metadataOf, Caller caller, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        if (name.Length == 0)
            throw DomainException.InvalidField($"{kind.Slug()}.name", "is required unless the uid is given");
        var page = await store.QueryAsync<T>(ListOptions.Visible(kind, orgId, caller) with { Name = name, Limit = 1 }, cancellationToken).OrUnavailableAsync();
        return page.TotalCount switch
        {
            0 => throw DomainException.NotFound(kind, name),
            1 => Resolved(page.Items[0].Key, metadataOf(page.Items[0].Body)),
            _ => throw new DomainException(ErrorReason.AmbiguousName,
                $"failed to retrieve {kind.Title()} [{name}]: more than one object found with same name, please use the object UID along with name"),
        };
    }

    /// <summary>One page, or as much of it as one answer holds; where <paramref name="filter"/> must look at each object, all matches of the query are read.</summary>
    /// <param name="query">Null when nothing can match.</param>
    /// <param name="objectOf">The object in a record.</param>
    /// <param name="filter">What the index cannot answer; null when it answers all.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<CatalogPage<TObject>> ListAsync<TRecord, TObject>(RecordQuery? query, Func<TRecord, TObject> objectOf, Func<TObject, bool>? filter, CancellationToken cancellationToken)
        where TRecord : class, IMessage<TRecord>, new()
        where TObject : IMessage
    {
        if (query is null)
            return new([], 0, true);
        if (filter is not null)
            return await ScanAsync(query, objectOf, filter, cancellationToken);
        query = Bounded(query);
        var page = await store.QueryAsync<TRecord>(query, cancellationToken).OrUnavailableAsync();
        return PageOf(query, [.. page.Items.Select(item => objectOf(item.Body))], page.TotalCount);
    }

    /// <summary>The uids that references stand for: a uid as it is, a name by all visible objects that have it; null when none is given.</summary>
    public async Task<IReadOnlyCollection<string>?> UidsAsync<T>(RecordQuery visible, IEnumerable<ObjectRef?> references, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var given = references.OfType<ObjectRef>().Where(IsGiven).ToList();
        if (given.Count == 0)
            return null;
        var uids = new HashSet<string>(given.Select(reference => reference.Uid).Where(uid => uid.Length > 0));
        foreach (var reference in given.Where(reference => reference.Uid.Length == 0))
        {
            var page = await store.QueryAsync<T>(visible with { Name = reference.Name, Limit = MostOfOneName }, cancellationToken).OrUnavailableAsync();
            if (page.TotalCount > MostOfOneName)
                throw new DomainException(ErrorReason.AmbiguousName, $"{visible.Kind.Title()} [{reference.Name}]: {page.TotalCount} objects have this name; use the uid");
            uids.UnionWith(page.Items.Select(item => item.Key.Uid));
        }

        return uids;
    }

    /// <summary>The uids in references to kinds without records, whose names stand for nothing; null when no reference is given.</summary>
    public static IReadOnlyCollection<string>? GivenUids(IEnumerable<ObjectRef> references)
    {
        var given = references.Where(IsGiven).ToList();
        return given.Count == 0 ? null : [.. given.Select(reference => reference.Uid).Where(uid => uid.Length > 0).Distinct()];
    }

    private static bool IsGiven(ObjectRef reference) => reference.Uid.Length + reference.Name.Length > 0;

    private static ResolvedObject Resolved(RecordKey key, Metadata metadata) =>
        new() { Key = key.ToObjectKey(), Name = metadata.Name, Owner = AccessRules.OwnerOf(metadata) };

    private async Task<CatalogPage<TObject>> ScanAsync<TRecord, TObject>(RecordQuery query, Func<TRecord, TObject> objectOf, Func<TObject, bool> filter, CancellationToken cancellationToken)
        where TRecord : class, IMessage<TRecord>, new()
        where TObject : IMessage
    {
        query = Bounded(query);
        var (shown, matches, bytes, isFull) = (new List<TObject>(), 0L, 0L, false);
        for (var offset = 0L; ;)
        {
            var page = await store.QueryAsync<TRecord>(query with { Offset = offset, Limit = ScanPage }, cancellationToken).OrUnavailableAsync();
            foreach (var item in page.Items.Select(item => objectOf(item.Body)).Where(filter))
            {
                if (matches++ < query.Offset || isFull)
                    continue;
                bytes += item.CalculateSize();
                isFull = shown.Count == query.Limit || (shown.Count > 0 && bytes > query.MaxBytes);
                if (!isFull)
                    shown.Add(item);
            }

            offset += page.Items.Count;
            if (page.Items.Count == 0 || offset >= page.TotalCount)
                return PageOf(query, shown, matches);
        }
    }

    private static RecordQuery Bounded(RecordQuery query) =>
        query with { Limit = query.Limit == 0 ? MostObjects : Math.Min(query.Limit, MostObjects), MaxBytes = MostBytes };

    private static CatalogPage<T> PageOf<T>(RecordQuery query, List<T> objects, long total) =>
        new(objects, (ulong)total, ListOptions.IsComplete(query, objects.Count, total));
}
