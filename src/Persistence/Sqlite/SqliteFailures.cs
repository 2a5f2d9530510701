using Microsoft.Data.Sqlite;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>SQLite's result codes in words: which file, what is wrong, what helps. Codes: sqlite.org/rescode.html.</summary>
internal static class SqliteFailures
{
    private const int Busy = 5, Locked = 6, NoMemory = 7, ReadOnly = 8, Interrupt = 9, IoError = 10, Corrupt = 11, Full = 13, CantOpen = 14, TooBig = 18, Constraint = 19, NotADatabase = 26;

    public static RecordStoreException Explain(SqliteException failure, string database)
    {
        var text = failure.SqliteErrorCode switch
        {
            Busy or Locked => "is locked by another program; stop it (a backup tool or a shell may hold it)",
            ReadOnly => "is read-only; check owner and mode of the file and its directory, and the mount",
            IoError => "cannot be read or written; check the disk and the system log",
            Corrupt or NotADatabase => "is damaged or not a database; restore it from a backup of the data directory, or move it away to start empty",
            Full => "cannot grow, the disk is full; free space, nothing that was accepted is lost",
            CantOpen => "cannot be opened; check that the directory exists and belongs to this user",
            TooBig => "cannot hold a value of this size; the limit is 1 GB",
            NoMemory => "could not be used, memory ran out",
            _ => "failed",
        };
        var message = $"the database '{database}' {text} (SQLite {failure.SqliteExtendedErrorCode}: {failure.Message})";
        return failure.SqliteErrorCode == Full ? new StoreFullException(message, failure) : new RecordStoreException(message, failure);
    }

    /// <summary>Whether a failure belongs to one statement, so that the transaction around it can go on.</summary>
    public static bool IsOfOneStatement(SqliteException failure) => failure.SqliteErrorCode is Constraint or TooBig;

    public static bool IsInterrupt(SqliteException failure) => failure.SqliteErrorCode == Interrupt;
}
