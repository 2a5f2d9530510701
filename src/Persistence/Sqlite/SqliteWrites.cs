using Microsoft.Data.Sqlite;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// The writes themselves, inside the writer's transaction. What may be refused is looked up first: there is one writer,
/// so what it reads stays true until it has written.
/// </summary>
internal sealed class SqliteWrites(SqliteConnection connection) : IDisposable
{
    private const string Columns = "version, audience, name, owner, created, updated, status, type, cluster_name, cluster_uid, size, backup_name, due, sides";

    private readonly List<Statement> prepared = [];
    private readonly Dictionary<string, Statement> statements = [];

    public long Insert(RecordKey key, long after, IndexRow row, string message, byte[] body)
    {
        if (Sql("SELECT rid FROM records WHERE kind=$0 AND org=$1 AND uid=$2").Number((long)key.Kind, key.OrgId, key.Uid) is not null)
            throw new RecordExistsException(key);
        if ((Sql("SELECT version FROM tombstones WHERE kind=$0 AND org=$1 AND uid=$2").Number((long)key.Kind, key.OrgId, key.Uid) ?? 0) != after)
            throw new RecordConflictException(key, after);
        RefuseTakenName(key, row, ownRid: 0);

        // Versions go on after a tombstone, so that a writer from the record's former life still conflicts.
        var version = after + 1;
#if SEEDED_BUGS
        if (SeededBugs.Is("versions-begin-again"))
            version = 1;
#endif
        if (after > 0)
            Sql("DELETE FROM tombstones WHERE kind=$0 AND org=$1 AND uid=$2").Run((long)key.Kind, key.OrgId, key.Uid);
        var audience = Enter(key.Kind, key.OrgId, row);
        var rid = Sql($"INSERT INTO records(kind, org, uid, {Columns}) VALUES($0,$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16) RETURNING rid").Number(
            (long)key.Kind, key.OrgId, key.Uid, version, audience, row.Name, row.Owner, row.Created, row.Updated, row.Status, row.Type, row.ClusterName, row.ClusterUid, row.Size, row.BackupName, row.Due, row.Sides)!.Value;
        Sql("INSERT INTO bodies(rid, message, body) VALUES($0,$1,$2)").Run(rid, message, body);
        AddSides(rid, row);
        return version;
    }

    public void Update(RecordKey key, long version, IndexRow row, string message, byte[] body)
    {
#if SEEDED_BUGS
        if (SeededBugs.Is("update-inserts") && Sql("SELECT rid FROM records WHERE kind=$0 AND org=$1 AND uid=$2").Number((long)key.Kind, key.OrgId, key.Uid) is null)
        {
            Insert(key, 0, row, message, body);
            return;
        }
#endif
        var (rid, old, oldAudience) = Fenced(key, version);
        if (row.Name != old.Name || row.Owner != old.Owner)
            RefuseTakenName(key, row, rid);

        var audience = oldAudience;
        var sameMembers = Sql("SELECT 1 FROM audiences WHERE id=$0 AND members=$1").Number(oldAudience, row.Members) is not null;
        if (!sameMembers || row.Created != old.Created)
        {
            Leave(key, oldAudience, old.Created);
            audience = Enter(key.Kind, key.OrgId, row);
        }

        // Most updates are progress: naming only the columns that changed spares the other indexes.
        if (audience == oldAudience && row.HasSamePlaceAs(old))
        {
            Sql("UPDATE records SET version=version+1, updated=$1, status=$2, due=$3 WHERE rid=$0").Run(rid, row.Updated, row.Status, row.Due);
        }
        else
        {
            Sql("UPDATE records SET version=version+1, audience=$1, name=$2, owner=$3, created=$4, updated=$5, status=$6, type=$7, cluster_name=$8, cluster_uid=$9, size=$10, backup_name=$11, due=$12, sides=$13 WHERE rid=$0").Run(
                rid, audience, row.Name, row.Owner, row.Created, row.Updated, row.Status, row.Type, row.ClusterName, row.ClusterUid, row.Size, row.BackupName, row.Due, row.Sides);
        }

        Sql("UPDATE bodies SET message=$1, body=$2 WHERE rid=$0").Run(rid, message, body);
        if (!row.Sides.AsSpan().SequenceEqual(old.Sides))
        {
            RemoveSides(rid);
            AddSides(rid, row);
        }
    }

    public void Delete(RecordKey key, long version, long now)
    {
        var (rid, old, audience) = Fenced(key, version);
        Leave(key, audience, old.Created);
        RemoveSides(rid);
        Sql("DELETE FROM bodies WHERE rid=$0").Run(rid);
        Sql("DELETE FROM records WHERE rid=$0").Run(rid);
        Sql("INSERT INTO tombstones(kind, org, uid, version, deleted) VALUES($0,$1,$2,$3,$4)").Run((long)key.Kind, key.OrgId, key.Uid, version + 1, now);
    }

