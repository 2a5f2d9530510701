using Microsoft.Extensions.DependencyInjection;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.Secrets;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Writes whose answer is lost, documents that somebody changed, marks of several processes.</summary>
public sealed class MongoWriteTests(MongoFixture fixture, DocumentDbFixture peer) : IClassFixture<MongoFixture>
{
    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_write_whose_answer_was_lost_once_is_sent_again_and_counts_once(bool serverForgets)
    {
        await using var cut = await CutAsync(serverForgets);
        var key = A.Key(org);

        cut.Cutter.LoseAnswers("insert", 1);
        Assert.Equal(1, await cut.Store.InsertAsync(key, A.Body("a"), A.Index("a")));
        cut.Cutter.LoseAnswers("update", 1);
        await cut.Store.UpdateAsync(key, 1, A.Body("b"), A.Index("b"));
        Assert.Equal(("b", 2L), await SeenAsync(key));
        cut.Cutter.LoseAnswers("update", 1);
        await cut.Store.DeleteAsync(key, 2);
        cut.Cutter.LoseAnswers("update", 1);
        Assert.Equal(4, await cut.Store.InsertAsync(key, A.Body("c"), A.Index("c"), after: 3));

        Assert.Equal(("c", 4L), await SeenAsync(key));
        Assert.Equal(4, cut.Cutter.Lost);
        Assert.Equal(serverForgets, cut.Cutter.Changed >= 4);
    }

    [Fact]
    public async Task A_write_whose_answers_are_all_lost_has_an_unknown_outcome_and_is_no_conflict()
    {
        await using var cut = await CutAsync(serverForgets: false);
        var key = A.Key(org);
        await cut.Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        cut.Cutter.LoseAnswers("update", 10);

        var lost = await Assert.ThrowsAsync<RecordStoreException>(() => cut.Store.UpdateAsync(key, 1, A.Body("b"), A.Index("b")));

        Assert.Contains("outcome is unknown", lost.Message);
        Assert.Equal(("b", 2L), await SeenAsync(key));
    }

    [Theory]
    [InlineData("insert")]
    [InlineData("update")]
    public async Task A_write_that_lost_against_another_one_is_sent_again_and_in_the_end_known_as_not_written(string command)
    {
        var gateway = await peer.GatewayAsync("--set", "rs0");
        using var admin = new MongoClient(gateway.ConnectionString);
        var services = new ServiceCollection().AddLogging().AddMongoRecords(new MongoOptions { ConnectionString = gateway.ConnectionString, Database = fixture.Options.Database });
        await using var provider = services.BuildServiceProvider();
        var store = await Task.Run(provider.GetRequiredService<MongoRecordStore>);
        var (key, other) = (A.Key(org), A.Key(org));
        if (command == "update")
        {
            await store.InsertAsync(key, A.Body("a"), A.Index("a"));
            await store.InsertAsync(other, A.Body("b"), A.Index("b"));
        }

        await ConflictAsync("{ times: 3 }");
        await WriteAsync(key, "a");
        await ConflictAsync("'alwaysOn'");
        var lost = await Assert.ThrowsAsync<RecordStoreException>(() => WriteAsync(other, "b"));
        await ConflictAsync("'off'");

        Assert.Contains("nothing was written", lost.Message);
        Assert.DoesNotContain("unknown", lost.Message);
        var before = command == "insert" ? 0L : 1L;
        Assert.Equal(before + 1, (await store.FindAsync<ClusterObject>(key, Stop))!.Version);
        Assert.Equal(before, (await store.FindAsync<ClusterObject>(other, Stop))?.Version ?? 0);
        await WriteAsync(other, "b");

        Task WriteAsync(RecordKey record, string name) =>
            command == "insert" ? store.InsertAsync(record, A.Body(name), A.Index(name)) : store.UpdateAsync(record, 1, A.Body(name), A.Index(name));

        Task ConflictAsync(string mode) => admin.GetDatabase("admin").RunCommandAsync<BsonDocument>(
            BsonDocument.Parse($"{{ configureFailPoint: 'failCommand', mode: {mode}, data: {{ failCommands: ['{command}'], errorCode: 112 }} }}"), cancellationToken: Stop);
    }

    [Theory]
    [InlineData("version", -1L)]
    [InlineData("version", "1")]
    [InlineData("schema", 2)]
    [InlineData("schema", "1")]
    [InlineData("body", "text")]
    [InlineData("body.$type", "System.Object")]
    [InlineData("body.metadata.name", 5)]
    [InlineData("message", "BackupObject")]
    [InlineData("org", "another")]
    [InlineData("uid", 7)]
    public async Task A_document_that_somebody_changed_fails_alone_and_is_named(string field, object value)
    {
        var (key, sound) = (A.Key(org), A.Key(org));
        await fixture.Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await fixture.Store.InsertAsync(sound, A.Body("b"), A.Index("b"));
        await ReplaceAsync(key, document => Set(document, field, BsonValue.Create(value)));

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => fixture.Store.FindAsync<ClusterObject>(key, Stop));

