using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>What is wrong with the server ends the start with one line that says so.</summary>
public sealed class MongoStartTests(DocumentDbFixture peer)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_is_not_there_is_named_with_the_cure()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();

        await RefusedAsync($"mongodb://user:s3cret@127.0.0.1:{port}/?replicaSet=rs0", $"127.0.0.1:{port}", "no server can be reached", "check that it runs");
    }

    [Fact]
    public async Task A_single_server_is_refused_unless_it_is_allowed()
    {
        using var server = new FakeMongoServer([]);

        await RefusedAsync(Direct(server), "not a replica set", "Mongo:AllowStandalone");
        await CheckAsync(Direct(server), allowStandalone: true);
    }

    [Fact]
    public async Task A_member_that_is_not_the_primary_is_refused()
    {
        using var server = new FakeMongoServer(new BsonDocument { { "setName", "rs0" }, { "isWritablePrimary", false }, { "ismaster", false }, { "secondary", true } });

        await RefusedAsync(Direct(server), "read-only", "not a secondary");
    }

    [Fact]
    public async Task A_replica_set_without_a_primary_is_told_from_one_that_is_not_there()
    {
        using var server = new FakeMongoServer([]);
        using var member = new FakeMongoServer(new BsonDocument
        {
            { "setName", "rs0" }, { "isWritablePrimary", false }, { "ismaster", false }, { "secondary", true },
        });

        await RefusedAsync($"mongodb://127.0.0.1:{member.Port}/?replicaSet=rs0", "there is no primary", "majority");
    }

    [Fact]
    public async Task A_single_server_under_the_address_of_a_set_is_told_apart_from_one_that_is_not_there()
    {
        using var server = new FakeMongoServer([]);

        await RefusedAsync($"mongodb://127.0.0.1:{server.Port}/?replicaSet=rs0", "single server", "rs.status()", "Mongo:AllowStandalone");
    }

    [Fact]
    public async Task A_set_whose_members_go_by_names_that_do_not_resolve_here_is_told_which()
    {
        using var server = new FakeMongoServer(new BsonDocument { { "setName", "rs0" }, { "hosts", new BsonArray { "mongo1.invalid:27017" } }, { "me", "mongo1.invalid:27017" } });

        await RefusedAsync($"mongodb://127.0.0.1:{server.Port}/?replicaSet=rs0", TimeSpan.FromSeconds(5), "mongo1.invalid:27017", "rs.conf()");
    }

    [Fact]
    public async Task A_server_that_waits_for_its_replica_set_is_told_to_initiate_it()
    {
        using var server = new FakeMongoServer(new BsonDocument { { "isreplicaset", true }, { "isWritablePrimary", false }, { "ismaster", false } });

        await RefusedAsync($"mongodb://127.0.0.1:{server.Port}/?replicaSet=rs0", "initiate");
    }

    [Theory]
    [InlineData(6)]
    [InlineData(12)]
    public async Task A_server_that_is_too_old_is_refused(int wireVersion)
    {
        using var server = new FakeMongoServer(new BsonDocument { { "setName", "rs0" }, { "maxWireVersion", wireVersion } });

        await RefusedAsync(Direct(server), "5.0");
    }

    [Theory]
    [InlineData("--user", "somebody", "--password", "another")]
    [InlineData] // A server without users knows no login at all.
    public async Task A_password_that_is_refused_is_named_and_never_shown(params string[] users)
    {
        var server = DocumentDbFixture.Elsewhere ?? (await peer.GatewayAsync(["--set", "rs0", .. users])).ConnectionString;
        var address = new MongoUrlBuilder(server) { Username = "nobody", Password = "s3cret" };

        // The pool opens connections by itself, and which one is refused first is a race: the line is the same each time.
        for (var i = 0; i < 5; i++)
            await RefusedAsync(address.ToString(), Patient, "user or password is refused", "Mongo:ConnectionString");
    }

    [Fact]
    public async Task A_read_whose_connection_is_refused_fails_with_words_too()
    {
        var server = DocumentDbFixture.Elsewhere ?? (await peer.GatewayAsync("--set", "rs0", "--user", "somebody", "--password", "another")).ConnectionString;
        var options = new MongoOptions { ConnectionString = new MongoUrlBuilder(server) { Username = "nobody", Password = "s3cret" }.ToString(), ServerSelectionTimeout = Patient, MinPool = 0 };

        for (var i = 0; i < 5; i++)
        {
            await using var provider = new ServiceCollection().AddMongoDatabase(options).BuildServiceProvider();
            var collections = new RecordCollections(provider.GetRequiredService<IMongoDatabase>(), isReplicaSet: true, TimeSpan.FromSeconds(5));

            var refused = await Assert.ThrowsAsync<RecordStoreException>(() => collections.LookAsync(A.Key("o"), "o/u", Stop));

            Assert.Contains("password", refused.Message);
            Assert.DoesNotContain("s3cret", refused.ToString());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("postgres://x")]
    [InlineData("mongodb://user:p@ss:s3cret@host")]
    [InlineData("mongodb://host:99999")]
    public void An_address_that_is_none_is_refused_without_showing_it(string address)
    {
        var refused = Assert.ThrowsAny<Exception>(() => new ServiceCollection().AddMongoDatabase(new MongoOptions { ConnectionString = address }));

        Assert.True(refused is RecordStoreException or ValidationException, refused.GetType().Name);
        Assert.DoesNotContain("s3cret", refused.ToString());
    }

    [Fact]
    public void A_file_of_authorities_that_is_missing_or_empty_is_named()
    {
        using var directory = new TemporaryDirectory();
        var empty = Path.Combine(directory.Path, "empty.pem");
        File.WriteAllText(empty, "");

        foreach (var file in (string[])[empty, Path.Combine(directory.Path, "missing.pem")])
        {
            var refused = Assert.Throws<RecordStoreException>(() => MongoDatabaseSetup.SettingsOf(new MongoOptions { ConnectionString = "mongodb://h", CaFile = file }));
            Assert.Contains(file, refused.Message);
        }
    }

    [Fact]
    public void What_decides_correctness_does_not_depend_on_the_address()
    {
        var settings = MongoDatabaseSetup.SettingsOf(new MongoOptions
        {
            ConnectionString = "mongodb://h/?w=1&journal=false&readConcernLevel=local&readPreference=secondary&compressors=zlib&retryWrites=false&maxPoolSize=1",
        });

        Assert.Equal((WriteConcern.WMajority.W, true), (settings.WriteConcern.W, settings.WriteConcern.Journal));
        Assert.Equal((ReadConcern.Majority, ReadPreference.Primary), (settings.ReadConcern, settings.ReadPreference));
        Assert.Empty(settings.Compressors);
        Assert.True(settings.RetryWrites);
        Assert.Equal(64, settings.MaxConnectionPoolSize);
    }

    /// <summary>For tests in which no server is to be found: they wait for it to the end.</summary>
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(700);

    /// <summary>For tests in which one is there, on a busy machine.</summary>
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(20);

    private static string Direct(FakeMongoServer server) => $"mongodb://127.0.0.1:{server.Port}/?directConnection=true";

    private static async Task CheckAsync(string address, bool allowStandalone = false, TimeSpan? wait = null)
    {
        var options = new MongoOptions { ConnectionString = address, ServerSelectionTimeout = wait ?? Short, ConnectTimeout = TimeSpan.FromSeconds(2), AllowStandalone = allowStandalone };
        await using var provider = new ServiceCollection().AddMongoDatabase(options).BuildServiceProvider();
        await provider.GetRequiredService<MongoServer>().CheckAsync(Stop);
    }

    private static Task RefusedAsync(string address, params string[] words) => RefusedAsync(address, Short, words);

    private static async Task RefusedAsync(string address, TimeSpan wait, params string[] words)
    {
        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => CheckAsync(address, wait: wait));

        foreach (var word in words)
            Assert.Contains(word, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.DoesNotContain("s3cret", refused.ToString());
    }
}
