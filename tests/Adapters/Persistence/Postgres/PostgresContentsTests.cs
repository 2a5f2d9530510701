using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;
using PxBackup.Persistence.Secrets;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.Postgres;

/// <summary>What rests in PostgreSQL: exact bodies, readable ones beside them, texts of any kind and length, exact counters.</summary>
public sealed class PostgresContentsTests(PostgresFixture fixture) : IClassFixture<PostgresFixture>
{
    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IRecordStore Store => fixture.Store;

    [Fact]
    public async Task A_body_can_be_asked_in_SQL_by_the_names_of_the_API()
    {
        var key = A.Key(org);
        var body = A.Body("prod\0\"", "apiVersion: v1");
        body.Metadata.CreateTime = Timestamp.FromDateTimeOffset(A.Noon);
        body.Metadata.CreateTimeInSec = A.Noon.ToUnixTimeSeconds();
        body.Metadata.Labels.Add("env.k8s/\0x", "prod");
        await Store.InsertAsync(key, body, A.Index("prod"));

        var answer = await AskAsync("SELECT concat_ws('|', readable->'metadata'->>'name', readable->'metadata'->>'create_time', (readable->'metadata'->>'create_time_in_sec')::bigint, readable->'clusterInfo'->>'kubeconfig', readable->'metadata'->'labels'->>E'env.k8s/\\uFFFDx') FROM records WHERE uid=$1", key.Uid);

        Assert.Equal("prod\uFFFD\"|2026-05-17T12:00:00+00:00|1779019200|apiVersion: v1|prod", answer);
        Assert.Equal(body, (await Store.FindAsync<ClusterObject>(key, Stop))!.Body);
    }

    [Fact]
    public async Task Fields_that_this_version_does_not_know_survive_a_read_and_a_write()
    {
        var key = A.Key(org);
        // Field 4711 of some later version: a string.
        byte[] bytes = [.. A.Body("new").ToByteArray(), 0xba, 0xa6, 0x02, 0x02, (byte)'h', (byte)'i'];
        await Store.InsertAsync(key, ClusterObject.Parser.ParseFrom(bytes), A.Index("new"));

        var read = (await Store.FindAsync<ClusterObject>(key, Stop))!;
        await Store.UpdateAsync(key, read.Version, read.Body, A.Index("new"));

        Assert.Equal(bytes, (await Store.FindAsync<ClusterObject>(key, Stop))!.Body.ToByteArray());
    }

    [Fact]
    public async Task A_body_that_was_damaged_is_an_error_and_not_an_empty_record()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await AskAsync("UPDATE records SET body='\\xffffffff' WHERE uid=$1 RETURNING uid", key.Uid);

        var damaged = await Assert.ThrowsAsync<RecordStoreException>(() => Store.FindAsync<ClusterObject>(key, Stop));