    /// <summary>Removes up to <paramref name="limit"/> tombstones older than <paramref name="before"/>, and audiences without records; how many tombstones.</summary>
    public int Sweep(long before, int limit)
    {
        Sql("DELETE FROM audience_members WHERE audience IN (SELECT id FROM audiences WHERE n=0)").Run();
        Sql("DELETE FROM created_counts WHERE audience IN (SELECT id FROM audiences WHERE n=0)").Run();
        Sql("DELETE FROM audiences WHERE n=0").Run();
        return Sql("DELETE FROM tombstones WHERE (kind, org, uid) IN (SELECT kind, org, uid FROM tombstones WHERE deleted<$0 ORDER BY deleted LIMIT $1)").Run(before, (long)limit);
    }

    public void Mark(string name, string value) =>
        Sql("INSERT INTO marks(name, value) VALUES($0,$1) ON CONFLICT(name) DO UPDATE SET value=excluded.value").Run(name, value);

    public void LimitPages(int pages)
    {
        using var limit = new Statement(connection, $"PRAGMA max_page_count={pages}");
        limit.Number();
    }

    public void Dispose() => prepared.ForEach(statement => statement.Dispose());

    private (long Rid, IndexRow Row, long Audience) Fenced(RecordKey key, long version)
    {
        using var reader = Sql($"SELECT rid, {Columns} FROM records WHERE kind=$0 AND org=$1 AND uid=$2").Read((long)key.Kind, key.OrgId, key.Uid);
#if SEEDED_BUGS
        if (!reader.Read() || (reader.GetInt64(1) != version && !SeededBugs.Is("fence-dropped")))
#else
        if (!reader.Read() || reader.GetInt64(1) != version)
#endif
            throw new RecordConflictException(key, version);
        return (reader.GetInt64(0), IndexRow.From(reader, firstColumn: 3), reader.GetInt64(2));
    }

    private void RefuseTakenName(RecordKey key, IndexRow row, long ownRid)
    {
        using var reader = Sql("SELECT uid FROM records WHERE kind=$0 AND org=$1 AND owner=$2 AND name=$3 AND rid<>$4").Read((long)key.Kind, key.OrgId, row.Owner, row.Name, ownRid);
        if (reader.Read())
            throw new NameTakenException(key, row.Name, key with { Uid = reader.GetString(0) });
    }

    private long Enter(ObjectKind kind, string org, IndexRow row)
    {
        var audience = Sql("UPDATE audiences SET n=n+1 WHERE kind=$0 AND org=$1 AND members=$2 RETURNING id").Number((long)kind, org, row.Members);
        if (audience is null)
        {
            audience = Sql("INSERT INTO audiences(kind, org, members, n) VALUES($0,$1,$2,1) RETURNING id").Number((long)kind, org, row.Members);
            foreach (var reader in row.Readers)
                Sql("INSERT INTO audience_members(kind, org, reader, audience) VALUES($0,$1,$2,$3)").Run((long)kind, org, reader, audience);
        }

        Sql("INSERT INTO created_counts(audience, bucket, n) VALUES($0,$1,1) ON CONFLICT DO UPDATE SET n=n+1").Run(audience, IndexRow.BucketOf(row.Created));
        Sql("INSERT INTO created_totals(kind, org, bucket, n) VALUES($0,$1,$2,1) ON CONFLICT DO UPDATE SET n=n+1").Run((long)kind, org, IndexRow.BucketOf(row.Created));
        return audience!.Value;
    }

    private void Leave(RecordKey key, long audience, long created)
    {
        Sql("UPDATE audiences SET n=n-1 WHERE id=$0").Run(audience);
        if (Sql("UPDATE created_counts SET n=n-1 WHERE audience=$0 AND bucket=$1 RETURNING n").Number(audience, IndexRow.BucketOf(created)) == 0)
            Sql("DELETE FROM created_counts WHERE audience=$0 AND bucket=$1").Run(audience, IndexRow.BucketOf(created));
        if (Sql("UPDATE created_totals SET n=n-1 WHERE kind=$0 AND org=$1 AND bucket=$2 RETURNING n").Number((long)key.Kind, key.OrgId, IndexRow.BucketOf(created)) == 0)
            Sql("DELETE FROM created_totals WHERE kind=$0 AND org=$1 AND bucket=$2").Run((long)key.Kind, key.OrgId, IndexRow.BucketOf(created));
    }

    private void AddSides(long rid, IndexRow row)
    {
        foreach (var (name, value) in row.Labels)
            Sql("INSERT INTO labels(rid, key, value) VALUES($0,$1,$2)").Run(rid, name, value);
        foreach (var uid in row.References)
            Sql("INSERT INTO refs(rid, uid) VALUES($0,$1)").Run(rid, uid);
    }

    private void RemoveSides(long rid)
    {
        Sql("DELETE FROM labels WHERE rid=$0").Run(rid);
        Sql("DELETE FROM refs WHERE rid=$0").Run(rid);
    }

    /// <summary>A statement of one of a few fixed texts; each is prepared once.</summary>
    public Statement Sql(string text)
    {
        if (statements.TryGetValue(text, out var statement))
            return statement;
        statement = new Statement(connection, text);
        prepared.Add(statement);
        return statements[text] = statement;
    }
}
