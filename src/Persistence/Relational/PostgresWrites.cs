using Npgsql;
using NpgsqlTypes;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// The writes, each one statement and so one transaction and one round trip: its locks are held for a flush of the disk and no
/// longer. It first locks its own record, then only adds rows, so writers of different records never wait for each other (except
/// two that claim one name).
/// </summary>
internal static class PostgresWrites
{
    /// <summary>
    /// An insert over a tombstone waits for whoever writes the row and goes on only from the version that the writer knows
    /// (<c>$22</c>, 0 for none: then any row is in the way). Answers: whether the audience is there, and the version (null when nothing was written).
    /// </summary>
    private const string InsertSql =
        """
        WITH a AS (SELECT id FROM audiences WHERE digest=$4 FOR KEY SHARE),
        r AS (INSERT INTO records AS r (kind, org, uid, version, message, body, readable)
            SELECT $1, $2, $3, $22+1, $5, $6, $7 FROM a
            WHERE $22=0 OR EXISTS(SELECT FROM records WHERE kind=$1 AND org=$2 AND uid=$3 AND version=$22 AND deleted IS NOT NULL)
            ON CONFLICT (kind, org, uid) DO UPDATE SET version=r.version+1, deleted=NULL, message=excluded.message, body=excluded.body, readable=excluded.readable
            WHERE r.version=$22 AND r.deleted IS NOT NULL RETURNING rid, version),
        c AS (INSERT INTO catalog(rid, kind, org, uid, audience, name_key, name, owner, created, updated, status, type, cluster_name, cluster_uid, size, backup_name, due)
            SELECT r.rid, $1, $2, $3, a.id, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19 FROM r, a),
        t AS (INSERT INTO tags(rid, tags) SELECT rid, $20 FROM r WHERE cardinality($20)>0),
        n AS (INSERT INTO counts(kind, org, audience, bucket, n, is_step)
            SELECT $1, $2, v.audience, v.bucket, 1, true FROM r, a, LATERAL (VALUES (0::bigint, $21), (a.id, -1::bigint), (a.id, $21)) v(audience, bucket))
        SELECT EXISTS(SELECT FROM a), (SELECT version FROM r)
        """;

    /// <summary>Answers: whether the audience is there, and whether the fence let the write through.</summary>
    private const string UpdateSql =
        """
        WITH a AS (SELECT id FROM audiences WHERE digest=$4 FOR KEY SHARE),
        r AS (UPDATE records SET version=version+1, message=$5, body=$6, readable=$7 FROM a
            WHERE kind=$1 AND org=$2 AND uid=$3 AND version=$22 AND deleted IS NULL RETURNING rid),
        o AS (SELECT c.audience, c.created>>39 AS bucket FROM catalog c JOIN r USING (rid)),
        c AS (UPDATE catalog c SET audience=a.id, name_key=$8, name=$9, owner=$10, created=$11, updated=$12, status=$13, type=$14,
                cluster_name=$15, cluster_uid=$16, size=$17, backup_name=$18, due=$19 FROM r, a WHERE c.rid=r.rid),
        t AS (INSERT INTO tags AS t (rid, tags) SELECT rid, $20 FROM r
            ON CONFLICT (rid) DO UPDATE SET tags=excluded.tags WHERE t.tags<>excluded.tags),
        n AS (INSERT INTO counts(kind, org, audience, bucket, n, is_step)
            SELECT $1, $2, v.audience, v.bucket, v.n, true FROM o, a, LATERAL (VALUES
                (0::bigint, o.bucket, -1), (o.audience, -1::bigint, -1), (o.audience, o.bucket, -1), (0, $21, 1), (a.id, -1, 1), (a.id, $21, 1)) v(audience, bucket, n)
            WHERE o.audience<>a.id OR o.bucket<>$21)
        SELECT EXISTS(SELECT FROM a), EXISTS(SELECT FROM r)
        """;

    private const string DeleteSql =
        """
        WITH r AS (UPDATE records SET version=version+1, deleted=$5, message='', body='', readable=NULL
            WHERE kind=$1 AND org=$2 AND uid=$3 AND version=$4 AND deleted IS NULL RETURNING rid),
        c AS (DELETE FROM catalog c USING r WHERE c.rid=r.rid RETURNING c.audience, c.created>>39 AS bucket),
        t AS (DELETE FROM tags t USING r WHERE t.rid=r.rid),
        n AS (INSERT INTO counts(kind, org, audience, bucket, n, is_step)
            SELECT $1, $2, v.audience, v.bucket, -1, true FROM c, LATERAL (VALUES (0::bigint, c.bucket), (c.audience, -1::bigint), (c.audience, c.bucket)) v(audience, bucket))
        SELECT EXISTS(SELECT FROM r)
        """;

    private const string IsLiveSql = "SELECT EXISTS(SELECT FROM records WHERE kind=$1 AND org=$2 AND uid=$3 AND deleted IS NULL)";

    private const string AudienceSql =
        """
        WITH a AS (INSERT INTO audiences(digest, readers) VALUES($1, $2) ON CONFLICT DO NOTHING RETURNING id)
        INSERT INTO audience_members(reader, audience) SELECT reader, id FROM a, unnest($3) reader
        """;

