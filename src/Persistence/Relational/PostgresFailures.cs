using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>The driver's exceptions in words: which server, what is wrong, what helps. Never with the password.</summary>
internal static class PostgresFailures
{
    /// <summary>Whether an exception comes from the driver or the network below it, so that <see cref="Explain"/> has words for it.</summary>
    public static bool IsOfDriver(Exception failure) =>
        failure is NpgsqlException or TimeoutException or IOException or SocketException or ObjectDisposedException or AuthenticationException;

    /// <summary>The failure as one line with its cure.</summary>
    /// <param name="failure">What the driver threw.</param>
    /// <param name="place">The server, as it may be shown.</param>
    /// <param name="doing">What was tried, such as <c>writing cluster/default/uid</c>.</param>
    public static RecordStoreException Explain(Exception failure, string place, string doing)
    {
        var message = $"{place}: {doing} failed: {CauseOf(failure)}";
        return failure is PostgresException { SqlState: PostgresErrorCodes.DiskFull } ? new StoreFullException(message, failure) : new RecordStoreException(message, failure);
    }

    /// <summary>The transaction was rolled back for the sake of another one: nothing was written, the same statement may be run again.</summary>
    public static bool IsRolledBack(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };

    /// <summary>The name of the unique index that refused a row; null for other failures. Nothing was written then.</summary>
    public static string? ViolatedIndex(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } violation ? violation.ConstraintName : null;

    /// <summary>The connection is gone, as after a restart of the server: others of the pool are likely gone too.</summary>
    public static bool IsConnectionLost(Exception failure) => failure switch
    {
        PostgresException server => server.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        NpgsqlException { InnerException: IOException or SocketException } => true,
        // "Exception while reading from stream" and its like: no server's answer, no timeout.
        NpgsqlException { InnerException: null or EndOfStreamException } => true,
        _ => false,
    };

    private static string CauseOf(Exception failure) => failure switch
    {
        PostgresException server => CauseOf(server),
        NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
            "no answer in time; check the server's load and the network (Postgres:CommandTimeout, Postgres:ConnectTimeout, Postgres:MaxPool)",
        NpgsqlException { InnerException: AuthenticationException tls } =>
            $"the TLS hand-shake failed ({tls.Message}); check 'SSL Mode' and 'Root Certificate' in Postgres:ConnectionString and that the certificate names the host",
        NpgsqlException { InnerException: SocketException network } =>
            $"the server cannot be reached ({network.Message}); check that it runs, its host and port in Postgres:ConnectionString, and the network",
        NpgsqlException { InnerException: IOException network } => $"the connection broke ({network.Message}); ask again",
        ObjectDisposedException => "the store was closed",
        _ => $"{failure.Message}; check the server's log",
    };

    private static string CauseOf(PostgresException failure) => failure.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword => "user or password is refused; check both in Postgres:ConnectionString",
        PostgresErrorCodes.InvalidAuthorizationSpecification => $"the server does not let this user in ({failure.MessageText}); check the user's name and the server's pg_hba.conf",
        PostgresErrorCodes.InvalidCatalogName => $"{failure.MessageText}; make it (createdb, with encoding UTF8) or name another one in Postgres:ConnectionString",
        PostgresErrorCodes.InsufficientPrivilege => $"the user may not do this ({failure.MessageText}); make it the owner of the database, or of the schema and everything in it",
        PostgresErrorCodes.ReadOnlySqlTransaction => "the server is read-only (a standby, or default_transaction_read_only); name the primary in Postgres:ConnectionString, or all hosts",
        PostgresErrorCodes.TooManyConnections => "the server has no connection left; raise its max_connections or lower Postgres:MaxPool",
        PostgresErrorCodes.CannotConnectNow => $"the server is not ready ({failure.MessageText}); wait until it is",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown => "the server shuts down or restarts; ask again",
        PostgresErrorCodes.DiskFull => "the server's disk is full; free space, nothing that was accepted is lost",
        PostgresErrorCodes.OutOfMemory => "the server's memory ran out; give it more or lower its settings",
        PostgresErrorCodes.QueryCanceled => "the server ended the statement (statement_timeout or an operator); look for slow statements",
        PostgresErrorCodes.LockNotAvailable => "another session holds a lock; look at pg_locks",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName =>
            $"{failure.MessageText}: the schema was changed behind the product; restore the database from a backup",
        PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted => $"the database is damaged ({failure.MessageText}); restore it from a backup",
        _ => $"{failure.MessageText} (SQLSTATE {failure.SqlState})",
    };
}
