using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;
using PxBackup.Tests.Adapters.Persistence;
using Xunit;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>What only our own gateway is asked for: replies that get lost, logins, roles and versions that suites want to meet, bad clients.</summary>
public sealed class The_gateway_of_DocumentDB(DocumentDbFixture server) : IAsyncLifetime
{
    private readonly string database = "gateway_" + Guid.NewGuid().ToString("N")[..12];
    private DocumentGatewayProgram gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(DocumentDbFixture.Elsewhere is not null, "MONGO_URI names another server: our gateway is not used");
        gateway = await server.GatewayAsync("--set", "rs0");
    }

    public async ValueTask DisposeAsync()
    {
        if (gateway is null) return;
        using var client = new MongoClient(gateway.ConnectionString);
        await client.DropDatabaseAsync(database, CancellationToken.None);
        await gateway.DisposeAsync();
    }

    public static TheoryData<string, Func<IMongoCollection<BsonDocument>, Task>, string> Writes => new()
    {
        { "insert", things => things.InsertOneAsync(new("_id", "b")), "[{ _id: 'a', n: 0 }, { _id: 'b' }]" },
        { "insert", things => things.InsertManyAsync([new("_id", "b"), new("_id", "c")]), "[{ _id: 'a', n: 0 }, { _id: 'b' }, { _id: 'c' }]" },
        { "update", things => things.UpdateOneAsync("{ _id: 'a' }", "{ $inc: { n: 1 } }"), "[{ _id: 'a', n: 1 }]" },
        { "update", things => things.UpdateOneAsync("{ _id: 'b' }", "{ $inc: { n: 1 } }", new() { IsUpsert = true }), "[{ _id: 'a', n: 0 }, { _id: 'b', n: 1 }]" },
        { "update", Twice, "[{ _id: 'a', n: 11 }]" },
        { "findAndModify", things => things.FindOneAndUpdateAsync("{ _id: 'a' }", "{ $inc: { n: 1 } }"), "[{ _id: 'a', n: 1 }]" },
        { "delete", things => things.DeleteOneAsync("{ n: 0 }"), "[]" },
    };

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Writes))]
    public async Task Does_a_write_once_that_is_sent_again_after_a_lost_reply(string command, Func<IMongoCollection<BsonDocument>, Task> write, string expected)
    {
        using var client = new MongoClient(gateway.ConnectionString);
        var things = client.GetDatabase(database).GetCollection<BsonDocument>("things");
        await things.InsertOneAsync(BsonDocument.Parse("{ _id: 'a', n: 0 }"), null, Cancellation);
        await FailAsync(client, "{ times: 1 }", $"{{ failCommands: ['{command}'], closeAfter: true }}");

        await write(things);

        var found = await things.Find("{}").Sort("{ _id: 1 }").ToListAsync(Cancellation);
        Assert.Equal(List(expected), new BsonArray(found));
    }

    [Fact]
    public async Task Gives_one_answer_to_a_write_that_comes_on_two_connections()
    {
        using var client = new MongoClient(gateway.ConnectionString);
        var command = new BsonDocument
        {
            { "update", "things" }, { "updates", List("[{ q: { _id: 'a' }, u: { $inc: { n: 1 } }, upsert: true }]") }, { "$db", database },
            { "lsid", new BsonDocument("id", new BsonBinaryData(Guid.NewGuid(), GuidRepresentation.Standard)) }, { "txnNumber", 7L },
        };

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(command)));
        command["txnNumber"] = 6L;
        var late = await SendAsync(command);

        Assert.Single(replies.Select(reply => reply.ToJson()).Distinct());
        Assert.Equal(1, replies[0]["n"].ToInt32());
        Assert.Equal(225, late["code"].ToInt32());
        Assert.Equal(1, (await client.GetDatabase(database).GetCollection<BsonDocument>("things").Find("{}").SingleAsync(Cancellation))["n"].AsInt32);
    }

    [Fact]
    public async Task Fails_as_a_fail_point_says()
    {
        using var client = new MongoClient(gateway.ConnectionString + "&retryReads=false&retryWrites=false");
        var things = client.GetDatabase(database).GetCollection<BsonDocument>("things");
        await FailAsync(client, "{ times: 1 }", "{ failCommands: ['find'], errorCode: 11602, errorLabels: ['SomeLabel'] }");

        var refusal = await Assert.ThrowsAsync<MongoNodeIsRecoveringException>(() => things.Find("{}").AnyAsync(Cancellation));
        var after = await things.Find("{}").AnyAsync(Cancellation);
        await FailAsync(client, "'alwaysOn'", "{ failCommands: ['insert'], closeConnection: true }");
        await Assert.ThrowsAnyAsync<MongoConnectionException>(() => things.InsertOneAsync(new("_id", 1), null, Cancellation));
        await FailAsync(client, "'off'", "{}");

        Assert.Equal((11602, true, false), (refusal.Code, refusal.HasErrorLabel("SomeLabel"), after));
        Assert.Equal(0, await things.CountDocumentsAsync("{}", null, Cancellation));
    }

    [Fact]
    public async Task Lets_in_who_knows_the_password_and_nobody_else()
    {
        var locked = await server.GatewayAsync("--set", "rs0", "--user", "px", "--password", "p@ss,w=rd");

        using var known = Login("px", "p@ss,w=rd");
        using var wrong = Login("px", "p@ss,w=re");
        using var stranger = Login("py", "p@ss,w=rd");
        using var nobody = new MongoClient(locked.ConnectionString.Replace("px@", "", StringComparison.Ordinal));

        await PingAsync(known);
        await known.GetDatabase(database).GetCollection<BsonDocument>("things").Find("{}").AnyAsync(Cancellation);
        Assert.Equal(18, await RefusalAsync(wrong));
        Assert.Equal(18, await RefusalAsync(stranger));
        var unauthorized = await Assert.ThrowsAsync<MongoCommandException>(() => nobody.GetDatabase(database).GetCollection<BsonDocument>("things").Find("{}").AnyAsync(Cancellation));
        Assert.Equal(13, unauthorized.Code);

        MongoClient Login(string user, string password)
        {
            var settings = MongoClientSettings.FromConnectionString(locked.ConnectionString.Replace("px@", "", StringComparison.Ordinal));
            settings.Credential = MongoCredential.CreateCredential("admin", user, password);
            return new(settings);
        }

        static async Task<int> RefusalAsync(MongoClient client)
        {
            var refusal = await Assert.ThrowsAsync<MongoAuthenticationException>(() => PingAsync(client));
            return Assert.IsType<MongoCommandException>(refusal.InnerException).Code;
        }
    }

    [Fact]
    public async Task Plays_a_secondary_that_refuses_writes()
    {
        var secondary = await server.GatewayAsync("--set", "rs0", "--read-only", "yes");
        using var client = new MongoClient(secondary.ConnectionString.Replace("replicaSet=rs0", "directConnection=true", StringComparison.Ordinal));
        var things = client.GetDatabase(database).GetCollection<BsonDocument>("things");

        var refusal = await Assert.ThrowsAsync<MongoNotPrimaryException>(() => things.InsertOneAsync(new("_id", 1), null, Cancellation));
        var read = await things.WithReadPreference(ReadPreference.SecondaryPreferred).Find("{}").AnyAsync(Cancellation);

        Assert.Equal((10107, false), (refusal.Code, read));
    }

    [Fact]
    public async Task Plays_an_old_server_and_one_without_a_replica_set()
    {
        var old = await server.GatewayAsync("--wire-version", "5");
        var alone = await server.GatewayAsync();
        using var oldClient = new MongoClient(old.ConnectionString + "&serverSelectionTimeoutMS=3000");
        using var aloneClient = new MongoClient(alone.ConnectionString);

        await Assert.ThrowsAsync<MongoIncompatibleDriverException>(() => PingAsync(oldClient));
        var hello = await aloneClient.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), null, Cancellation);

        Assert.False(hello.Contains("setName"));
        Assert.True(hello["isWritablePrimary"].AsBoolean);
    }

    [Fact]
    public async Task Speaks_TLS_with_the_certificate_that_it_is_given()
    {
        using var folder = new TemporaryDirectory();
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=documentdb", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "tls.crt"), certificate.ExportCertificatePem(), Cancellation);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "tls.key"), key.ExportPkcs8PrivateKeyPem(), Cancellation);
        var secured = await server.GatewayAsync("--certificate", Path.Combine(folder.Path, "tls.crt"), "--key", Path.Combine(folder.Path, "tls.key"));
        var settings = MongoClientSettings.FromConnectionString(secured.ConnectionString);
        settings.SslSettings = new SslSettings { ServerCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString() == certificate.GetCertHashString() };
        using var client = new MongoClient(settings);

        await PingAsync(client);
    }

    public static TheoryData<string, byte[]> Garbage => new()
    {
        { "another protocol", "GET / HTTP/1.1\r\n\r\n"u8.ToArray() },
        { "two gigabytes", [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0] },
        { "a length that is none", [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0] },
        { "an unknown operation", Message(2012, [0, 0, 0, 0, 0]) },
        { "an unknown flag", Message(2013, [4, 0, 0, 0, 0, .. Ping]) },
        { "an unknown section", Message(2013, [0, 0, 0, 0, 7, .. Ping]) },
        { "two bodies", Message(2013, [0, 0, 0, 0, 0, .. Ping, 0, .. Ping]) },
        { "no body", Message(2013, [0, 0, 0, 0, 1, 11, 0, 0, 0, (byte)'a', 0, 5, 0, 0, 0, 0]) },
        { "a body that is cut off", Message(2013, [0, 0, 0, 0, 0, .. Ping[..^3]]) },
        { "an empty command", Message(2013, [0, 0, 0, 0, 0, 5, 0, 0, 0, 0]) },
        { "a text beyond its document", Message(2013, [0, 0, 0, 0, 0, 13, 0, 0, 0, 2, (byte)'a', 0, 0xff, 0xff, 0xff, 0x7f, 0, 0]) },
        { "a wrong checksum", Message(2013, [1, 0, 0, 0, 0, .. Ping, 1, 2, 3, 4]) },
        { "a query that is no command", Message(2004, [0, 0, 0, 0, (byte)'a', (byte)'.', (byte)'b', 0, 0, 0, 0, 0, 1, 0, 0, 0, .. Ping]) },
    };

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Garbage))]
    public async Task Closes_the_connection_of_a_client_that_sends_no_message_and_serves_the_others(string what, byte[] garbage)
    {
        using var socket = await ConnectAsync();

        await socket.SendAsync(garbage, Cancellation);
        var answered = await ReadAsync();

        Assert.True(answered == 0, $"{what} was answered");
        using var client = new MongoClient(gateway.ConnectionString);
        await PingAsync(client);

        async Task<int> ReadAsync()
        {
            try
            {
                return await socket.ReceiveAsync(new byte[100], Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
            }
            catch (SocketException)
            {
                return 0; // Closed while there was more to read.
            }
        }
    }

    [Fact]
    public async Task Understands_a_message_with_a_checksum_and_one_that_wants_no_reply()
    {
        using var socket = await ConnectAsync();
        await using var stream = new NetworkStream(socket);
        var silent = Message(2013, [2, 0, 0, 0, 0, .. Ping]);
        var signed = Message(2013, [1, 0, 0, 0, 0, .. Ping, 0, 0, 0, 0]);
        signed[4] = 42;
        var sum = ~signed[..^4].Aggregate(uint.MaxValue, System.Numerics.BitOperations.Crc32C);
        BitConverter.GetBytes(sum).CopyTo(signed, signed.Length - 4);

        await stream.WriteAsync(silent, Cancellation);
        await stream.WriteAsync(signed, Cancellation);
        var header = new byte[16];
        await stream.ReadExactlyAsync(header, Cancellation);

        Assert.Equal(42, BitConverter.ToInt32(header, 8)); // the first reply is to the second message
    }

    private static byte[] Ping => new BsonDocument { { "ping", 1 }, { "$db", "admin" } }.ToBson();

    private static byte[] Message(int operation, byte[] rest) => [.. BitConverter.GetBytes(16 + rest.Length), 1, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(operation), .. rest];

    private static BsonArray List(string json) => BsonSerializer.Deserialize<BsonArray>(json);

    private static Task Twice(IMongoCollection<BsonDocument> things) => things.BulkWriteAsync(
        [
            new UpdateOneModel<BsonDocument>("{ _id: 'a' }", "{ $inc: { n: 1 } }"),
            new UpdateOneModel<BsonDocument>("{ _id: 'a' }", "{ $inc: { n: 10 } }"),
        ]);

    private static Task<BsonDocument> PingAsync(MongoClient client) => client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), null, Cancellation);

    private static Task<BsonDocument> FailAsync(MongoClient client, string mode, string data) => client.GetDatabase("admin").RunCommandAsync<BsonDocument>(
        BsonDocument.Parse($"{{ configureFailPoint: 'failCommand', mode: {mode}, data: {data} }}"), null, Cancellation);

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, new MongoUrl(gateway.ConnectionString).Server.Port), Cancellation);
        return socket;
    }

    /// <summary>Sends one command as OP_MSG on a connection of its own.</summary>
    private async Task<BsonDocument> SendAsync(BsonDocument command)
    {
        using var socket = await ConnectAsync();
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync(Message(2013, [0, 0, 0, 0, 0, .. command.ToBson()]), Cancellation);
        var header = new byte[21];
        await stream.ReadExactlyAsync(header, Cancellation);
        var reply = new byte[BitConverter.ToInt32(header) - header.Length];
        await stream.ReadExactlyAsync(reply, Cancellation);
        return BsonSerializer.Deserialize<BsonDocument>(reply);
    }
}
