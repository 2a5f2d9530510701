using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Events;
using Orleans;
using Orleans.Runtime;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.MongoDB.Clustering;
using PxBackup.Persistence.MongoDB.GrainState;
using PxBackup.Persistence.MongoDB.Reminders;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>What the documents look like, what becomes of damaged ones, and what is sent with every command.</summary>
public sealed class MongoDocumentsTests(MongoTablesFixture mongo) : IClassFixture<MongoTablesFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IMongoCollection<BsonDocument> Clusters => mongo.Database.GetCollection<BsonDocument>(MongoMembershipTable.Collection);

    private IMongoCollection<BsonDocument> Reminders => mongo.Database.GetCollection<BsonDocument>(MongoReminderTable.Collection);

    [Fact]
    public async Task A_cluster_is_one_document_that_people_can_read()
    {
        var (cluster, silo) = (Given.Id(), Given.Silo(SiloStatus.Active));
        silo.SuspectTimes = [Tuple.Create(Given.Address(), Given.Now)];
        await InsertAsync(cluster, silo);

        var document = await Clusters.Find(new BsonDocument("_id", cluster)).SingleAsync(Stop);

        Assert.Equal(1, document["version"]);
        var stored = document["silos"].AsBsonDocument.Single().Value.AsBsonDocument;
        Assert.Equal(silo.SiloAddress.ToParsableString(), stored["address"]);
        Assert.Equal(("Active", "Silo one", "host-1.example", 30000), (stored["status"].AsString, stored["siloName"].AsString, stored["hostName"].AsString, stored["proxyPort"].AsInt32));
        Assert.Equal((silo.StartTime, silo.IAmAliveTime), (stored["startedAt"].ToUniversalTime(), stored["iAmAliveAt"].ToUniversalTime()));
        var vote = stored["suspectedBy"].AsBsonArray.Single().AsBsonDocument;
        Assert.Equal((silo.SuspectTimes[0].Item1.ToParsableString(), silo.SuspectTimes[0].Item2), (vote["silo"].AsString, vote["at"].ToUniversalTime()));
    }

    [Fact]
    public async Task A_reminder_is_one_document_and_nothing_stays_when_it_is_removed()
    {
        var (table, service) = await RemindersAsync();
        var reminder = Given.Reminder(GrainId.Create("schedule", "org/1"), "daily");
        reminder.Period = TimeSpan.FromHours(30);
        var etag = await table.UpsertRow(reminder, Stop);

        var document = await Reminders.Find(new BsonDocument("_id.service", service)).SingleAsync(Stop);
        Assert.Equal(new BsonDocument { { "service", service }, { "grain", "schedule/org/1" }, { "name", "daily" } }, document["_id"]);
        Assert.Equal((etag, "1.06:00:00", reminder.StartAt), (document["etag"].AsString, document["period"].AsString, document["startAt"].ToUniversalTime()));
        Assert.Equal((long)reminder.GrainId.GetUniformHashCode(), document["grainHash"]);

        await table.RemoveRow(reminder.GrainId, "daily", etag!, Stop);
        Assert.Equal(0, await Reminders.CountDocumentsAsync(new BsonDocument("_id.service", service), null, Stop));
    }

    [Fact]
    public async Task The_index_over_the_ring_is_there_after_the_start_and_starting_again_is_no_error()
    {
        await RemindersAsync();
        await RemindersAsync();

        var indexes = await (await Reminders.Indexes.ListAsync(Stop)).ToListAsync(Stop);

        Assert.Equal(new BsonDocument { { "_id.service", 1 }, { "grainHash", 1 } }, indexes.Single(index => index["name"] == "by_hash")["key"]);
    }

    [Fact]
    public async Task A_state_is_one_document_in_the_collection_of_its_service_and_name()
    {
        var service = Given.Id();
        var grain = GrainId.Create("schedule", "org/1");
        var state = new GrainState<SampleState> { State = new SampleState { Text = "daily", Number = 7, Inner = new SampleState { Ratio = 0.5 } } };
        await mongo.Storage(service).WriteStateAsync("schedule.next", grain, state, Stop);

        var document = await mongo.Database.GetCollection<BsonDocument>($"grains.{service}.schedule%2Enext").Find(new BsonDocument("_id", "schedule/org/1")).SingleAsync(Stop);

        Assert.Equal(state.ETag, document["etag"]);
        Assert.True(document["savedAt"].IsValidDateTime);
        Assert.Equal(("daily", 7, 0.5), (document["state"]["text"].AsString, document["state"]["number"].AsInt32, document["state"]["inner"]["ratio"].AsDouble));
    }

    [Theory]
    [InlineData("silos.X.status", "Sleeping", "'status' cannot be read: 'Sleeping'")]
    [InlineData("silos.X.address", "nowhere", "'address' cannot be read")]
    [InlineData("silos.X.address", "127.0.0.1:1@1", "another silo")]
    [InlineData("silos.X.proxyPort", "80", "'proxyPort' is not a 32-bit number")]
    [InlineData("silos.X.startedAt", "yesterday", "'startedAt' cannot be a String")]
    [InlineData("silos.X", "gone", "is not a document")]
    [InlineData("version", "one", "'version' is not a 32-bit number")]
    [InlineData("silos", "none", "'silos' cannot be a String")]
    public async Task A_damaged_cluster_document_is_refused_by_its_name_and_field(string field, string value, string says)
    {
        var (cluster, silo) = (Given.Id(), Given.Silo());
        var table = await InsertAsync(cluster, silo);
        var path = field.Replace("X", SiloDocument.KeyOf(silo.SiloAddress), StringComparison.Ordinal);
        await Clusters.UpdateOneAsync(new BsonDocument("_id", cluster), Builders<BsonDocument>.Update.Set(path, value), null, Stop);

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => table.ReadAllAsync(Stop));

        Assert.Contains(says, refused.Message);
        Assert.Contains(cluster, refused.Message);
        Assert.Contains("orleans-tables.md", refused.Message);
    }

    [Theory]
    [InlineData("period", "often")]
    [InlineData("period", "00:00:00")]
    [InlineData("startAt", "now")]
    [InlineData("etag", 5)]
    public async Task A_damaged_reminder_is_refused_alone_and_told_when_a_range_is_read(string field, object value)
    {
        var log = new Lines();
        var (table, service) = await RemindersAsync(log);
        var (good, bad) = (Given.Reminder(Given.Grain(), "good"), Given.Reminder(Given.Grain(), "bad"));
        await table.UpsertRow(good, Stop);
        await table.UpsertRow(bad, Stop);
        await Reminders.UpdateOneAsync(new BsonDocument { { "_id.service", service }, { "_id.name", "bad" } }, Builders<BsonDocument>.Update.Set(field, value), null, Stop);

        var range = await table.ReadRows(0, 0, Stop);
        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => table.ReadRow(bad.GrainId, "bad", Stop));

        Assert.Equal("good", Assert.Single(range.Reminders).ReminderName);
        Assert.Contains(field, refused.Message);
        Assert.Contains(refused.Message, Assert.Single(log.Errors));
    }

    [Fact]
    public async Task A_damaged_state_is_refused_by_its_name_and_the_readers_state_stays()
    {
        var (service, grain) = (Given.Id(), Given.Grain());
        var storage = mongo.Storage(service);
        var states = mongo.Database.GetCollection<BsonDocument>($"grains.{service}.s");
        var reader = new GrainState<SampleState> { State = new SampleState { Text = "before" } };
        BsonDocument[] damaged =
        [
            new() { { "etag", "1" } },
            new() { { "etag", 1 }, { "state", new BsonDocument() } },
            new() { { "state", new BsonDocument() } },
            new() { { "etag", "1" }, { "state", new BsonDocument("number", "seven") } },
            new() { { "etag", "1" }, { "state", new BsonDocument("number", 7.5) } },
            new() { { "etag", "1" }, { "state", new BsonDocument("text", new BsonRegularExpression("x")) } },
            new() { { "etag", "1" }, { "state", new BsonArray() } },
        ];

        foreach (var document in damaged)
        {
            await states.ReplaceOneAsync(new BsonDocument("_id", grain.ToString()), new BsonDocument("_id", grain.ToString()).AddRange(document), new ReplaceOptions { IsUpsert = true }, Stop);
            var refused = await Assert.ThrowsAsync<RecordStoreException>(() => storage.ReadStateAsync("s", grain, reader, Stop));
            Assert.Contains(grain.ToString(), refused.Message);
        }

        Assert.Equal(("before", false, null), (reader.State!.Text, reader.RecordExists, reader.ETag));
    }

    [Fact]
    public async Task A_type_that_a_document_names_is_never_made()
    {
        var (service, grain) = (Given.Id(), Given.Grain());
        await mongo.Database.GetCollection<BsonDocument>($"grains.{service}.s").InsertOneAsync(
            new BsonDocument { { "_id", grain.ToString() }, { "etag", "1" }, { "state", new BsonDocument { { "$type", "System.IO.FileInfo, System.Runtime" }, { "_t", "FileInfo" }, { "text", "plain" } } } }, null, Stop);
        var reader = new GrainState<SampleState> { State = new SampleState() };

        await mongo.Storage(service).ReadStateAsync("s", grain, reader, Stop);

        Assert.Equal(new SampleState { Text = "plain" }, reader.State);
    }

    [Fact]
    public void Different_services_and_state_names_never_share_a_collection()
    {
        string[] names = ["a", "A", "a.b", "a%2Eb", "", "%", "~", new('x', 36), new('x', 37), new('x', 38), new string('x', 36) + "~", new('я', 20), new('я', 21), "system.users", "$x", "a\0b"];
        var all = names.SelectMany(service => names.Select(state => StateCollections.NameOf("grains", service, state))).ToList();

        Assert.Equal(all.Count, all.Distinct().Count());
        Assert.All(all, name => Assert.Matches("^grains\\.[A-Za-z0-9%~_-]+\\.[A-Za-z0-9%~_-]+$", name));
        Assert.All(all, name => Assert.InRange(name.Length, 1, 80));
    }

    [Fact]
    public async Task Every_write_asks_for_majority_and_journal_and_every_read_for_majority_whatever_the_connection_says()
    {
        var commands = new ConcurrentQueue<BsonDocument>();
        var settings = mongo.Database.Client.Settings.Clone();
        settings.WriteConcern = WriteConcern.W1;
        settings.ReadConcern = ReadConcern.Local;
        settings.ReadPreference = ReadPreference.SecondaryPreferred;
        settings.ClusterConfigurator = cluster => cluster.Subscribe<CommandStartedEvent>(started => commands.Enqueue(started.Command.DeepClone().AsBsonDocument));
        using var client = new MongoClient(settings);
        var database = client.GetDatabase(mongo.Database.DatabaseNamespace.DatabaseName);
        var table = new MongoMembershipTable(database, Tables.Cluster(Given.Id()));
        var reminders = new MongoReminderTable(database, Tables.Service(Given.Id()), NullLogger<MongoReminderTable>.Instance);
        var (storage, grain, state) = (mongo.Storage(Given.Id(), database), Given.Grain(), new GrainState<SampleState> { State = new SampleState() });
        var (silo, reminder) = (Given.Silo(SiloStatus.Dead), Given.Reminder(grain, "r"));

        await table.InitializeMembershipTableAsync(true, Stop);
        await table.InsertRowAsync(silo, (await table.ReadAllAsync(Stop)).Version.Next(), Stop);
        await table.UpdateIAmAliveAsync(silo, Stop);
        await table.CleanupDefunctSiloEntriesAsync(Given.Now.AddDays(1), Stop);
        await reminders.RemoveRow(grain, "r", (await reminders.UpsertRow(reminder, Stop))!, Stop);
        await reminders.ReadRows(0, 0, Stop);
        await storage.WriteStateAsync("s", grain, state, Stop);
        await storage.WriteStateAsync("s", grain, state, Stop);
        await storage.ReadStateAsync("s", grain, state, Stop);
        await storage.ClearStateAsync("s", grain, state, Stop);

        string[] kinds = ["insert", "update", "delete"];
        var writes = commands.Where(command => kinds.Contains(command.GetElement(0).Name)).ToList();
        var reads = commands.Where(command => command.GetElement(0).Name == "find").ToList();
        Assert.Equal(9, writes.Count);
        Assert.All(writes, write => Assert.Equal(new BsonDocument { { "w", "majority" }, { "j", true } }, write["writeConcern"].AsBsonDocument));
        Assert.True(reads.Count >= 4);
        Assert.All(reads, read => Assert.Equal("majority", read["readConcern"]["level"]));
        Assert.All(commands, command => Assert.Equal("primary", command.Contains("$readPreference") ? command["$readPreference"]["mode"] : "primary"));
    }

    [Fact]
    public async Task An_unreachable_database_is_told_with_its_address_and_a_cure()
    {
        var table = new MongoMembershipTable(mongo.Unreachable, Tables.Cluster("c"));

        var failure = await Assert.ThrowsAsync<RecordStoreException>(() => table.ReadAllAsync(Stop));

        Assert.Contains("127.0.0.1:1", failure.Message);
        Assert.Contains("reading the members of cluster 'c'", failure.Message);
    }

    private async Task<MongoMembershipTable> InsertAsync(string cluster, MembershipEntry silo)
    {
        var table = new MongoMembershipTable(mongo.Database, Tables.Cluster(cluster));
        await table.InitializeMembershipTableAsync(true, Stop);
        Assert.True(await table.InsertRowAsync(silo, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));
        return table;
    }

    private async Task<(MongoReminderTable Table, string Service)> RemindersAsync(ILogger<MongoReminderTable>? logger = null)
    {
        var service = Given.Id();
        var table = new MongoReminderTable(mongo.Database, Tables.Service(service), logger ?? NullLogger<MongoReminderTable>.Instance);
        await table.StartAsync(Stop);
        return (table, service);
    }

    private sealed class Lines : ILogger<MongoReminderTable>
    {
        public ConcurrentQueue<string> Errors { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Error)
                Errors.Enqueue(formatter(state, exception));
        }
    }
}
