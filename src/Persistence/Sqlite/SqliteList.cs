using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// Answers one list inside a snapshot: the exact total, and the rids of the page. The way there is chosen from counts
/// that the writer keeps, not from SQLite's guesses, so it is the same on every machine:
/// <list type="bullet">
/// <item>labels, references or a name: start from their index, sort what is found;</item>
/// <item>the caller sees few of the records: start from the audiences, sort what is found;</item>
/// <item>else walk the index of the sort field, which holds all that visibility needs, from the nearer end;
/// by creation the walk begins at the page's bucket.</item>
/// </list>
/// </summary>
internal sealed class SqliteList(SqliteReading reading, RecordQuery query)
{
    private readonly SqliteCondition condition = new(query);

    /// <summary>How many match.</summary>
    public long Count()
    {
        if (query.Readers is { Count: 0 })
            return 0;
        if (!condition.HasFilters)
            return Visible().Records;
        return Number($"SELECT count(*) FROM {FromForCount()} AND {Seen}");
    }

    /// <summary>The rids of the page, in order.</summary>
    public List<long> Page(long total)
    {
        if (ListStrategy.WalkTo(query, total) is not { } walk)
            return [];
        var page = Walk(walk.Descending, walk.Offset, walk.Length);
        if (walk.Reversed)
            page.Reverse();
        return page;
    }

    private string Column => query.SortBy switch
    {
        RecordSort.CreatedAt => "created",
        RecordSort.Name => "name",
        RecordSort.ClusterName => "cluster_name",
        RecordSort.Size => "size",
        RecordSort.BackupName => "backup_name",
        RecordSort.UpdatedAt => "updated",
        _ => throw new ArgumentOutOfRangeException(nameof(query), query.SortBy, "not a sort field"),
    };

    /// <summary>The condition that the caller may see it.</summary>
    private string Seen => condition.AudienceScope is null ? "true" : $"audience IN ({condition.Audiences})";

    private List<long> Walk(bool descending, long offset, long length)
    {
        var direction = descending ? "DESC" : "ASC";
        var order = $"ORDER BY {Column} {direction}, uid {direction}";
        var (from, range) = ($"records INDEXED BY by_{Column} WHERE {condition.Text}", "true");
        if (StartsElsewhere() is { } elsewhere)
            from = elsewhere;
        else if (IsSparse(offset + length))
            from = $"records INDEXED BY by_audience WHERE {condition.Text}";
        if (ListStrategy.BucketsPay(query, condition.HasFilters, offset) && (condition.AudienceScope is null || ListStrategy.AreFew(Visible().Audiences)))
            range = Skip(descending, ref offset);

        var sql = $"SELECT rid FROM {from} AND {Seen} AND {range} {order} LIMIT {length} OFFSET {offset}";
        var rids = new List<long>((int)Math.Min(length, 1024));
        using var statement = new Statement(reading.Connection, sql);
        using var reader = statement.Read([.. condition.Values]);
        while (reader.Read())
            rids.Add(reader.GetInt64(0));
        return rids;
    }

    /// <summary>Where to begin when labels, references or the name say it.</summary>
    private string? StartsElsewhere()
    {
        if (condition.Start is { } start)
            return $"records NOT INDEXED WHERE rid IN ({start}) AND {condition.Text}";
        return string.IsNullOrEmpty(query.Name) ? null : $"records INDEXED BY by_name WHERE {condition.Text}";
    }

    private string FromForCount() =>
        StartsElsewhere() ?? (IsSparse(long.MaxValue) ? $"records INDEXED BY by_audience WHERE {condition.Text}" : $"records INDEXED BY by_created WHERE {condition.Text}");

    /// <summary>Whether finding all that the caller may see and sorting it is cheaper than walking to the page.</summary>
    private bool IsSparse(long needed)
    {
        if (condition.AudienceScope is null)
            return false;
        var visible = Visible();
        var all = Number("SELECT coalesce(sum(n), 0) FROM audiences WHERE kind=$0 AND org=$1");
        return ListStrategy.IsSparse(query.SortBy, visible.Records, visible.Audiences, all, needed);
    }

    /// <summary>Finds the bucket of creation times in which the page begins; leaves the offset inside it.</summary>
    private string Skip(bool descending, ref long offset)
    {
        var counts = condition.AudienceScope is null
            ? "SELECT bucket, n FROM created_totals WHERE kind=$0 AND org=$1"
            : $"SELECT bucket, sum(n) FROM created_counts WHERE audience IN ({condition.Audiences}) GROUP BY bucket";
        using var statement = new Statement(reading.Connection, $"{counts} ORDER BY bucket {(descending ? "DESC" : "ASC")}");
        using var reader = statement.Read([.. condition.Values.Take(condition.ScopeValues)]);
        var (bucket, within) = ListStrategy.Skip(Buckets(), offset);
        offset = within;
        return ListStrategy.From(bucket, descending);

        IEnumerable<(long Bucket, long Records)> Buckets()
        {
            while (reader.Read())
                yield return (reader.GetInt64(0), reader.GetInt64(1));
        }
    }

    private (long Records, long Audiences) Visible()
    {
        using var statement = new Statement(reading.Connection, $"SELECT coalesce(sum(n), 0), count(*) FROM audiences WHERE id IN ({condition.Audiences}) AND n>0");
        using var reader = statement.Read([.. condition.Values.Take(condition.ScopeValues)]);
        reader.Read();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    private long Number(string sql)
    {
        using var statement = new Statement(reading.Connection, sql);
        return statement.Number([.. condition.Values])!.Value;
    }
}
