using Microsoft.Data.Sqlite;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>The tables, and the numbered steps that lead to them. A step that was released is never changed.</summary>
internal static class SqliteSchema
{
    /// <summary>"pxbk": tells our files from others.</summary>
    private const int ApplicationId = 0x7078626b;

    private static readonly string[] Steps =
    [
        // 1. Only live records are in `records`, so that no index needs a condition and walks stay inside the index.
        //    Bodies rest apart: filters then read narrow rows. `audiences` are the distinct sets of readers, with how
        //    many records each has: what a caller sees is a union of disjoint sets, so totals are sums.
        //    `created_counts` counts by audience and 2^39 ticks (15 h) of creation, `created_totals` for all audiences
        //    together: offsets become key ranges.
        """
        CREATE TABLE records(
            rid INTEGER PRIMARY KEY,
            kind INTEGER NOT NULL, org TEXT NOT NULL, uid TEXT NOT NULL,
            version INTEGER NOT NULL, audience INTEGER NOT NULL,
            name TEXT NOT NULL, owner TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
            status TEXT NOT NULL, type TEXT NOT NULL, cluster_name TEXT NOT NULL, cluster_uid TEXT NOT NULL,
            size INTEGER NOT NULL, backup_name TEXT NOT NULL, due INTEGER, sides BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX by_key ON records(kind, org, uid);
        CREATE UNIQUE INDEX by_owned_name ON records(kind, org, owner, name);
        CREATE INDEX by_audience ON records(audience, created, uid);
        CREATE INDEX by_created ON records(kind, org, created, uid, audience, status, type, owner);
        CREATE INDEX by_updated ON records(kind, org, updated, uid, audience);
        CREATE INDEX by_name ON records(kind, org, name, uid, audience);
        CREATE INDEX by_cluster_name ON records(kind, org, cluster_name, uid, audience);
        CREATE INDEX by_size ON records(kind, org, size, uid, audience);
        CREATE INDEX by_backup_name ON records(kind, org, backup_name, uid, audience);
        CREATE INDEX by_due ON records(kind, due, org, uid) WHERE due IS NOT NULL;
        CREATE TABLE bodies(rid INTEGER PRIMARY KEY, message TEXT NOT NULL, body BLOB NOT NULL) STRICT;
        CREATE TABLE labels(rid INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(rid, key)) STRICT, WITHOUT ROWID;
        CREATE INDEX by_label ON labels(key, value, rid);
        CREATE TABLE refs(rid INTEGER NOT NULL, uid TEXT NOT NULL, PRIMARY KEY(rid, uid)) STRICT, WITHOUT ROWID;
        CREATE INDEX by_ref ON refs(uid, rid);
        CREATE TABLE audiences(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, org TEXT NOT NULL, members TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
        CREATE UNIQUE INDEX by_members ON audiences(kind, org, members);
        CREATE TABLE audience_members(kind INTEGER NOT NULL, org TEXT NOT NULL, reader TEXT NOT NULL, audience INTEGER NOT NULL, PRIMARY KEY(kind, org, reader, audience)) STRICT, WITHOUT ROWID;
        CREATE TABLE created_counts(audience INTEGER NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(audience, bucket)) STRICT, WITHOUT ROWID;
        CREATE TABLE created_totals(kind INTEGER NOT NULL, org TEXT NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(kind, org, bucket)) STRICT, WITHOUT ROWID;
        CREATE TABLE tombstones(kind INTEGER NOT NULL, org TEXT NOT NULL, uid TEXT NOT NULL, version INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY(kind, org, uid)) STRICT, WITHOUT ROWID;
        CREATE INDEX by_deleted ON tombstones(deleted);
        CREATE TABLE marks(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """,

        // 2. Orleans' own tables. Times are text, so that people can read them; only `hash` is compared by the database.
        """
        CREATE TABLE clusters(id TEXT PRIMARY KEY, version INTEGER NOT NULL, etag TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE silos(
            cluster TEXT NOT NULL, address TEXT NOT NULL, etag TEXT NOT NULL, status TEXT NOT NULL,
            silo_name TEXT, host_name TEXT, role_name TEXT, proxy_port INTEGER NOT NULL, update_zone INTEGER NOT NULL, fault_zone INTEGER NOT NULL,
            started_at TEXT NOT NULL, alive_at TEXT NOT NULL, suspected_by TEXT NOT NULL, PRIMARY KEY(cluster, address)) STRICT, WITHOUT ROWID;
        CREATE TABLE reminders(
            service TEXT NOT NULL, grain TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL,
            start_at TEXT NOT NULL, period TEXT NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY(service, grain, name)) STRICT, WITHOUT ROWID;
        CREATE INDEX by_hash ON reminders(service, hash);
        CREATE TABLE grain_states(
            service TEXT NOT NULL, state_name TEXT NOT NULL, grain TEXT NOT NULL, etag TEXT NOT NULL, saved_at TEXT NOT NULL, state TEXT NOT NULL,
            PRIMARY KEY(service, state_name, grain)) STRICT;
        """,
    ];

    /// <summary>The schema that this program writes.</summary>
    public static int Current => Steps.Length;

    /// <summary>Brings the file to <see cref="Current"/>, each step in a transaction of its own.</summary>
    /// <exception cref="RecordStoreException">The file is of a newer program, or not ours.</exception>
    public static void Migrate(SqliteConnection connection, string database)
    {
        var version = (int)Pragma(connection, "user_version");
        var application = Pragma(connection, "application_id");
        if (application != ApplicationId && (application != 0 || version != 0 || HasTables(connection)))
            throw new RecordStoreException($"'{database}' is a database of another program; name another data directory");
        if (version > Current)
            throw new RecordStoreException($"'{database}' has schema {version}, this program knows up to {Current}; run the newer program, or restore the data directory from before its upgrade");

        for (; version < Current; version++)
        {
            using var transaction = connection.BeginTransaction();
            Run(connection, transaction, Steps[version]);
            Run(connection, transaction, $"PRAGMA application_id={ApplicationId}; PRAGMA user_version={version + 1};");
            transaction.Commit();
        }
    }

    private static bool HasTables(SqliteConnection connection)
    {
        using var count = new Statement(connection, "SELECT count(*) FROM sqlite_schema");
        return count.Number() > 0;
    }

    private static long Pragma(SqliteConnection connection, string name)
    {
        using var pragma = new Statement(connection, $"PRAGMA {name}");
        return pragma.Number() ?? 0;
    }

    private static void Run(SqliteConnection connection, SqliteTransaction transaction, string sql)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
