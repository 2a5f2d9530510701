using Microsoft.Data.Sqlite;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>The data directory: its rights, the lock that keeps a second program out, and connections to the file in it.</summary>
internal sealed class SqliteFiles : IDisposable
{
    private readonly SqliteOptions options;
    private readonly FileStream heldLock;

    public SqliteFiles(SqliteOptions options)
    {
        this.options = options;
        Database = Path.Combine(Path.GetFullPath(options.Directory), "records.db");
        MakeDirectory();
        heldLock = TakeLock();
        try
        {
            MakeDatabaseFile();
        }
        catch
        {
            heldLock.Dispose();
            throw;
        }
    }

    /// <summary>Full path of the database.</summary>
    public string Database { get; }

    /// <summary>Opens the only connection that writes.</summary>
    public SqliteConnection OpenWriter()
    {
        // 8 MiB of log before a checkpoint: fewer stalls of the writer than with the default of 4 MiB, still a short recovery.
        var synchronous = options.Synchronous == SqliteSynchronous.Normal ? "NORMAL" : "FULL";
        return Open($"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=2048; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;");
    }

    /// <summary>Opens a connection that only reads.</summary>
    public SqliteConnection OpenReader() =>
        Open("PRAGMA query_only=ON; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;");

    public void Dispose() => heldLock.Dispose();

    private SqliteConnection Open(string pragmas)
    {
        var text = new SqliteConnectionStringBuilder { DataSource = Database, Mode = SqliteOpenMode.ReadWrite, Pooling = false };
        var connection = new SqliteConnection(text.ToString());
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = pragmas;
            command.ExecuteNonQuery();
            return connection;
        }
        catch (SqliteException failure)
        {
            connection.Dispose();
            throw SqliteFailures.Explain(failure, Database);
        }
    }

    private void MakeDirectory()
    {
        var directory = Path.GetDirectoryName(Database)!;
        try
        {
            PrivateFiles.MakeDirectory(directory);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RecordStoreException($"the data directory '{directory}' cannot be made: {failure.Message}; name a directory that this user may write to", failure);
        }
    }

    private FileStream TakeLock()
    {
        var path = Database + ".lock";
        try
        {
            // Held by the open file, so it ends with the process however that ends.
            return PrivateFiles.Open(path, FileMode.OpenOrCreate, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RecordStoreException(
                $"the records in '{Database}' are in use by another program, or '{path}' cannot be written ({failure.Message}); stop the other program or name another data directory", failure);
        }
    }

    private void MakeDatabaseFile()
    {
        // SQLite would begin an empty database and throw such a log away.
        if ((!File.Exists(Database) || new FileInfo(Database).Length == 0) && File.Exists(Database + "-wal") && new FileInfo(Database + "-wal").Length > 0)
            throw new RecordStoreException($"the database '{Database}' is missing or empty, but its log '{Database}-wal' is there: put both back from a backup of the data directory, or move the log away to start empty");
        foreach (var file in (ReadOnlySpan<string>)[Database, Database + "-wal", Database + "-shm", Database + ".lock"])
            PrivateFiles.RefuseOpenFile(file);
        try
        {
            // Made here, not by SQLite, so that there is no moment with wider rights; the log files inherit them.
            PrivateFiles.Open(Database, FileMode.OpenOrCreate, FileShare.ReadWrite).Dispose();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RecordStoreException($"the database '{Database}' cannot be opened for writing: {failure.Message}; check owner and mode of file and directory", failure);
        }
    }
}