        Assert.Contains(key.ToString(), damaged.Message);
    }

    [Fact]
    public async Task Names_of_any_length_are_kept_sorted_and_unique()
    {
        string[] names = [new string('x', 5_000) + "b", new string('x', 5_000) + "a", new string('x', 99), "🚀" + new string('y', 3_000)];
        foreach (var name in names)
            await Store.InsertAsync(A.Key(org), A.Body(name), A.Index(name) with { ClusterName = name, BackupName = name, Labels = new Dictionary<string, string> { [name] = name }, Readers = [name] });

        await Assert.ThrowsAsync<NameTakenException>(() => Store.InsertAsync(A.Key(org), A.Body("x"), A.Index(names[0])));
        var page = await Store.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, SortBy = RecordSort.Name, Descending = false }, Stop);
        Assert.Equal([names[2], names[1], names[0], names[3]], page.Items.Select(item => item.Body.Metadata.Name));
        Assert.Equal(1, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Labels = new Dictionary<string, string> { [names[3]] = names[3] }, Readers = [names[3]] }, Stop));
    }

    [Fact]
    public async Task A_key_that_no_index_can_hold_is_refused_with_its_limit()
    {
        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => Store.InsertAsync(A.Key(org, new string('u', 3_000)), A.Body("a"), A.Index("a")));

        Assert.Contains("2000 bytes", refused.Message);
    }

    [Theory]
    [InlineData("a\0b", "\0", true)]
    [InlineData("a\0b", "\u0001", false)]
    [InlineData("a\0b", "\u0002", false)]
    [InlineData("a\u0001b", "\0", false)]
    [InlineData("a\u0001b", "\u0003", false)]
    [InlineData("a\u0002b", "\u0002B", true)]
    [InlineData("a\u0001\u0002b", "\u0001\u0002", true)]
    [InlineData("a\0\u0002b", "\u0002", true)]
    public async Task Control_characters_are_found_where_they_are_and_nowhere_else(string name, string part, bool found)
    {
        var own = A.Org();
        await Store.InsertAsync(A.Key(own), A.Body(name), A.Index(name));

        Assert.Equal(found ? 1 : 0, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = own, NameContains = part }, Stop));
    }

    [Fact]
    public async Task Eight_writers_in_two_processes_keep_every_counter_exact()
    {
        await using var second = new PostgresRecordStore(fixture.Database, fixture.Options, fixture.Time, NullLogger<PostgresRecordStore>.Instance);
        using var done = new CancellationTokenSource();
        var folding = Task.Run(
            async () =>
            {
                while (!done.IsCancellationRequested)
                    await fixture.SweepAsync();
            },
            Stop);

        var survivors = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() => WriteAsync(writer % 2 == 0 ? Store : second, writer), Stop)));
        await done.CancelAsync();
        await folding;

        for (var folded = 0; folded < 2; folded++)
        {
            var query = new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org };
            Assert.Equal(survivors.Sum(counts => counts.Sum(count => count.Value)), await Store.CountAsync(query, Stop));
            foreach (var owner in new[] { "o0", "o1", "o2" })
                Assert.Equal(survivors.Sum(counts => counts.GetValueOrDefault(owner)), await Store.CountAsync(query with { Readers = [$"u:{owner}"] }, Stop));
            Assert.Equal("0", await AskAsync(Difference, org));
            await fixture.SweepAsync();
        }

        Assert.Equal("0", await AskAsync("SELECT count(*)::text FROM counts WHERE org=$1 AND is_step", org));
    }

    [Fact]
    public async Task Writers_that_swap_names_do_not_stop_each_other()
    {
        var (one, two) = (A.Key(org), A.Key(org));
        await Store.InsertAsync(one, A.Body("a"), A.Index("a"));
        await Store.InsertAsync(two, A.Body("b"), A.Index("b"));

        for (var i = 0; i < 40; i++)
        {
            var outcomes = await Task.WhenAll(RenameAsync(one, "b"), RenameAsync(two, "a"));

            Assert.All(outcomes, outcome => Assert.True(outcome is null or NameTakenException, outcome?.ToString()));
        }
    }

    [Fact]
    public async Task Of_eight_processes_that_begin_at_once_one_puts_its_mark_into_the_store_and_all_see_it()
    {
        await AskAsync("DELETE FROM marks WHERE name=$1 RETURNING name", "master-key");
        var starts = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            await using var store = new PostgresRecordStore(fixture.Database, fixture.Options, fixture.Time, NullLogger<PostgresRecordStore>.Instance);
            IKeyMark mark = store;
            if (mark.Read() is null)
                mark.Write($"mark {i}");
            return mark.Read();
        })).ToArray();

        var seen = await Task.WhenAll(starts);

        Assert.Single(seen.Distinct());
        Assert.StartsWith("mark ", seen[0]);
    }

    [Fact]
    public async Task A_rotation_in_two_processes_at_once_is_refused_to_the_second()
    {
        await using var first = new PostgresRecordStore(fixture.Database, fixture.Options, fixture.Time, NullLogger<PostgresRecordStore>.Instance);
        await using var second = new PostgresRecordStore(fixture.Database, fixture.Options, fixture.Time, NullLogger<PostgresRecordStore>.Instance);
        IKeyMark one = first, two = second;
        if (one.Read() is null)
            one.Write("begin");
        _ = two.Read();
        one.Write("first");

        Assert.Contains("one process at a time", Assert.Throws<RecordStoreException>(() => two.Write("second")).Message);

        Assert.Equal("first", two.Read());
    }

    [Fact]
    public async Task Sets_of_readers_that_nobody_uses_any_more_are_removed()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a", "leaver"));
        await Store.DeleteAsync(key, 1);
        var id = await AskAsync("UPDATE audiences SET made=now()-interval '2 hours' WHERE digest=$1::uuid RETURNING id::text", RecordTags.OfAudience(ObjectKind.Cluster, org, "[\"u:leaver\"]").ToString());

        await fixture.SweepAsync();

        Assert.Equal("0", await AskAsync("SELECT ((SELECT count(*) FROM audiences WHERE id=$1::bigint)+(SELECT count(*) FROM audience_members WHERE audience=$1::bigint))::text", id!));
        await Store.InsertAsync(key, A.Body("a"), A.Index("a", "leaver"), after: 2);
    }

    /// <summary>How many counters differ from what they count.</summary>
    private const string Difference =
        """
        WITH kept AS (SELECT audience, bucket, sum(n) AS n FROM counts WHERE org=$1 GROUP BY 1, 2 HAVING sum(n)<>0),
        counted AS (
            SELECT a AS audience, b AS bucket, count(*) AS n FROM catalog c, LATERAL (VALUES (0, c.created>>39), (c.audience, -1), (c.audience, c.created>>39)) v(a, b)
            WHERE org=$1 GROUP BY 1, 2)
        SELECT count(*)::text FROM kept FULL JOIN counted USING (audience, bucket) WHERE kept.n IS DISTINCT FROM counted.n
        """;

    private async Task<Exception?> RenameAsync(RecordKey key, string name)
    {
        try
        {
            var version = (await Store.FindAsync<ClusterObject>(key, Stop))!.Version;
            await Store.UpdateAsync(key, version, A.Body(name), A.Index(name));
            return null;
        }
        catch (RecordStoreException failure)
        {
            return failure;
        }
    }

    /// <summary>Inserts, gives to another owner and another time, and deletes at random; what is left, by owner.</summary>
    private async Task<Dictionary<string, int>> WriteAsync(IRecordStore store, int writer)
    {
        var random = new Random(writer);
        var live = new List<(RecordKey Key, long Version, string Owner)>();
        for (var i = 0; i < 120; i++)
        {
            var owner = $"o{random.Next(3)}";
            var index = A.Index($"w{writer}-{i}", owner) with { CreatedAt = A.Noon.AddHours(random.Next(100)) };
            var at = random.Next(live.Count + 1);
            if (at == live.Count || live.Count < 5)
            {
                var key = A.Key(org);
                live.Add((key, await store.InsertAsync(key, A.Body("x"), index), owner));
            }
            else if (random.Next(2) == 0)
            {
                await store.UpdateAsync(live[at].Key, live[at].Version, A.Body("y"), index);
                live[at] = (live[at].Key, live[at].Version + 1, owner);
            }
            else
            {
                await store.DeleteAsync(live[at].Key, live[at].Version);
                live.RemoveAt(at);
            }
        }

        return live.GroupBy(record => record.Owner).ToDictionary(group => group.Key, group => group.Count());
    }

    private async Task<string?> AskAsync(string sql, string value)
    {
        await using var connection = await fixture.Database.Records.OpenConnectionAsync(Stop);
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = value } } };
        return await command.ExecuteScalarAsync(Stop) as string;
    }
}
