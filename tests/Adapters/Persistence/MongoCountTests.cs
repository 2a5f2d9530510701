using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>
/// Totals from counters are exact while records come, move and go, while several processes fold, and after one died in any step. A
/// database for each test: a fold takes every organization's records, and one test takes the counters away.
/// </summary>
public sealed class MongoCountTests(DocumentDbFixture server) : IAsyncLifetime
{
    private readonly MongoFixture fixture = new(server);

    private const ObjectKind Kind = ObjectKind.Cluster;

    private static readonly string[]?[] Callers = [null, ["u:user1"], ["u:user1", "g:dev", "*"], ["u:nobody"]];

    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IMongoCollection<BsonDocument> Records => fixture.Database.GetCollection<BsonDocument>(Kind.Slug());

    private IMongoCollection<BsonDocument> Counters => fixture.Database.GetCollection<BsonDocument>("counters");

    public ValueTask InitializeAsync() => fixture.InitializeAsync();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Totals_are_exact_after_every_write_and_after_every_fold()
    {
        var random = new Random(20260517);
        var model = new Dictionary<RecordKey, (RecordIndex Index, long Version)>();
        for (var i = 0; i < 120; i++)
        {
            await ChangeAsync(random, model, i);
            if (random.Next(10) == 0)
                await fixture.Mongo.Folder.FoldAsync(Kind);
            if (i % 8 == 0)
                await AssertExactAsync(model);
        }

        await fixture.Mongo.Folder.FoldAsync(Kind);

        await AssertExactAsync(model);
        Assert.Equal(0, await Records.CountDocumentsAsync(new BsonDocument("pending", org), cancellationToken: Stop));
        await AssertCountersAsync(model);
    }

    [Fact]
    public async Task A_process_that_dies_in_any_step_leaves_totals_exact_and_the_next_one_finishes()
    {
        for (var step = 1; step <= 7; step++)
        {
            var random = new Random(step);
            var model = new Dictionary<RecordKey, (RecordIndex Index, long Version)>();
            for (var i = 0; i < 6; i++)
                await ChangeAsync(random, model, (step * 1000) + i);
            if (step % 2 == 0)
                await fixture.Mongo.Folder.FoldAsync(Kind);
            for (var i = 6; i < 12; i++)
                await ChangeAsync(random, model, (step * 1000) + i);

            // The nth update is done, but its answer and all that would follow are lost: what a kill leaves behind.
            var (cutter, options) = await fixture.CutterAsync();
            using var _ = cutter;
            using var client = new MongoClient(new MongoUrlBuilder(options.ConnectionString) { RetryWrites = false, W = "majority" }.ToMongoUrl());
            var collections = new RecordCollections(client.GetDatabase(fixture.Options.Database), isReplicaSet: false, TimeSpan.FromSeconds(10));
            using (var dying = new CountFolder(collections, fixture.Time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
            {
                cutter.LoseAnswers("update", int.MaxValue, after: step - 1);
                await Assert.ThrowsAnyAsync<MongoException>(() => dying.FoldAsync(Kind));
            }

            await AssertExactAsync(model);
            await ChangeAsync(random, model, (step * 1000) + 99);
            await fixture.Mongo.Folder.FoldAsync(Kind);
            await AssertExactAsync(model);
            await AssertCountersAsync(model);
            foreach (var (key, row) in model)
                await fixture.Store.DeleteAsync(key, row.Version);
        }
    }

    [Fact]
    public async Task Several_processes_fold_at_once_while_others_write_and_count()
    {
        var random = new Random(7);
        var model = new Dictionary<RecordKey, (RecordIndex Index, long Version)>();
        using var done = new CancellationTokenSource();
        var folding = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
                await fixture.Mongo.Folder.FoldAsync(Kind);
        })).ToArray();

        for (var i = 0; i < 80; i++)
        {
            await ChangeAsync(random, model, i);
            if (i % 6 == 0)
                await AssertExactAsync(model);
        }