        Assert.Contains(key.Uid, refused.Message);
        Assert.Contains("restore", refused.Message);
        Assert.NotNull(await fixture.Store.FindAsync<ClusterObject>(sound, Stop));
    }

    [Fact]
    public async Task A_message_that_cannot_fit_is_refused_with_its_size_limit()
    {
        var key = A.Key(org);

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => fixture.Store.InsertAsync(key, A.Body("a", new string('x', 17_000_000)), A.Index("a")));

        Assert.Contains("16 MB", refused.Message);
        Assert.Null(await fixture.Store.FindAsync<ClusterObject>(key, Stop));
    }

    [Fact]
    public async Task Of_several_processes_that_begin_at_once_one_mark_wins_and_the_others_see_whose()
    {
        var database = fixture.Database.Client.GetDatabase(fixture.Options.Database + "_m");
        try
        {
            var opened = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(() =>
            {
                try
                {
                    return MasterKeys.Open(new SecretsOptions { Keys = Convert.ToBase64String(Enumerable.Repeat((byte)i, 32).ToArray()) }, new MongoKeyMark(database)).Current.Id;
                }
                catch (SecretUnreadableException)
                {
                    return null;
                }
            })));

            Assert.Single(opened, id => id is not null);
            Assert.Equal(1, await database.GetCollection<BsonDocument>("marks").CountDocumentsAsync(new BsonDocument(), cancellationToken: Stop));
        }
        finally
        {
            await database.Client.DropDatabaseAsync(database.DatabaseNamespace.DatabaseName, Stop);
        }
    }

    [Fact]
    public void A_mark_that_another_process_has_rotated_is_not_overwritten()
    {
        MongoKeyMark first = new(fixture.Database), second = new(fixture.Database);
        if (first.Read() is null)
            first.Write("original");
        Assert.Equal("original", second.Read());

        first.Write("rotated");

        Assert.Throws<RecordStoreException>(() => second.Write("mine"));
        Assert.Equal("rotated", second.Read());
    }

    [Fact]
    public async Task Several_processes_make_the_indexes_at_once_and_one_of_another_form_is_named()
    {
        var database = fixture.Database.Client.GetDatabase(fixture.Options.Database + "_i");
        try
        {
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => OpenAsync(database)));
            await database.GetCollection<BsonDocument>("rule").Indexes.DropOneAsync("by_name", Stop);
            await database.GetCollection<BsonDocument>("rule").Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>(new BsonDocument("name", 1), new CreateIndexOptions { Name = "by_name" }), cancellationToken: Stop);

            var refused = await Assert.ThrowsAsync<RecordStoreException>(() => OpenAsync(database));

            Assert.Contains("'by_name'", refused.Message);
            Assert.Contains("'rule'", refused.Message);
        }
        finally
        {
            await database.Client.DropDatabaseAsync(database.DatabaseNamespace.DatabaseName, Stop);
        }

        static async Task OpenAsync(IMongoDatabase database)
        {
            var indexes = new MongoIndexes(database, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
            await indexes.EnsureAsync(Stop);
            await indexes.Completion;
            using var there = await database.GetCollection<BsonDocument>(ObjectKind.Backup.Slug()).Indexes.ListAsync(Stop);
            Assert.Superset(MongoIndexes.Of(ObjectKind.Backup).Select(index => index.Name).ToHashSet(), (await there.ToListAsync(Stop)).Select(index => index["name"].AsString).ToHashSet());
        }
    }

    private static void Set(BsonDocument document, string path, BsonValue value)
    {
        var parts = path.Split('.');
        foreach (var part in parts[..^1])
            document = document[part].AsBsonDocument;
        document[parts[^1]] = value;
    }

    private async Task ReplaceAsync(RecordKey key, Action<BsonDocument> change)
    {
        var collection = fixture.Database.GetCollection<BsonDocument>(key.Kind.Slug());
        var filter = new BsonDocument("_id", RecordDocument.IdOf(key));
        var document = await collection.Find(filter).SingleAsync(Stop);
        change(document);
        await collection.DeleteOneAsync(filter, Stop);
        await collection.InsertOneAsync(document, cancellationToken: Stop);
    }

    private async Task<(string Name, long Version)> SeenAsync(RecordKey key)
    {
        var stored = await fixture.Store.FindAsync<ClusterObject>(key, Stop);
        return (stored!.Body.Metadata.Name, stored.Version);
    }

    private async Task<CutStore> CutAsync(bool serverForgets)
    {
        var (cutter, options) = await fixture.CutterAsync();
        cutter.Forgets = serverForgets;
        var provider = new ServiceCollection().AddLogging().AddMongoRecords(options).BuildServiceProvider();
        return new CutStore(cutter, provider, await Task.Run(provider.GetRequiredService<MongoRecordStore>));
    }

    private sealed record CutStore(MongoCutter Cutter, ServiceProvider Provider, MongoRecordStore Store) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Provider.DisposeAsync();
            Cutter.Dispose();
        }
    }
}
