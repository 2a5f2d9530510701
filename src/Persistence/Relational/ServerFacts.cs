using System.Globalization;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>What a server says about itself at the start.</summary>
internal sealed record ServerFacts
{
    /// <summary>PostgreSQL 14: the oldest release that its makers still mend (October 2026).</summary>
    private const int Oldest = 140_000;

    /// <summary>Such as 150018.</summary>
    public required int Version { get; init; }

    /// <summary>A standby, or transactions are read-only by default.</summary>
    public required bool IsReadOnly { get; init; }

    /// <summary>The database's encoding.</summary>
    public required string Encoding { get; init; }

    /// <summary>Whether a power cut may take accepted writes with it.</summary>
    public required bool ForgetsWrites { get; init; }

    public static ServerFacts Read(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(
            """
            SELECT current_setting('server_version_num')::int, pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,
                current_setting('server_encoding'), NOT (current_setting('fsync')::bool AND current_setting('full_page_writes')::bool)
            """, connection);
        using var reader = command.ExecuteReader();
        reader.Read();
        return new ServerFacts
        {
            Version = reader.GetInt32(0),
            IsReadOnly = reader.GetBoolean(1),
            Encoding = reader.GetString(2),
            ForgetsWrites = reader.GetBoolean(3),
        };
    }

    /// <summary>Refuses a server that cannot be used.</summary>
    /// <exception cref="RecordStoreException">Too old, read-only, another encoding; one line with the cure.</exception>
    public void Check(string place)
    {
        if (Version < Oldest)
            throw new RecordStoreException(string.Create(CultureInfo.InvariantCulture, $"{place} is version {Version / 10_000}, too old; upgrade it to {Oldest / 10_000} or later"));
        if (IsReadOnly)
            throw new RecordStoreException($"{place} is read-only (a standby, or default_transaction_read_only); name the primary in Postgres:ConnectionString, or all hosts");
        if (Encoding != "UTF8")
            throw new RecordStoreException($"{place} has the encoding {Encoding}, which cannot hold every name; make a database with encoding UTF8 (createdb -E UTF8 -T template0)");
    }
}