        await done.CancelAsync();
        await Task.WhenAll(folding);
        await fixture.Mongo.Folder.FoldAsync(Kind);
        await AssertExactAsync(model);
        await AssertCountersAsync(model);
    }

    [Fact]
    public async Task Counters_can_be_made_anew_as_the_operations_page_says()
    {
        var random = new Random(11);
        var model = new Dictionary<RecordKey, (RecordIndex Index, long Version)>();
        for (var i = 0; i < 20; i++)
        {
            await ChangeAsync(random, model, i);
            if (i == 12)
                await fixture.Mongo.Folder.FoldAsync(Kind);
        }

        await Counters.DeleteManyAsync(new BsonDocument("scope", $"{Kind.Slug()}/{org}"), Stop);
        await Records.UpdateManyAsync(
            new BsonDocument("org", org),
            Builders<BsonDocument>.Update.Pipeline(new BsonDocument[] { new("$set", new BsonDocument("pending", "$org")), new("$unset", new BsonArray { "counted", "target" }) }),
            cancellationToken: Stop);
        await Records.UpdateManyAsync(
            new BsonDocument("deleted", new BsonDocument("$exists", true)),
            new BsonDocument("$unset", new BsonDocument { { "counted", "" }, { "target", "" } }),
            cancellationToken: Stop);

        await AssertExactAsync(model);
        await fixture.Mongo.Folder.FoldAsync(Kind);
        await AssertExactAsync(model);
        await AssertCountersAsync(model);
    }

    private async Task ChangeAsync(Random random, Dictionary<RecordKey, (RecordIndex Index, long Version)> model, int number)
    {
        if (model.Count < 5 || random.Next(2) == 0)
        {
            var key = A.Key(org);
            var index = RandomRecords.Index(random, $"n{number}");
            model[key] = (index, await fixture.Store.InsertAsync(key, A.Body("x"), index));
            return;
        }

        var (changed, (old, version)) = model.ElementAt(random.Next(model.Count));
        if (random.Next(3) == 0)
        {
            await fixture.Store.DeleteAsync(changed, version);
            model.Remove(changed);
            return;
        }

        var next = RandomRecords.Index(random, old.Name, random.Next(2) == 0 ? old : null);
        await fixture.Store.UpdateAsync(changed, version, A.Body("y"), next);
        model[changed] = (next, version + 1);
    }

    private async Task AssertExactAsync(Dictionary<RecordKey, (RecordIndex Index, long Version)> model)
    {
        foreach (var readers in Callers)
        {
            var query = new RecordQuery { Kind = Kind, OrgId = org, Readers = readers };
            var expected = RecordModel.Matches(model.Select(row => new ModelRow(row.Key, row.Value.Index)), query);

            Assert.Equal(expected.Count, await fixture.Store.CountAsync(query, Stop));

            var page = await fixture.Store.QueryAsync<ClusterObject>(query with { Limit = 1 }, Stop);
            Assert.Equal((expected.Count, Math.Min(1, expected.Count)), (page.TotalCount, page.Items.Count));
        }
    }

    /// <summary>After a fold the counters alone say what is there.</summary>
    private async Task AssertCountersAsync(Dictionary<RecordKey, (RecordIndex Index, long Version)> model)
    {
        await fixture.Mongo.Folder.CompleteAllAsync();
        var counters = await Counters.Find(new BsonDocument("scope", $"{Kind.Slug()}/{org}")).ToListAsync(Stop);
        Assert.Equal(model.Count, counters.Sum(counter => counter["total"].ToInt64()));
        Assert.All(counters, counter =>
        {
            Assert.Empty(counter["folding"].AsBsonArray);
            Assert.Equal(counter["total"].ToInt64(), counter["buckets"].AsBsonDocument.Values.Sum(records => records.ToInt64()));
            Assert.All(counter["buckets"].AsBsonDocument.Values, records => Assert.True(records.ToInt64() >= 0));
        });
    }
}