    /// <summary>Inserts. Null when the audience is missing (<see cref="EnterAudienceAsync"/>); nothing was written then.</summary>
    /// <exception cref="RecordExistsException">There is a live record.</exception>
    /// <exception cref="RecordConflictException">The tombstone is not the one that the writer knows.</exception>
    public static async Task<long?> InsertAsync(NpgsqlConnection connection, PreparedRecord record, long after)
    {
        await using var command = new NpgsqlCommand(InsertSql, connection);
        record.Bind(command.Parameters);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        var (hasAudience, version) = await AnswerAsync(command, reader => reader.IsDBNull(1) ? (long?)null : reader.GetInt64(1));
        if (!hasAudience)
            return null;
        if (version is not null)
            return version;
        // What was in the way: asked afterwards, because the statement's own snapshot may be older than it.
        await using var look = new NpgsqlCommand(IsLiveSql, connection);
        PreparedRecord.Bind(look.Parameters, record.Key);
        throw await look.ExecuteScalarAsync() is true ? new RecordExistsException(record.Key) : new RecordConflictException(record.Key, after);
    }

    /// <summary>Updates; false when the audience is missing, nothing was written then.</summary>
    /// <exception cref="RecordConflictException">The fence held.</exception>
    public static async Task<bool> UpdateAsync(NpgsqlConnection connection, PreparedRecord record, long version)
    {
        await using var command = new NpgsqlCommand(UpdateSql, connection);
        record.Bind(command.Parameters);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = version });
        var (hasAudience, passed) = await AnswerAsync(command, reader => reader.GetBoolean(1));
        if (hasAudience && !passed)
            throw new RecordConflictException(record.Key, version);
        return hasAudience;
    }

    /// <summary>Deletes.</summary>
    /// <exception cref="RecordConflictException">The fence held.</exception>
    public static async Task DeleteAsync(NpgsqlConnection connection, RecordKey key, long version, DateTimeOffset now)
    {
        await using var command = new NpgsqlCommand(DeleteSql, connection);
        PreparedRecord.Bind(command.Parameters, key);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = version });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime });
        await command.PrepareAsync();
        if (await command.ExecuteScalarAsync() is not true)
            throw new RecordConflictException(key, version);
    }

    /// <summary>Makes a set of readers, unless another writer is faster.</summary>
    public static async Task EnterAudienceAsync(NpgsqlConnection connection, PreparedRecord record)
    {
        await using var command = new NpgsqlCommand(AudienceSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = record.Audience });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = PostgresText.Show(record.Row.Members) });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. record.Row.Readers.Select(reader => RecordTags.OfReader(record.Key.Kind, record.Key.OrgId, reader))] });
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<(bool HasAudience, T Answer)> AnswerAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read)
    {
        // Prepared once for each connection; the driver knows the text again.
        await command.PrepareAsync();
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        var answer = (reader.GetBoolean(0), read(reader));
        // The statement's outcome is told at its end: a failed commit must not pass for an answer.
        await reader.NextResultAsync();
        return answer;
    }
}

/// <summary>A record as the statements take it, made on the caller's thread and at once: the caller may change its message afterwards.</summary>
internal sealed record PreparedRecord
{
    public required RecordKey Key { get; init; }

    public required IndexRow Row { get; init; }

    public required string Message { get; init; }

    public required byte[] Body { get; init; }

    public required byte[]? Readable { get; init; }

    public required Guid Audience { get; init; }

    public required Guid NameKey { get; init; }

    public required Guid[] Tags { get; init; }

    /// <summary><c>$1</c> to <c>$3</c>.</summary>
    public static void Bind(NpgsqlParameterCollection parameters, RecordKey key)
    {
        parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)key.Kind });
        parameters.Add(new NpgsqlParameter<string> { TypedValue = PostgresText.Write(key.OrgId) });
        parameters.Add(new NpgsqlParameter<string> { TypedValue = PostgresText.Write(key.Uid) });
    }

    /// <summary><c>$1</c> to <c>$21</c>.</summary>
    public void Bind(NpgsqlParameterCollection parameters)
    {
        Bind(parameters, Key);
        parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Audience });
        parameters.Add(new NpgsqlParameter<string> { TypedValue = Message });
        parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Body });
        parameters.Add(new NpgsqlParameter { Value = (object?)Readable ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Jsonb });
        parameters.Add(new NpgsqlParameter<Guid> { TypedValue = NameKey });
        Text(Row.Name);
        Text(Row.Owner);
        Number(Row.Created);
        Number(Row.Updated);
        Text(Row.Status);
        Text(Row.Type);
        Text(Row.ClusterName);
        Text(Row.ClusterUid);
        Number(Row.Size);
        Text(Row.BackupName);
        parameters.Add(new NpgsqlParameter { Value = (object?)Row.Due ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint });
        parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = Tags });
        Number(IndexRow.BucketOf(Row.Created));

        void Text(string value) => parameters.Add(new NpgsqlParameter<string> { TypedValue = PostgresText.Write(value) });
        void Number(long value) => parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
    }
}
