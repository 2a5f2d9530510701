using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// How a page is found, decided from counters that the writer keeps and not from a database's guesses: pure, the same for
/// every relational store.
/// </summary>
internal static class ListStrategy
{
    /// <summary>Below this offset a plain walk is as fast as looking up the buckets.</summary>
    private const long BucketsPayFrom = 2_000;

    /// <summary>With more audiences than this, adding up their buckets costs more than the walk that it saves.</summary>
    private const long BucketsPayUpTo = 8;

    /// <summary>Sorting a record found by audience costs about as much as walking over this many index entries (measured: 15 to 30).</summary>
    private const long WalkedPerSorted = 20;

    /// <summary>Finding and sorting a record by a tag costs about as much as walking over this many entries whose tags are looked up one by one.</summary>
    private const long WalkedPerFound = 2;

    /// <summary>
    /// Where the walk to a page begins. From the nearer end, so that the last page costs what the first does; null when the page
    /// is empty.
    /// </summary>
    public static PageWalk? WalkTo(RecordQuery query, long total)
    {
        var length = Math.Min(query.Limit == 0 ? long.MaxValue : query.Limit, total - query.Offset);
        if (length <= 0)
            return null;
        var fromEnd = total - query.Offset - length;
        var reversed = fromEnd < query.Offset;
        return new PageWalk(query.Descending ^ reversed, reversed ? fromEnd : query.Offset, length, reversed);
    }

    /// <summary>Whether finding all that the caller may see and sorting it is cheaper than walking over <paramref name="needed"/> matches.</summary>
    /// <param name="sort">The sort field.</param>
    /// <param name="visible">Records that the caller may see.</param>
    /// <param name="audiences">In how many audiences they are.</param>
    /// <param name="all">Records of the kind and organization.</param>
    /// <param name="needed">Matches up to the end of the page.</param>
    public static bool IsSparse(RecordSort sort, long visible, long audiences, long all, long needed)
    {
        // The index by audience is in the order of creation already.
        if (audiences == 1 && visible > 0 && sort == RecordSort.CreatedAt)
            return true;
        var walked = Math.Min(all, (decimal)needed * all / Math.Max(1, visible));
        return visible * WalkedPerSorted < walked;
    }

    /// <summary>Whether finding all matches by their tags and sorting them is cheaper than walking over <paramref name="needed"/> matches and looking up the tags of each entry.</summary>
    /// <param name="total">All matches.</param>
    /// <param name="all">Records of the kind and organization.</param>
    /// <param name="needed">Matches up to the end of the page.</param>
    public static bool TagsPay(long total, long all, long needed) =>
        total * WalkedPerFound < Math.Min(all, (decimal)needed * all / Math.Max(1, total));

    /// <summary>Whether the buckets of creation times may shorten the walk; ask <see cref="AreFew"/> too.</summary>
    public static bool BucketsPay(RecordQuery query, bool hasFilters, long offset) =>
        query.SortBy == RecordSort.CreatedAt && !hasFilters && offset >= BucketsPayFrom;

    /// <summary>Whether the buckets of so many audiences are added up faster than the walk goes.</summary>
    public static bool AreFew(long audiences) => audiences <= BucketsPayUpTo;

    /// <summary>Finds the bucket in which the page begins, from the buckets in the order of the walk.</summary>
    /// <returns>The bucket, null for one after the last; and the offset within it.</returns>
    public static (long? Bucket, long Offset) Skip(IEnumerable<(long Bucket, long Records)> buckets, long offset)
    {
        foreach (var (bucket, records) in buckets)
        {
            if (records > offset)
                return (bucket, offset);
            offset -= records;
        }

        return (null, offset);
    }

    /// <summary>The condition on <c>created</c> that begins a walk in a bucket.</summary>
    public static string From(long? bucket, bool descending) => bucket switch
    {
        null => "true",
        { } known when descending => $"created<{IndexRow.StartOf(known + 1)}",
        { } known => $"created>={IndexRow.StartOf(known)}",
    };
}

/// <summary>A walk along the index of the sort field.</summary>
/// <param name="Descending">Its direction.</param>
/// <param name="Offset">Matches to leave out.</param>
/// <param name="Length">Matches to take.</param>
/// <param name="Reversed">Whether it goes against the list's order, so that what it finds must be turned round.</param>
internal sealed record PageWalk(bool Descending, long Offset, long Length, bool Reversed);
