using Microsoft.Extensions.Logging;
using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// What is done beside the requests: expired tombstones and unused audiences are removed, the counters' steps are added up. Any
/// number of processes may do it; one at a time does.
/// </summary>
internal sealed partial class PostgresUpkeep : IAsyncDisposable
{
    /// <summary>Rows per statement: some 10 ms of the server.</summary>
    private const int Portion = 1000;

    /// <summary>A new audience is left alone for a while (1 h): the write that made it may still be on its way.</summary>
    private const string RemoveAudiences =
        """
        WITH gone AS (DELETE FROM audiences WHERE id=ANY($1) AND NOT EXISTS(SELECT FROM catalog WHERE audience=id) RETURNING id)
        DELETE FROM audience_members WHERE audience IN (SELECT id FROM gone)
        """;

    /// <summary>The rows of some places become one row each, or none; whoever reads meanwhile sees the old ones or the new one.</summary>
    private const string Fold =
        """
        WITH places AS (SELECT DISTINCT kind, org, audience, bucket FROM counts WHERE is_step LIMIT $1),
        taken AS (DELETE FROM counts c USING places p WHERE (c.kind, c.org, c.audience, c.bucket)=(p.kind, p.org, p.audience, p.bucket)
            RETURNING c.kind, c.org, c.audience, c.bucket, c.n),
        made AS (INSERT INTO counts(kind, org, audience, bucket, n, is_step)
            SELECT kind, org, audience, bucket, sum(n), false FROM taken GROUP BY 1, 2, 3, 4 HAVING sum(n)<>0)
        SELECT count(*) FROM places
        """;

    private readonly PostgresDatabase database;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly ITimer sweeps;
    private readonly ITimer folds;
    private int steps;

    public PostgresUpkeep(PostgresDatabase database, TimeProvider time, PostgresOptions options, ILogger logger)
    {
        this.database = database;
        this.time = time;
        this.logger = logger;
        sweeps = time.CreateTimer(static state => _ = ((PostgresUpkeep)state!).TryAsync(upkeep => upkeep.SweepAsync()), this, options.SweepInterval, options.SweepInterval);
        folds = time.CreateTimer(static state => _ = ((PostgresUpkeep)state!).FoldIfCountedAsync(), this, options.FoldInterval, options.FoldInterval);
    }

    /// <summary>Something was counted.</summary>
    public void Counted() => Volatile.Write(ref steps, 1);

    /// <summary>Removes what has expired.</summary>
    public async Task SweepAsync()
    {
        var before = (time.GetUtcNow() - Tombstones.KeptFor).UtcDateTime;
        await using var connection = await database.Records.OpenConnectionAsync();
        for (var removed = Portion; removed == Portion;)
        {
            await using var command = new NpgsqlCommand("DELETE FROM records WHERE rid IN (SELECT rid FROM records WHERE deleted<$1 ORDER BY deleted LIMIT $2 FOR UPDATE SKIP LOCKED)", connection);
            command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = before });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Portion });
            removed = await command.ExecuteNonQueryAsync();
        }

        await RemoveAudiencesAsync(connection);
    }

    /// <summary>Adds up all steps.</summary>
    public async Task FoldAsync()
    {
        await using var connection = await database.Records.OpenConnectionAsync();
        for (var folded = (long)Portion; folded == Portion;)
        {
            await using var transaction = await connection.BeginTransactionAsync();
            // Two at once would be right too, only wasteful.
            await using var turn = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock(hashtextextended('pxbackup fold ' || current_schema(), 0))", connection, transaction);
            if (await turn.ExecuteScalarAsync() is not true)
                return;
            await using var command = new NpgsqlCommand(Fold, connection, transaction);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Portion });
            folded = (long)(await command.ExecuteScalarAsync())!;
            await transaction.CommitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await sweeps.DisposeAsync();
        await folds.DisposeAsync();
    }

    private static async Task RemoveAudiencesAsync(NpgsqlConnection connection)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        // Locked first: a writer that needs one of them waits, then finds it gone and makes it anew. The look for records is a
        // statement of its own, so that it sees those of writers that were faster.
        await using var choose = new NpgsqlCommand(
            "SELECT id FROM audiences WHERE made<now()-interval '1 hour' AND NOT EXISTS(SELECT FROM catalog WHERE audience=id) LIMIT $1 FOR UPDATE SKIP LOCKED", connection, transaction);
        choose.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Portion });
        var ids = new List<long>();
        await using (var reader = await choose.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
                ids.Add(reader.GetInt64(0));
        }

        await using var remove = new NpgsqlCommand(RemoveAudiences, connection, transaction);
        remove.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. ids] });
        await remove.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }

    private Task FoldIfCountedAsync() =>
        Interlocked.Exchange(ref steps, 0) == 0 ? Task.CompletedTask : TryAsync(upkeep => upkeep.FoldAsync());

    private async Task TryAsync(Func<PostgresUpkeep, Task> work)
    {
        try
        {
            await work(this);
        }
        catch (Exception failure) when (PostgresFailures.IsOfDriver(failure))
        {
            // The next tick tries again; until then a few rows more are kept.
            Counted();
            LogFailed(logger, database.Place, failure);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Upkeep of {Place} failed; the next round tries again")]
    private static partial void LogFailed(ILogger logger, string place, Exception failure);
}
