using System.Collections.Concurrent;
using System.Data;
using Npgsql;
using PxBackup.DocumentGateway.Commands;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway.Postgres;

/// <summary>Multi-document transactions: each keeps a connection of its own from its first command to its end.</summary>
internal sealed class Transactions(DocumentStore store, RetryableWrites writes, TimeProvider time)
{
    /// <summary>MongoDB's transactionLifetimeLimitSeconds.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, Entry> entries = new();

    /// <summary>The connection that a command belongs on; nothing for one outside of transactions.</summary>
    /// <exception cref="CommandException">The transaction does not exist, or no longer.</exception>
    public async Task<NpgsqlConnection?> ConnectionOfAsync(Command command, CancellationToken cancellationToken)
    {
        if (!command.InTransaction) return null;
        var session = command.Session ?? throw new CommandException(ErrorCodes.BadValue, "a transaction needs a session");
        var number = command.TransactionNumber ?? throw new CommandException(ErrorCodes.BadValue, "a transaction needs a number");
        if (command.StartsTransaction)
        {
            await AbortAsync(session);
            var connection = await store.OpenAsync(cancellationToken);
            try
            {
                var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
                entries[session] = new(number, connection, transaction, time.GetTimestamp());
                return connection;
            }
            catch (Exception failure) when (DocumentStore.IsGone(failure))
            {
                await connection.DisposeAsync();
                throw store.Gone(failure);
            }
        }
        if (Current(session, number) is not { Ended: false } entry) throw Unknown(number);
        if (time.GetElapsedTime(entry.StartedAt) > Lifetime)
        {
            await AbortAsync(session);
            throw Unknown(number);
        }
        return entry.Connection;
    }

    /// <summary>Commits; once more is as good as once, even when nobody knows what became of the first time.</summary>
    public async Task CommitAsync(Command command, CancellationToken cancellationToken)
    {
        if (command.Session is not { } session || command.TransactionNumber is not { } number) throw Unknown(-1);
        await writes.PrepareAsync(store, cancellationToken);
        if (Current(session, number) is not { Ended: false } entry)
        {
            if ((await store.CallAsync(null, null, RetryableWrites.WasCommitted, cancellationToken, session, number))[0] is true) return;
            throw Unknown(number);
        }
        try
        {
            await store.CallAsync(entry.Connection, null, RetryableWrites.Commits, cancellationToken, session, number);
            await entry.Transaction.CommitAsync(cancellationToken);
        }
        catch (Exception failure) when (DocumentStore.IsGone(failure))
        {
            throw store.Gone(failure);
        }
        catch (PostgresException refused)
        {
            throw DocumentStore.Refused(refused, true);
        }
        finally
        {
            entries[session] = entry with { Ended = true };
            await entry.Connection.DisposeAsync();
        }
    }

    /// <summary>Ends a session's transaction without its effects, if there is one.</summary>
    public async Task AbortAsync(string session)
    {
        if (!entries.TryGetValue(session, out var entry) || entry.Ended || !entries.TryUpdate(session, entry with { Ended = true }, entry)) return;
        try
        {
            await entry.Transaction.RollbackAsync();
        }
        catch (Exception failure) when (DocumentStore.IsGone(failure))
        {
            // The database has forgotten it with the connection: that is what was wanted.
        }
        await entry.Connection.DisposeAsync();
    }

    /// <summary>The session has ended: nothing of it is remembered.</summary>
    public async Task ForgetAsync(string session)
    {
        await AbortAsync(session);
        entries.TryRemove(session, out _);
    }

    private static CommandException Unknown(long number) =>
        new(ErrorCodes.NoSuchTransaction, $"Given transaction number {number} does not match any in-progress transactions.", CommandException.Transient);

    private Entry? Current(string session, long number) => entries.TryGetValue(session, out var entry) && entry.Number == number ? entry : null;

    private sealed record Entry(long Number, NpgsqlConnection Connection, NpgsqlTransaction Transaction, long StartedAt)
    {
        public bool Ended { get; init; }
    }
}
