using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace PxBackup.Persistence.Sqlite;

/// <summary>A few read connections, lent one at a time. Each keeps its prepared statements.</summary>
internal sealed class SqliteReaders(SqliteFiles files, int size) : IDisposable
{
    private readonly SemaphoreSlim free = new(size, size);
    private readonly ConcurrentBag<SqliteReading> idle = [];

    /// <summary>Runs <paramref name="read"/> on a free connection, on the caller's thread; a cancellation interrupts SQLite.</summary>
    public async Task<T> ReadAsync<T>(Func<SqliteReading, T> read, CancellationToken cancellationToken)
    {
        await free.WaitAsync(cancellationToken);
        SqliteReading? reading = null;
        try
        {
            if (!idle.TryTake(out reading))
                reading = new SqliteReading(files.OpenReader());
            using var interrupt = cancellationToken.UnsafeRegister(static state => raw.sqlite3_interrupt(((SqliteReading)state!).Connection.Handle), reading);
            return read(reading);
        }
        catch (SqliteException failure) when (SqliteFailures.IsInterrupt(failure) && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("the read was cancelled", failure, cancellationToken);
        }
        catch (SqliteException failure)
        {
            throw SqliteFailures.Explain(failure, files.Database);
        }
        finally
        {
            if (reading is not null)
                idle.Add(reading);
            free.Release();
        }
    }

    public void Dispose()
    {
        // Waits for every read that runs: a connection is closed by nobody but its user.
        for (var i = 0; i < size; i++)
            free.Wait();
        while (idle.TryTake(out var reading))
            reading.Dispose();
        free.Dispose();
    }
}

/// <summary>One read connection.</summary>
internal sealed class SqliteReading(SqliteConnection connection) : IDisposable
{
    private readonly Dictionary<string, Statement> statements = [];

    public SqliteConnection Connection { get; } = connection;

    /// <summary>A statement with one of a few fixed texts; prepared once.</summary>
    public Statement Fixed(string text)
    {
        if (!statements.TryGetValue(text, out var statement))
            statements[text] = statement = new Statement(Connection, text);
        return statement;
    }

    /// <summary>Runs reads that must see the same state.</summary>
    public T Snapshot<T>(Func<T> read)
    {
        Fixed("BEGIN").Run();
        try
        {
            return read();
        }
        finally
        {
            Fixed("COMMIT").Run();
        }
    }

    public void Dispose()
    {
        foreach (var statement in statements.Values)
            statement.Dispose();
        Connection.Dispose();
    }
}
