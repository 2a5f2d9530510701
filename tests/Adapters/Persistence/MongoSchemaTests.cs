using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Documents of older and newer layouts.</summary>
public sealed class MongoSchemaTests(MongoFixture fixture) : IClassFixture<MongoFixture>
{
    private const ObjectKind Kind = ObjectKind.Role;

    /// <summary>A next version that calls <c>type</c> otherwise and has one field more.</summary>
    private static readonly MongoSchema Next = new([document =>
    {
        document["sort_of"] = document.GetValue("type", "");
        document.Remove("type");
        document["since"] = 2;
    }]);

    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IMongoCollection<BsonDocument> Records => fixture.Database.GetCollection<BsonDocument>(Kind.Slug());

    [Fact]
    public async Task An_older_layout_is_read_and_migrated_in_place_once_while_writers_write()
    {
        var keys = Enumerable.Range(0, 20).Select(i => A.Key(org, $"u{i}", Kind)).ToArray();
        foreach (var key in keys)
            await fixture.Store.InsertAsync(key, A.Body(key.Uid), A.Index(key.Uid) with { Type = "t" });
        var collections = new RecordCollections(fixture.Database, isReplicaSet: false, TimeSpan.FromSeconds(10));
        var documents = new RecordDocument(Next, "the test's database");
        using (var raw = (await collections.LookAsync(keys[0], RecordDocument.IdOf(keys[0]), Stop))!)
            Assert.Equal("u0", documents.Read<ClusterObject>(raw, Kind)!.Body.Metadata.Name);

        var migrated = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => new MongoMigration(collections, documents, Next).RunAsync(Kind, Stop)));

        Assert.Equal(20, migrated.Sum());
        var all = await Records.Find(new BsonDocument("org", org)).ToListAsync(Stop);
        Assert.All(all, document => Assert.Equal((2, "t", 2, 1L, false), (document["schema"].AsInt32, document["sort_of"].AsString, document["since"].AsInt32, document["version"].AsInt64, document.Contains("type"))));
        Assert.Equal(0, await new MongoMigration(collections, documents, Next).RunAsync(Kind, Stop));

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => fixture.Store.FindAsync<ClusterObject>(keys[0], Stop));
        Assert.Contains("newer version", refused.Message);
        Assert.Contains(keys[0].Uid, refused.Message);
    }
}
