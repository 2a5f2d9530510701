using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.Postgres;

/// <summary>The server dies, or its answer gets lost.</summary>
public sealed class PostgresCrashTests(PostgresPeer peer)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_killed_in_the_middle_of_writes_has_every_acknowledged_one_when_it_comes_back()
    {
        await using var server = await PostgresPeer.StartAsync();
        var options = PostgresPeer.Options(server.Values["POSTGRES_URI"]);
        await using var database = PostgresDatabase.Open(options, NullLogger<PostgresDatabase>.Instance);
        await using var store = new PostgresRecordStore(database, options, TimeProvider.System, NullLogger<PostgresRecordStore>.Instance);
        // What each record must at least have reached, and whether one step more may have been taken.
        var known = new ConcurrentDictionary<RecordKey, (long Acknowledged, long Tried)>();
        var steps = 0;

        for (var round = 0; round < 3; round++)
        {
            var writers = Enumerable.Range(0, 8).Select(_ => Task.Run(() => WriteUntilFailureAsync(store, known, () => Interlocked.Increment(ref steps)), Stop)).ToArray();
            var target = Volatile.Read(ref steps) + 300;
            await UntilAsync(() => Volatile.Read(ref steps) >= target);
            await server.RunAsync("kill");
            await Task.WhenAll(writers);

            // Down is an error, never an empty store.
            var down = await Assert.ThrowsAsync<RecordStoreException>(() => store.FindAsync<ClusterObject>(known.Keys.First(), Stop));
            Assert.Contains("cannot be reached", down.Message);
            await Assert.ThrowsAsync<RecordStoreException>(() => store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, Stop));
            await Assert.ThrowsAsync<RecordStoreException>(() => database.PingAsync(Stop));

            await server.RunAsync("resume");
            await database.PingAsync(Stop);
            await CompareAsync(store, known);
        }

        Assert.True(steps >= 900, $"{steps} writes only");
    }

    [Fact]
    public async Task An_update_whose_answer_is_lost_is_told_as_unknown_and_not_as_a_conflict()
    {
        var options = await peer.OptionsAsync();
        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString);
        await using var proxy = new LostAnswerProxy(connection.Host!, connection.Port);
        (connection.Host, connection.Port) = ("127.0.0.1", proxy.Port);
        (options.ConnectionString, options.MaxPool) = (connection.ConnectionString, 1);
        await using var database = PostgresDatabase.Open(options, NullLogger<PostgresDatabase>.Instance);
        await using var store = new PostgresRecordStore(database, options, TimeProvider.System, NullLogger<PostgresRecordStore>.Instance);
        var key = A.Key("o");
        await store.InsertAsync(key, A.Body("1"), A.Index("a"));
        await store.UpdateAsync(key, 1, A.Body("2"), A.Index("a"));
        await store.FindAsync<ClusterObject>(key, Stop);

        proxy.Arm();
        var unknown = await Assert.ThrowsAsync<RecordStoreException>(() => store.UpdateAsync(key, 2, A.Body("3"), A.Index("a")));

        Assert.Equal(typeof(RecordStoreException), unknown.GetType());
        var stored = (await store.FindAsync<ClusterObject>(key, Stop))!;
        Assert.Equal((3L, "3"), (stored.Version, stored.Body.Metadata.Name));

        // A read is simply asked again.
        proxy.Arm();
        Assert.Equal(3, (await store.FindAsync<ClusterObject>(key, Stop))!.Version);
        await peer.RunAsync($"DROP SCHEMA {options.Schema} CASCADE");
    }

    private static async Task WriteUntilFailureAsync(PostgresRecordStore store, ConcurrentDictionary<RecordKey, (long Acknowledged, long Tried)> known, Action acknowledged)
    {
        try
        {
            while (true)
            {
                var key = A.Key("o");
                for (var version = 1L; version <= 3; version++)
                {
                    known[key] = (version - 1, version);
                    if (version == 1)
                        await store.InsertAsync(key, A.Body($"{version}"), A.Index(key.Uid));
                    else
                        await store.UpdateAsync(key, version - 1, A.Body($"{version}"), A.Index(key.Uid));
                    known[key] = (version, version);
                    acknowledged();
                }
            }
        }
        catch (RecordStoreException failure) when (failure is not (RecordConflictException or RecordExistsException or NameTakenException))
        {
            // The server is gone; what was tried last may have happened.
        }
    }

    private static async Task CompareAsync(PostgresRecordStore store, ConcurrentDictionary<RecordKey, (long Acknowledged, long Tried)> known)
    {
        var live = 0;
        foreach (var (key, (acknowledged, tried)) in known)
        {
            var stored = await store.FindAsync<ClusterObject>(key, Stop);
            var version = stored?.Version ?? 0;
            Assert.InRange(version, acknowledged, tried);
            Assert.Equal(version == 0 ? null : $"{version}", stored?.Body.Metadata.Name);
            live += version == 0 ? 0 : 1;
        }

        var all = await store.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, Stop);
        Assert.Equal((live, (long)live), (all.Items.Count, all.TotalCount));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
    }
}
