using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;
using PxBackup.DocumentGateway.Commands;

namespace PxBackup.DocumentGateway.Postgres;

/// <summary>Calls DocumentDB's functions: BSON goes there and comes back as bytea. One row is one answer.</summary>
internal sealed class DocumentStore : IAsyncDisposable
{
    /// <summary>How often a write that lost against a concurrent one (deadlock, serialization) is tried: MongoDB does this too, outside of transactions.</summary>
    private const int Tries = 20;

    /// <summary>How long an answer about the server's health holds: heartbeats of many clients ask once.</summary>
    private static readonly TimeSpan HealthHolds = TimeSpan.FromMilliseconds(250);

    private readonly NpgsqlDataSource source;
    private readonly TimeProvider time;
    private long healthyAt;

    public DocumentStore(string connection, TimeProvider time)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(connection);
        builder.ConnectionStringBuilder.MaxPoolSize = 100;        // documentdb.sh allows 300: for a few gateways and DocumentDB's own workers
        builder.ConnectionStringBuilder.Timeout = 10;             // seconds
        builder.ConnectionStringBuilder.CommandTimeout = 0;       // MongoDB has none unless maxTimeMS says so
        builder.ConnectionStringBuilder.MaxAutoPrepare = 40;
        builder.ConnectionStringBuilder.AutoPrepareMinUsages = 2;
        builder.ConnectionStringBuilder.NoResetOnClose = true;    // nothing here changes a connection's settings
        (source, this.time) = (builder.Build(), time);
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    /// <summary>Opens a connection for a transaction.</summary>
    /// <exception cref="ServerGoneException">The database does not answer.</exception>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception failure) when (IsGone(failure))
        {
            throw Gone(failure);
        }
    }

    /// <summary>Fails when the database does not answer.</summary>
    /// <exception cref="ServerGoneException">It does not.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        if (time.GetElapsedTime(Volatile.Read(ref healthyAt), asked) < HealthHolds && healthyAt != 0) return;
        await CallAsync(null, null, "SELECT 1", cancellationToken);
        Volatile.Write(ref healthyAt, asked);
    }

    /// <summary>Calls one function and gives its only row.</summary>
    /// <param name="transaction">Where the call belongs; nothing for a connection of the pool.</param>
    /// <param name="limit">After how many milliseconds the call is given up; nothing for never.</param>
    /// <param name="sql">A statement with a row as result, with $1 to $n.</param>
    /// <param name="cancellationToken">Ends the call when the gateway ends.</param>
    /// <param name="arguments">Texts, numbers, bytes, or null for absent bytes.</param>
    /// <exception cref="CommandException">The database refuses.</exception>
    /// <exception cref="ServerGoneException">The database does not answer; whether it has done it is unknown.</exception>
    public async Task<object?[]> CallAsync(NpgsqlConnection? transaction, long? limit, string sql, CancellationToken cancellationToken, params object?[] arguments)
    {
        for (var tried = 1; ; tried++)
        {
            using var timer = limit is null ? null : new CancellationTokenSource(TimeSpan.FromMilliseconds(limit.Value), time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer?.Token ?? CancellationToken.None);
            try
            {
                if (transaction is not null) return await RowAsync(transaction, sql, arguments, either.Token);
                await using var connection = await source.OpenConnectionAsync(either.Token);
                return await RowAsync(connection, sql, arguments, either.Token);
            }
            catch (PostgresException refused) when (refused.SqlState is "40001" or "40P01" && transaction is null && tried < Tries)
            {
                // The other one was faster. Nothing of this call has happened: it is its own transaction.
            }
            catch (Exception failure) when (IsGone(failure))
            {
                throw Gone(failure);
            }
            catch (PostgresException refused)
            {
                throw Refused(refused, transaction is not null);
            }
            catch (OperationCanceledException) when (timer?.IsCancellationRequested == true)
            {
                throw new CommandException(ErrorCodes.MaxTimeMSExpired, "operation exceeded time limit");
            }
        }
    }

    public static CommandException Refused(PostgresException refused, bool inTransaction)
    {
        var code = ErrorCodes.FromState(refused.SqlState);
        var text = code == ErrorCodes.InternalError ? $"{refused.MessageText} (state {refused.SqlState})" : refused.MessageText;
        return code == ErrorCodes.WriteConflict && inTransaction ? new(code, text, CommandException.Transient) : new(code, text);
    }

    /// <summary>True for failures of the connection and of a server that starts or ends; false for a statement that is refused.</summary>
    public static bool IsGone(Exception failure) => failure switch
    {
        PostgresException refused => refused.SqlState is ['5', '7', 'P', ..] or ['0', '8', ..] or "53300",
        NpgsqlException or SocketException or IOException or ObjectDisposedException or TimeoutException => true,
        InvalidOperationException => true, // Npgsql's word for a connection that broke a moment ago
        _ => false,
    };

    /// <summary>What the caller throws. The pool forgets its idle connections: they lead to the process that has died.</summary>
    public ServerGoneException Gone(Exception failure)
    {
        Volatile.Write(ref healthyAt, 0);
        source.Clear();
        return new ServerGoneException(failure.Message, failure);
    }

    private static async Task<object?[]> RowAsync(NpgsqlConnection connection, string sql, object?[] arguments, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var argument in arguments) command.Parameters.Add(Parameter(argument));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken)) throw new CommandException(ErrorCodes.InternalError, "DocumentDB gave no answer");
        var row = new object?[reader.FieldCount];
        for (var i = 0; i < row.Length; i++) row[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
        return row;
    }

    private static NpgsqlParameter Parameter(object? argument) => argument switch
    {
        null => new() { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bytea },
        byte[] bytes => new NpgsqlParameter<byte[]> { TypedValue = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
        ReadOnlyMemory<byte> bytes => new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
        string text => new NpgsqlParameter<string> { TypedValue = text, NpgsqlDbType = NpgsqlDbType.Text },
        long number => new NpgsqlParameter<long> { TypedValue = number, NpgsqlDbType = NpgsqlDbType.Bigint },
        double number => new NpgsqlParameter<double> { TypedValue = number, NpgsqlDbType = NpgsqlDbType.Double },
        bool truth => new NpgsqlParameter<bool> { TypedValue = truth, NpgsqlDbType = NpgsqlDbType.Boolean },
        _ => throw new ArgumentException($"{argument.GetType()} is not sent to DocumentDB", nameof(argument)),
    };
}
