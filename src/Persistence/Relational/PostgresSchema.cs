using System.Globalization;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// The numbered steps that lead to the tables, each in a transaction of its own. Several processes may start at once: they take
/// turns by an advisory lock. A step that was released is never changed.
/// </summary>
internal static class PostgresSchema
{
    /// <summary>Longest wait for another process's migration (2 min): an index on a million records takes seconds.</summary>
    private const int LockWait = 120;

    /// <summary>What each step runs, and the oldest schema whose programs can go on working beside it (rolling upgrades).</summary>
    private static readonly (string Sql, int ReadableBy)[] Steps =
    [
        (RecordTables.Create, 1),
        (OrleansTables.Create, 1),
    ];

    /// <summary>The schema that this program writes.</summary>
    public static int Current => Steps.Length;

    /// <summary>Brings the schema to <see cref="Current"/>.</summary>
    /// <exception cref="RecordStoreException">It is of a newer program that this one cannot work beside, or not ours.</exception>
    public static void Migrate(NpgsqlConnection connection, string schema, string place)
    {
        while (!Step(connection, schema, place))
        {
            // One step more.
        }
    }

    /// <summary>Takes one step; true when there is none left.</summary>
    private static bool Step(NpgsqlConnection connection, string schema, string place)
    {
        using var transaction = connection.BeginTransaction();
        // Ends with the transaction, however that ends.
        Run(connection, transaction, $"SET LOCAL lock_timeout = '{LockWait}s'");
        using (var wait = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('pxbackup schema ' || $1, 0))", connection, transaction) { Parameters = { new() { Value = schema } }, CommandTimeout = LockWait + 10 })
            wait.ExecuteNonQuery();

        var (version, readableBy) = VersionOf(connection, transaction, schema, place);
        if (readableBy > Current)
            throw new RecordStoreException(string.Create(CultureInfo.InvariantCulture, $"{place}: schema '{schema}' is at step {version}, this program knows up to {Current}; run the newer program, or restore the database from before its upgrade"));
        if (version >= Current)
            return true;

        // Only where it is missing: one that an administrator has made needs no right on the whole database.
        if (version == 0 && !Exists(connection, transaction, schema))
            Run(connection, transaction, $"CREATE SCHEMA \"{schema}\"");
        Run(connection, transaction, Steps[version].Sql);
        using (var note = new NpgsqlCommand("INSERT INTO schema_steps(step, readable_by) VALUES($1, $2)", connection, transaction) { Parameters = { new() { Value = version + 1 }, new() { Value = Steps[version].ReadableBy } } })
            note.ExecuteNonQuery();
        transaction.Commit();
        return false;
    }

    private static (int Version, int ReadableBy) VersionOf(NpgsqlConnection connection, NpgsqlTransaction transaction, string schema, string place)
    {
        using (var look = new NpgsqlCommand("SELECT to_regclass(format('%I.schema_steps', $1)) IS NOT NULL, EXISTS(SELECT FROM pg_class WHERE relnamespace=to_regnamespace(quote_ident($1)))", connection, transaction) { Parameters = { new() { Value = schema } } })
        {
            using var found = look.ExecuteReader();
            found.Read();
            if (!found.GetBoolean(0))
            {
                return found.GetBoolean(1)
                    ? throw new RecordStoreException($"{place}: schema '{schema}' holds tables of another program; name another one in Postgres:Schema")
                    : (0, 0);
            }
        }

        using var ask = new NpgsqlCommand("SELECT coalesce(max(step), 0), coalesce(max(readable_by), 0) FROM schema_steps", connection, transaction);
        using var reader = ask.ExecuteReader();
        reader.Read();
        return (reader.GetInt32(0), reader.GetInt32(1));
    }

    private static bool Exists(NpgsqlConnection connection, NpgsqlTransaction transaction, string schema)
    {
        using var look = new NpgsqlCommand("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL", connection, transaction) { Parameters = { new() { Value = schema } } };
        return look.ExecuteScalar() is true;
    }

    private static void Run(NpgsqlConnection connection, NpgsqlTransaction transaction, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection, transaction) { CommandTimeout = 0 };
        command.ExecuteNonQuery();
    }
}
