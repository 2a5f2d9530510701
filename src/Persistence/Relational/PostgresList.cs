using Google.Protobuf;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// Answers one list inside a snapshot: the exact total, and the page. <see cref="ListStrategy"/> says where to begin; which index
/// is walked is left to the server, which knows what is in memory.
/// </summary>
internal sealed class PostgresList(NpgsqlConnection connection, RecordQuery query, CancellationToken cancellationToken)
{
    private PostgresCondition condition = null!;
    private long[]? audiences;
    private long visible;
    private long all;

    /// <summary>How many match. Asked first.</summary>
    public async Task<long> CountAsync()
    {
        await LookAroundAsync();
        condition = new PostgresCondition(query, audiences);
        if (visible == 0 || !condition.HasFilters)
            return visible;
        await using var command = condition.Command(connection, $"SELECT count(*) FROM catalog WHERE {condition.Where}");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>The page, in order.</summary>
    public async Task<List<Stored<T>>> PageAsync<T>(long total, Func<RecordKey, NpgsqlDataReader, int, Stored<T>> parse)
        where T : class, IMessage<T>, new()
    {
        var page = new List<Stored<T>>();
        if (ListStrategy.WalkTo(query, total) is not { } walk)
            return page;
        var (offset, range) = (walk.Offset, "true");
        if (ListStrategy.BucketsPay(query, condition.HasFilters, offset) && ListStrategy.AreFew(audiences?.Length ?? 0))
        {
            var (bucket, within) = ListStrategy.Skip(await BucketsAsync(walk.Descending), offset);
            (offset, range) = (within, ListStrategy.From(bucket, walk.Descending));
        }

        var from = $"catalog WHERE {condition.Where} AND {range}";
        // OFFSET 0 keeps the server from walking the sort field's index past everything that the caller may not see, or did not ask for.
        if (IsFewer(total, walk.Offset + walk.Length))
            from = $"(SELECT * FROM {from} OFFSET 0) seen";
        var order = Order(walk.Descending);
        await using var command = condition.Command(connection, $"""
            SELECT r.uid, r.version, r.message, r.body FROM (SELECT rid, uid, {Column} FROM {from} ORDER BY {order} LIMIT {walk.Length} OFFSET {offset}) catalog
            JOIN records r USING (rid) ORDER BY {order.Replace("uid", "catalog.uid", StringComparison.Ordinal)}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var left = query.MaxBytes;
        while (await reader.ReadAsync(cancellationToken))
        {
            var item = parse(new RecordKey(query.Kind, query.OrgId, PostgresText.Read(reader.GetString(0))), reader, 1);
            if (!walk.Reversed && !query.Fits(ref left, item.Body, page.Count))
                break;
            page.Add(item);
        }

        if (walk.Reversed)
        {
            page.Reverse();
            query.Cut(page);
        }

        return page;
    }

    private bool IsFewer(long total, long needed) => condition.StartsWithTags
        ? ListStrategy.TagsPay(total, all, needed)
        : audiences is { Length: var length } && !(length == 1 && query.SortBy == RecordSort.CreatedAt) && ListStrategy.IsSparse(query.SortBy, visible, length, all, needed);

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

    private string Order(bool descending)
    {
        var direction = descending ? "DESC" : "ASC";
        // The index holds the beginning of a text; the order by the beginning first is the order by the text.
        var beginning = Column.EndsWith("name", StringComparison.Ordinal) ? $"left({Column}, {RecordTables.SortedBy}) {direction}, " : "";
        return $"{beginning}{Column} {direction}, uid {direction}";
    }

    /// <summary>What there is, and what of it the caller may see.</summary>
    private async Task LookAroundAsync()
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Counting("SELECT coalesce(sum(n), 0)::bigint FROM counts WHERE kind=$1 AND org=$2 AND audience=0"));
        if (query.Readers is { } readers)
        {
            var mine = Counting(
                """
                SELECT c.audience, sum(c.n)::bigint FROM counts c
                WHERE c.kind=$1 AND c.org=$2 AND c.bucket=-1 AND c.audience IN (SELECT audience FROM audience_members WHERE reader=ANY($3))
                GROUP BY c.audience HAVING sum(c.n)<>0
                """);
            mine.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. readers.Distinct(StringComparer.Ordinal).Select(reader => RecordTags.OfReader(query.Kind, query.OrgId, reader))] });
            batch.BatchCommands.Add(mine);
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        visible = all = reader.GetInt64(0);
        if (query.Readers is null)
            return;

        await reader.NextResultAsync(cancellationToken);
        var seen = new List<long>();
        visible = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            seen.Add(reader.GetInt64(0));
            visible += reader.GetInt64(1);
        }

        audiences = [.. seen];
    }

    private async Task<List<(long Bucket, long Records)>> BucketsAsync(bool descending)
    {
        await using var command = new NpgsqlCommand($"""
            SELECT bucket, sum(n)::bigint FROM counts WHERE kind=$1 AND org=$2 AND audience=ANY($3) AND bucket>=0
            GROUP BY bucket HAVING sum(n)<>0 ORDER BY bucket {(descending ? "DESC" : "ASC")}
            """, connection);
        command.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)query.Kind });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = PostgresText.Write(query.OrgId) });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = audiences ?? [0] });
        var buckets = new List<(long Bucket, long Records)>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            buckets.Add((reader.GetInt64(0), reader.GetInt64(1)));
        return buckets;
    }

    private NpgsqlBatchCommand Counting(string sql) => new(sql)
    {
        Parameters =
        {
            new NpgsqlParameter<short> { TypedValue = (short)query.Kind },
            new NpgsqlParameter<string> { TypedValue = PostgresText.Write(query.OrgId) },
        },
    };
}
