using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// One installation's schema in one PostgreSQL database: its connections, whether the server may be used, and the tables, made
/// and migrated when it is opened.
/// </summary>
public sealed partial class PostgresDatabase : IDisposable, IAsyncDisposable
{
    private readonly ILogger logger;

    private PostgresDatabase(PostgresOptions options, NpgsqlConnectionStringBuilder connection, ILogger logger)
    {
        this.logger = logger;
        Schema = options.Schema;
        Place = $"PostgreSQL at {connection.Host}:{connection.Port.ToString(CultureInfo.InvariantCulture)}, database '{connection.Database}'";
        Records = SourceOf(options, connection, options.MaxPool);
        Orleans = SourceOf(options, connection, options.MaxOrleansPool);
    }

    /// <summary>The server and database, as they may be shown.</summary>
    public string Place { get; }

    /// <summary>The schema that holds everything.</summary>
    internal string Schema { get; }

    /// <summary>Connections for records.</summary>
    internal NpgsqlDataSource Records { get; }

    /// <summary>Connections for Orleans' own tables.</summary>
    internal NpgsqlDataSource Orleans { get; }

    /// <summary>Connects, checks the server, and makes or migrates the tables; several processes may do so at once.</summary>
    /// <exception cref="RecordStoreException">
    /// Unreachable, password refused, no such database, no rights, read-only, too old, written by a newer program: one line with the cure.
    /// </exception>
    public static PostgresDatabase Open(PostgresOptions options, ILogger<PostgresDatabase> logger)
    {
        var database = new PostgresDatabase(options, Parse(options), logger);
        try
        {
            using var connection = database.Records.OpenConnection();
            var facts = ServerFacts.Read(connection);
            facts.Check(database.Place);
            PostgresSchema.Migrate(connection, database.Schema, database.Place);
            if (facts.ForgetsWrites)
                LogForgetful(logger, database.Place);
            return database;
        }
        catch (Exception failure)
        {
            database.Dispose();
            if (PostgresFailures.IsOfDriver(failure))
                throw PostgresFailures.Explain(failure, database.Place, "the start");
            throw;
        }
    }

    /// <summary>Whether the server answers and may be written to now; for health checks.</summary>
    /// <exception cref="RecordStoreException">It does not, or may not.</exception>
    public async Task PingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await Records.OpenConnectionAsync(cancellationToken);
            await using var command = new NpgsqlCommand("SELECT pg_is_in_recovery()", connection);
            if (await command.ExecuteScalarAsync(cancellationToken) is true)
                throw new RecordStoreException($"{Place} has become a read-only standby; name the primary or all hosts in Postgres:ConnectionString");
        }
        catch (Exception failure) when (PostgresFailures.IsOfDriver(failure))
        {
            Forget(failure);
            throw PostgresFailures.Explain(failure, Place, "a ping");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Records.Dispose();
        Orleans.Dispose();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await Records.DisposeAsync();
        await Orleans.DisposeAsync();
    }

    /// <summary>After a lost connection the idle ones are closed too: one failed request tells, not one for each of them.</summary>
    internal void Forget(Exception failure)
    {
        if (!PostgresFailures.IsConnectionLost(failure))
            return;
        LogLost(logger, Place, failure.Message);
        Records.Clear();
    }

    private static NpgsqlConnectionStringBuilder Parse(PostgresOptions options)
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString);
            if (string.IsNullOrEmpty(connection.Host))
                throw new RecordStoreException("Postgres:ConnectionString names no Host; it looks like Host=db;Username=pxbackup;Password=…;Database=pxbackup");
            return connection;
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or InvalidCastException or KeyNotFoundException)
        {
            // Without the driver's words: they may quote the password.
            throw new RecordStoreException("Postgres:ConnectionString is not an ADO.NET connection string; it looks like Host=db;Username=pxbackup;Password=…;Database=pxbackup (values with ';' or quotes in single quotes)");
        }
    }

    private static NpgsqlDataSource SourceOf(PostgresOptions options, NpgsqlConnectionStringBuilder given, int pool)
    {
        var connection = new NpgsqlConnectionStringBuilder(given.ConnectionString)
        {
            ApplicationName = "pxbackup",
            SearchPath = options.Schema,
            MaxPoolSize = pool,
            MinPoolSize = 0,
            Timeout = (int)options.ConnectTimeout.TotalSeconds,
            CommandTimeout = (int)options.CommandTimeout.TotalSeconds,
            KeepAlive = (int)options.KeepAlive.TotalSeconds,
            // Every statement is a transaction of its own or ends the one it began: there is nothing to reset.
            NoResetOnClose = true,
            IncludeErrorDetail = false,
            PersistSecurityInfo = false,
        };
        // The server's words for people are English in the product's log too; its log is its own.
        var isCluster = connection.Host!.Contains(',', StringComparison.Ordinal);
        if (isCluster)
            connection.TargetSessionAttributes = "read-write";
        var builder = new NpgsqlDataSourceBuilder(connection.ConnectionString);
        builder.UsePhysicalConnectionInitializer(Prepare, PrepareAsync);
        return isCluster ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.ReadWrite) : builder.Build();
    }

    /// <summary>An accepted write is on the disk, whatever the server's default is; a stricter default (a standby's disk too) stays.</summary>
    private const string Durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";

    private static void Prepare(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(Durable, connection);
        command.ExecuteNonQuery();
    }

    private static async Task PrepareAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(Durable, connection);
        await command.ExecuteNonQueryAsync();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Place} runs with fsync or full_page_writes off: accepted backups may be lost with its power")]
    private static partial void LogForgetful(ILogger logger, string place);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection to {Place} was lost; the others are opened anew: {Reason}")]
    private static partial void LogLost(ILogger logger, string place, string reason);
}
