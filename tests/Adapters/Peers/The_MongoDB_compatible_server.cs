using MongoDB.Bson;
using MongoDB.Driver;
using Xunit;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>That the server behind the suites for MongoDB does what a MongoDB does where they rest on it.</summary>
public sealed class The_MongoDB_compatible_server(DocumentDbFixture server) : IAsyncLifetime
{
    private readonly string database = "peer_" + Guid.NewGuid().ToString("N")[..12];
    private MongoClient client = null!;
    private IMongoCollection<BsonDocument> things = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        client = new MongoClient(await server.ConnectionStringAsync());
        things = client.GetDatabase(database).GetCollection<BsonDocument>("things");
    }

    public async ValueTask DisposeAsync()
    {
        await client.DropDatabaseAsync(database, CancellationToken.None);
        client.Dispose();
    }

    [Fact]
    public async Task Finds_what_was_inserted()
    {
        var thing = BsonDocument.Parse("{ _id: 'a', when: ISODate('2026-01-02T03:04:05.678Z'), list: [1, NumberLong(2), 3.5, null], map: { 'x.y': true } }");

        await things.InsertOneAsync(thing, null, Cancellation);

        Assert.Equal(thing, await things.Find("{ _id: 'a' }").SingleAsync(Cancellation));
    }

    [Fact]
    public async Task Lets_one_of_many_conditional_updates_win()
    {
        await things.InsertOneAsync(BsonDocument.Parse("{ _id: 'a', version: 1 }"), null, Cancellation);

        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(i =>
            things.UpdateOneAsync("{ _id: 'a', version: 1 }", $"{{ $set: {{ version: 2, by: {i} }} }}", null, Cancellation)));

        Assert.Equal(1, results.Sum(result => result.ModifiedCount));
        Assert.Equal(15, results.Count(result => result.MatchedCount == 0));
    }

    [Fact]
    public async Task Changes_and_returns_a_document_in_one_step()
    {
        await things.InsertOneAsync(BsonDocument.Parse("{ _id: 'a', n: 0 }"), null, Cancellation);

        var seen = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => things.FindOneAndUpdateAsync<BsonDocument>(
            "{ _id: 'a' }", "{ $inc: { n: 1 } }", new() { ReturnDocument = ReturnDocument.After }, Cancellation)));

        Assert.Equal(Enumerable.Range(1, 16), seen.Select(document => document["n"].AsInt32).Order());
    }

    [Theory]
    [InlineData("{ _id: 'a', k: 2 }", "_id_")]
    [InlineData("{ _id: 'b', k: 1 }", "k_1")]
    public async Task Refuses_a_taken_key_and_names_its_index(string second, string index)
    {
        await things.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ k: 1 }", new CreateIndexOptions { Unique = true }), null, Cancellation);
        await things.InsertOneAsync(BsonDocument.Parse("{ _id: 'a', k: 1 }"), null, Cancellation);

        var refusal = await Assert.ThrowsAsync<MongoWriteException>(() => things.InsertOneAsync(BsonDocument.Parse(second), null, Cancellation));

        Assert.Equal((ServerErrorCategory.DuplicateKey, 11000), (refusal.WriteError.Category, refusal.WriteError.Code));
        Assert.Contains($"index: {index} ", refusal.WriteError.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_taken_key_in_an_update_and_in_find_and_modify()
    {
        await things.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ k: 1 }", new CreateIndexOptions { Unique = true }), null, Cancellation);
        await things.InsertManyAsync([BsonDocument.Parse("{ _id: 'a', k: 1 }"), BsonDocument.Parse("{ _id: 'b', k: 2 }")], null, Cancellation);

        var update = await Assert.ThrowsAsync<MongoWriteException>(() => things.UpdateOneAsync("{ _id: 'b' }", "{ $set: { k: 1 } }", null, Cancellation));
        var modify = await Assert.ThrowsAsync<MongoCommandException>(() => things.FindOneAndUpdateAsync("{ _id: 'b' }", "{ $set: { k: 1 } }", null, Cancellation));

        Assert.Equal((11000, 11000), (update.WriteError.Code, modify.Code));
    }

    [Fact]
    public async Task Makes_a_partial_unique_index_bind_only_what_its_filter_names()
    {
        await things.Indexes.CreateOneAsync(
            new CreateIndexModel<BsonDocument>("{ name: 1 }", new CreateIndexOptions<BsonDocument> { Unique = true, PartialFilterExpression = "{ alive: true }" }), null, Cancellation);
        await things.InsertManyAsync(
            [BsonDocument.Parse("{ _id: 1, name: 'n', alive: false }"), BsonDocument.Parse("{ _id: 2, name: 'n', alive: false }"), BsonDocument.Parse("{ _id: 3, name: 'n', alive: true }")], null, Cancellation);

        var insert = await Assert.ThrowsAsync<MongoWriteException>(() => things.InsertOneAsync(BsonDocument.Parse("{ _id: 4, name: 'n', alive: true }"), null, Cancellation));
        var update = await Assert.ThrowsAsync<MongoWriteException>(() => things.UpdateOneAsync("{ _id: 1 }", "{ $set: { alive: true } }", null, Cancellation));

        Assert.Equal((11000, 11000), (insert.WriteError.Code, update.WriteError.Code));
    }

    [Fact]
    public async Task Removes_expired_documents()
    {
        await things.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ expires: 1 }", new CreateIndexOptions { ExpireAfter = TimeSpan.Zero }), null, Cancellation);
        await things.InsertManyAsync(
            [new() { { "_id", "old" }, { "expires", DateTime.UtcNow.AddMinutes(-1) } }, new() { { "_id", "new" }, { "expires", DateTime.UtcNow.AddHours(1) } }, new("_id", "ever")], null, Cancellation);

        // A MongoDB looks once a minute.
        for (var until = DateTime.UtcNow.AddSeconds(100); await things.Find("{ _id: 'old' }").AnyAsync(Cancellation);)
        {
            Assert.True(DateTime.UtcNow < until, "the expired document is still there");
            await Task.Delay(200, Cancellation);
        }

        Assert.Equal(2, await things.CountDocumentsAsync("{}", null, Cancellation));
    }

    [Fact]
    public async Task Lists_the_indexes_as_they_were_asked_for()
    {
        await things.Indexes.CreateManyAsync(
            [
                new("{ owner: 1, created: -1, _id: 1 }", new CreateIndexOptions { Name = "by_owner" }),
                new("{ expires: 1 }", new CreateIndexOptions { ExpireAfter = TimeSpan.FromSeconds(30) }),
                new("{ key: 1 }", new CreateIndexOptions<BsonDocument> { Unique = true, PartialFilterExpression = "{ key: { $exists: true } }" }),
            ],
            Cancellation);

        var indexes = (await (await things.Indexes.ListAsync(Cancellation)).ToListAsync(Cancellation)).ToDictionary(index => index["name"].AsString);

        Assert.Equal(["_id_", "by_owner", "expires_1", "key_1"], indexes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(BsonDocument.Parse("{ owner: 1, created: -1, _id: 1 }"), indexes["by_owner"]["key"]);
        Assert.Equal(30, indexes["expires_1"]["expireAfterSeconds"].ToInt32());
        Assert.True(indexes["key_1"]["unique"].AsBoolean);
        Assert.Equal(BsonDocument.Parse("{ key: { $exists: true } }"), indexes["key_1"]["partialFilterExpression"]);
    }

    [Fact]
    public async Task Answers_from_a_compound_index_over_the_elements_of_a_list()
    {
        await things.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ readers: 1, created: -1, _id: 1 }"), null, Cancellation);
        await things.InsertManyAsync(Enumerable.Range(0, 300).Select(i => BsonDocument.Parse($"{{ _id: {i}, created: {i / 2}, readers: ['r{i % 3}', 'all', 'x{i % 50}'] }}")), null, Cancellation);

        var filter = BsonDocument.Parse("{ readers: 'r1', created: { $lt: 100 } }");
        var found = await things.Find(filter).Sort("{ created: -1, _id: 1 }").Limit(4).ToListAsync(Cancellation);
        var plan = await client.GetDatabase(database).RunCommandAsync<BsonDocument>(
            new BsonDocument("explain", new BsonDocument { { "find", "things" }, { "filter", filter } }), null, Cancellation);

        Assert.Equal([199, 196, 193, 190], found.Select(document => document["_id"].AsInt32));
        Assert.Contains("readers_1_created_-1__id_1", plan["queryPlanner"]["winningPlan"].ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Groups_and_counts()
    {
        await things.InsertManyAsync(Enumerable.Range(0, 100).Select(i => BsonDocument.Parse($"{{ _id: {i}, kind: 'k{i % 3}' }}")), null, Cancellation);

        var groups = await things.Aggregate().Group("{ _id: '$kind', n: { $sum: 1 } }").Sort("{ _id: 1 }").ToListAsync(Cancellation);
        var count = await things.Aggregate().Match("{ kind: 'k1' }").Count().SingleAsync(Cancellation);

        Assert.Equal([("k0", 34), ("k1", 33), ("k2", 33)], groups.Select(group => (group["_id"].AsString, group["n"].AsInt32)));
        Assert.Equal(33, count.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Pages_through_a_sorted_range_without_gap_or_repeat(int batch)
    {
        await things.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ at: 1, _id: 1 }"), null, Cancellation);
        await things.InsertManyAsync(Enumerable.Range(0, 200).Select(i => BsonDocument.Parse($"{{ _id: {i}, at: {i % 10} }}")), null, Cancellation);
        var expected = Enumerable.Range(0, 200).OrderBy(i => i % 10).ThenBy(i => i).ToList();

        var cursor = await things.Find("{}", new FindOptions { BatchSize = batch }).Sort("{ at: 1, _id: 1 }").ToListAsync(Cancellation);
        List<int> pages = [];
        for (var filter = new BsonDocument(); ;)
        {
            var page = await things.Find(filter).Sort("{ at: 1, _id: 1 }").Limit(30).ToListAsync(Cancellation);
            if (page.Count == 0) break;
            pages.AddRange(page.Select(document => document["_id"].AsInt32));
            filter = BsonDocument.Parse($"{{ $or: [{{ at: {{ $gt: {page[^1]["at"]} }} }}, {{ at: {page[^1]["at"]}, _id: {{ $gt: {page[^1]["_id"]} }} }}] }}");
        }

        Assert.Equal(expected, cursor.Select(document => document["_id"].AsInt32));
        Assert.Equal(expected, pages);
    }

    [Fact]
    public async Task Shows_a_transaction_as_a_whole_or_not_at_all()
    {
        await things.InsertOneAsync(new BsonDocument("_id", 0), null, Cancellation);
        using var session = await client.StartSessionAsync(null, Cancellation);

        session.StartTransaction();
        await things.InsertManyAsync(session, [new("_id", 1), new("_id", 2)], null, Cancellation);
        var before = await things.CountDocumentsAsync("{}", null, Cancellation);
        await session.CommitTransactionAsync(Cancellation);
        session.StartTransaction();
        await things.DeleteManyAsync(session, "{}", null, Cancellation);
        await session.AbortTransactionAsync(Cancellation);

        Assert.Equal((1, 3), (before, await things.CountDocumentsAsync("{}", null, Cancellation)));
    }

    [Fact]
    public async Task Ends_one_of_two_transactions_that_change_the_same_document()
    {
        await things.InsertOneAsync(BsonDocument.Parse("{ _id: 'a', n: 0 }"), null, Cancellation);
        using var session = await client.StartSessionAsync(null, Cancellation);
        session.StartTransaction();
        await things.Find(session, "{ _id: 'a' }").SingleAsync(Cancellation);
        await things.UpdateOneAsync("{ _id: 'a' }", "{ $inc: { n: 1 } }", null, Cancellation);

        var refusal = await Assert.ThrowsAsync<MongoCommandException>(() => things.UpdateOneAsync(session, "{ _id: 'a' }", "{ $inc: { n: 1 } }", null, Cancellation));

        Assert.Equal(112, refusal.Code);
        Assert.True(refusal.HasErrorLabel("TransientTransactionError"));
    }
}
