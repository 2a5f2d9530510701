using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Configuration;
using MongoDB.Driver.Core.Servers;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.Secrets;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>A database of its own on a MongoDB-compatible server, dropped at the end.</summary>
public class MongoFixture(DocumentDbFixture server) : RecordStoreFixture
{
    private ServiceProvider? provider;

    /// <summary>The options of the store under test.</summary>
    internal MongoOptions Options { get; } = new() { Database = $"t_{Guid.NewGuid():N}" };

    /// <summary>The store without the sealing.</summary>
    internal MongoRecordStore Mongo => provider!.GetRequiredService<MongoRecordStore>();

    /// <summary>The database, for looking at documents.</summary>
    internal IMongoDatabase Database => provider!.GetRequiredService<IMongoDatabase>();

    /// <summary>Whether the suite runs behind the sealing, as the product does.</summary>
    protected virtual bool IsSealed => false;

    public override async ValueTask InitializeAsync()
    {
        Options.ConnectionString = await server.ConnectionStringAsync();
        var keys = new SecretsOptions { Keys = Convert.ToBase64String(new byte[32].Select((_, i) => (byte)i).ToArray()) };
        var services = new ServiceCollection().AddLogging().AddMongoRecords(Options, keys);
        services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Time));
        provider = services.BuildServiceProvider();
        Store = IsSealed ? provider.GetRequiredService<IRecordStore>() : Mongo;
        await Mongo.Indexes.Completion;
    }

    /// <summary>A proxy before the primary that can lose answers, and the options of a store that goes through it.</summary>
    internal async Task<(MongoCutter Cutter, MongoOptions Options)> CutterAsync()
    {
        await Database.RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), ReadPreference.Primary);
        var primary = Database.Client.Cluster.Description.Servers.First(server => server.Type is not (ServerType.ReplicaSetSecondary or ServerType.ReplicaSetArbiter or ServerType.Unknown));
        var (host, port) = primary.EndPoint is DnsEndPoint name ? (name.Host, name.Port) : (((IPEndPoint)primary.EndPoint).Address.ToString(), ((IPEndPoint)primary.EndPoint).Port);
        var cutter = new MongoCutter(host, port);
        var address = new MongoUrlBuilder(Options.ConnectionString) { Scheme = ConnectionStringScheme.MongoDB, Server = new MongoServerAddress("127.0.0.1", cutter.Port), DirectConnection = true, ReplicaSetName = null };
        return (cutter, new MongoOptions { ConnectionString = address.ToString(), Database = Options.Database });
    }

    /// <summary>Does with the test's clock what the server's expiry index does with the server's.</summary>
    public override async Task SweepAsync()
    {
        foreach (var kind in Enum.GetValues<ObjectKind>().Where(kind => kind != ObjectKind.None))
        {
            await Mongo.Folder.FoldAsync(kind);
            await Database.GetCollection<BsonDocument>(kind.Slug()).DeleteManyAsync(new BsonDocument("expires", new BsonDocument("$lte", new BsonDateTime(Time.GetUtcNow().ToUnixTimeMilliseconds()))));
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (provider is not null)
        {
            await Database.Client.DropDatabaseAsync(Options.Database);
            await provider.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}

/// <summary>MongoDB behind the sealing of secrets, as the product uses it.</summary>
public sealed class SealedMongoFixture(DocumentDbFixture server) : MongoFixture(server)
{
    protected override bool IsSealed => true;
}

public sealed class MongoRecordStoreTests(MongoFixture fixture) : RecordStoreSuite(fixture), IClassFixture<MongoFixture>;

public sealed class MongoCatalogTests(MongoFixture fixture) : CatalogSuite(fixture), IClassFixture<MongoFixture>;

public sealed class SealedMongoRecordStoreTests(SealedMongoFixture fixture) : RecordStoreSuite(fixture), IClassFixture<SealedMongoFixture>;
