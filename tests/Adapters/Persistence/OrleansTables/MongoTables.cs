using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MongoDB.Driver;
using Orleans;
using Orleans.Messaging;
using Orleans.Storage;
using PxBackup.Persistence.Clustering;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.MongoDB.Clustering;
using PxBackup.Persistence.MongoDB.GrainState;
using PxBackup.Persistence.MongoDB.Reminders;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>A database of its own for the tests of a class, through the product's own client, and one that nobody serves.</summary>
public sealed class MongoTablesFixture(DocumentDbFixture server) : IAsyncLifetime
{
    private ServiceProvider? services, unreachable;

    public IMongoDatabase Database => services!.GetRequiredService<IMongoDatabase>();

    public IMongoDatabase Unreachable => unreachable!.GetRequiredService<IMongoDatabase>();

    public async ValueTask InitializeAsync()
    {
        services = Connect(await server.ConnectionStringAsync());
        // Port 1 answers with a refusal; the timeout only keeps the test short.
        unreachable = Connect("mongodb://127.0.0.1:1/?replicaSet=rs0");
    }

    public async ValueTask DisposeAsync()
    {
        await Database.Client.DropDatabaseAsync(Database.DatabaseNamespace.DatabaseName);
        await services!.DisposeAsync();
        await unreachable!.DisposeAsync();
    }

    internal MongoGrainStorage Storage(string serviceId, IMongoDatabase? database = null) =>
        new(database ?? Database, new MongoGrainStorageOptions(), Tables.Service(serviceId), Tables.Activators, TimeProvider.System);

    private static ServiceProvider Connect(string address) => new ServiceCollection()
        .AddMongoDatabase(new MongoOptions { ConnectionString = address, Database = Given.Id(), ServerSelectionTimeout = TimeSpan.FromSeconds(2) })
        .BuildServiceProvider();
}

public sealed class MongoMembershipTests(MongoTablesFixture mongo) : StrictMembershipSuite, IClassFixture<MongoTablesFixture>
{
    protected override Task<IMembershipTable> OpenAsync(string clusterId) =>
        Task.FromResult<IMembershipTable>(new MongoMembershipTable(mongo.Database, Tables.Cluster(clusterId)));

    protected override Task<IMembershipTable> OpenUnreachableAsync() =>
        Task.FromResult<IMembershipTable>(new MongoMembershipTable(mongo.Unreachable, Tables.Cluster("c")));
}

public sealed class MongoGatewayListTests(MongoTablesFixture mongo) : GatewayListSuite, IClassFixture<MongoTablesFixture>
{
    protected override Task<(IMembershipTable Table, IGatewayListProvider Gateways)> OpenAsync(string clusterId)
    {
        var table = new MongoMembershipTable(mongo.Database, Tables.Cluster(clusterId));
        return Task.FromResult<(IMembershipTable, IGatewayListProvider)>((table, new MembershipGateways(table, Tables.Gateways)));
    }

    protected override Task<IGatewayListProvider> OpenUnreachableAsync() =>
        Task.FromResult<IGatewayListProvider>(new MembershipGateways(new MongoMembershipTable(mongo.Unreachable, Tables.Cluster("c")), Tables.Gateways));
}

public sealed class MongoReminderTests(MongoTablesFixture mongo) : ReminderSuite, IClassFixture<MongoTablesFixture>
{
    protected override Task<IReminderTable> OpenAsync(string serviceId) =>
        Task.FromResult<IReminderTable>(new MongoReminderTable(mongo.Database, Tables.Service(serviceId), NullLogger<MongoReminderTable>.Instance));

    protected override Task<IReminderTable> OpenUnreachableAsync() =>
        Task.FromResult<IReminderTable>(new MongoReminderTable(mongo.Unreachable, Tables.Service("s"), NullLogger<MongoReminderTable>.Instance));
}

public sealed class MongoGrainStorageTests(MongoTablesFixture mongo) : StrictGrainStorageSuite, IClassFixture<MongoTablesFixture>
{
    protected override Task<IGrainStorage> OpenAsync(string serviceId) =>
        Task.FromResult<IGrainStorage>(mongo.Storage(serviceId));

    protected override Task<IGrainStorage> OpenUnreachableAsync() =>
        Task.FromResult<IGrainStorage>(mongo.Storage("s", mongo.Unreachable));
}
