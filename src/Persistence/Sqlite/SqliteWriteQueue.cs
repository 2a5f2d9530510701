using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// The one writer. Writes that wait together are committed together (one flush of the disk for all of them); each has a
/// savepoint of its own, so that a refused one harms no other.
/// </summary>
internal sealed class SqliteWriteQueue : IDisposable
{
    /// <summary>Writes per transaction: with more, the first of them waits longer than a flush takes.</summary>
    private const int BatchWrites = 256;

    /// <summary>Bytes per transaction (16 MiB), so that large bodies do not swell the log.</summary>
    private const long BatchBytes = 16 << 20;

    private readonly Channel<PendingWrite> pending = Channel.CreateBounded<PendingWrite>(
        new BoundedChannelOptions(1024) { SingleReader = true });

    private readonly SqliteConnection connection;
    private readonly string database;
    private readonly SqliteWrites writes;
    private readonly Statement begin, commit, rollback, savepoint, rollbackTo, release;
    private readonly Thread thread;

    public SqliteWriteQueue(SqliteConnection connection, string database)
    {
        this.connection = connection;
        this.database = database;
        writes = new SqliteWrites(connection);
        begin = new(connection, "BEGIN IMMEDIATE");
        commit = new(connection, "COMMIT");
        rollback = new(connection, "ROLLBACK");
        savepoint = new(connection, "SAVEPOINT w");
        rollbackTo = new(connection, "ROLLBACK TO w");
        release = new(connection, "RELEASE w");

        // A thread of its own: flushing the disk blocks, and must not take a thread from the pool that runs the grains.
        thread = new Thread(Run) { IsBackground = true, Name = "sqlite writer" };
        thread.Start();
    }

    /// <summary>Runs a write; the task ends when it is durable, or refused.</summary>
    public async Task WriteAsync(Action<SqliteWrites> apply, long bytes)
    {
        var write = new PendingWrite(apply, bytes);
        try
        {
            await pending.Writer.WriteAsync(write);
        }
        catch (ChannelClosedException)
        {
            throw new RecordStoreException($"the database '{database}' was closed; nothing was written");
        }

        await write.Done.Task;
    }

    /// <summary>Lets no more writes in, finishes those that wait, and folds the log into the database.</summary>
    public void Dispose()
    {
        if (!pending.Writer.TryComplete())
            return;
        thread.Join();
        try
        {
            using var checkpoint = new Statement(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
            checkpoint.Run();
        }
        catch (SqliteException)
        {
            // A full disk: the log stays beside the database and is read at the next start. Nothing is lost, and the stop goes on.
        }

        writes.Dispose();
        foreach (var statement in (ReadOnlySpan<Statement>)[begin, commit, rollback, savepoint, rollbackTo, release])
            statement.Dispose();
        connection.Dispose();
    }

    private void Run()
    {
        var batch = new List<PendingWrite>(BatchWrites);
        // Blocking is right here: the thread has nothing else to do.
        while (pending.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            long bytes = 0;
            while (batch.Count < BatchWrites && bytes < BatchBytes && pending.Reader.TryRead(out var write))
            {
                batch.Add(write);
                bytes += write.Bytes;
            }

            Commit(batch);
            batch.Clear();
        }
    }

    private void Commit(List<PendingWrite> batch)
    {
        try
        {
            begin.Run();
            foreach (var write in batch)
                Apply(write);
            commit.Run();
        }
        catch (Exception failure)
        {
            var explained = failure is SqliteException sqlite ? SqliteFailures.Explain(sqlite, database) : failure;
            RollBack();
            foreach (var write in batch)
                write.Done.TrySetException(explained);
            return;
        }

        foreach (var write in batch)
        {
            if (write.Refusal is { } refusal)
                write.Done.TrySetException(refusal);
            else
                write.Done.TrySetResult();
        }
    }

    private void Apply(PendingWrite write)
    {
        savepoint.Run();
        try
        {
            write.Apply(writes);
        }
        catch (RecordStoreException refusal)
        {
            write.Refusal = refusal;
            rollbackTo.Run();
        }
        catch (SqliteException failure) when (SqliteFailures.IsOfOneStatement(failure))
        {
            write.Refusal = SqliteFailures.Explain(failure, database);
            rollbackTo.Run();
        }

        release.Run();
    }

    private void RollBack()
    {
        try
        {
            rollback.Run();
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself, as it does when the disk is full: there is no transaction to end. If there
            // is one still, the next BEGIN fails and says so.
        }
    }

    private sealed class PendingWrite(Action<SqliteWrites> apply, long bytes)
    {
        public Action<SqliteWrites> Apply { get; } = apply;

        public long Bytes { get; } = bytes;

        public RecordStoreException? Refusal { get; set; }

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
