using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using PxBackup.Persistence.Clustering;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>What the tables of every database need from Orleans.</summary>
internal static class Tables
{
    private static readonly ServiceProvider Services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public static IActivatorProvider Activators => Services.GetRequiredService<IActivatorProvider>();

    public static IOptions<GatewayOptions> Gateways { get; } = Options.Create(new GatewayOptions());

    public static IOptions<ClusterOptions> Cluster(string clusterId) => Options.Create(new ClusterOptions { ClusterId = clusterId, ServiceId = "service" });

    public static IOptions<ClusterOptions> Service(string serviceId) => Options.Create(new ClusterOptions { ClusterId = "cluster", ServiceId = serviceId });
}

/// <summary>One file for the tests of a class, and another one that is closed: that is how SQLite does not answer.</summary>
public sealed class SqliteTablesFixture : IDisposable
{
    private readonly TemporaryDirectory directory = new(), other = new();

    public SqliteTablesFixture()
    {
        Open = SqliteRecordStore.Open(new SqliteOptions { Directory = directory.Path }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        Closed = SqliteRecordStore.Open(new SqliteOptions { Directory = other.Path }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        Closed.Dispose();
    }

    public SqliteRecordStore Open { get; }

    public SqliteRecordStore Closed { get; }

    public string File => System.IO.Path.Combine(directory.Path, "records.db");

    public void Dispose()
    {
        Open.Dispose();
        directory.Dispose();
        other.Dispose();
    }
}

public sealed class SqliteMembershipTests(SqliteTablesFixture sqlite) : StrictMembershipSuite, IClassFixture<SqliteTablesFixture>
{
    protected override Task<IMembershipTable> OpenAsync(string clusterId) =>
        Task.FromResult<IMembershipTable>(new SqliteMembershipTable(sqlite.Open, Tables.Cluster(clusterId)));

    protected override Task<IMembershipTable> OpenUnreachableAsync() =>
        Task.FromResult<IMembershipTable>(new SqliteMembershipTable(sqlite.Closed, Tables.Cluster("c")));
}

public sealed class SqliteGatewayListTests(SqliteTablesFixture sqlite) : GatewayListSuite, IClassFixture<SqliteTablesFixture>
{
    protected override Task<(IMembershipTable Table, IGatewayListProvider Gateways)> OpenAsync(string clusterId)
    {
        var table = new SqliteMembershipTable(sqlite.Open, Tables.Cluster(clusterId));
        return Task.FromResult<(IMembershipTable, IGatewayListProvider)>((table, new MembershipGateways(table, Tables.Gateways)));
    }

    protected override Task<IGatewayListProvider> OpenUnreachableAsync() =>
        Task.FromResult<IGatewayListProvider>(new MembershipGateways(new SqliteMembershipTable(sqlite.Closed, Tables.Cluster("c")), Tables.Gateways));
}

public sealed class SqliteReminderTests(SqliteTablesFixture sqlite) : ReminderSuite, IClassFixture<SqliteTablesFixture>
{
    protected override Task<IReminderTable> OpenAsync(string serviceId) =>
        Task.FromResult<IReminderTable>(new SqliteReminderTable(sqlite.Open, Tables.Service(serviceId), NullLogger<SqliteReminderTable>.Instance));

    protected override Task<IReminderTable> OpenUnreachableAsync() =>
        Task.FromResult<IReminderTable>(new SqliteReminderTable(sqlite.Closed, Tables.Service("s"), NullLogger<SqliteReminderTable>.Instance));
}

public sealed class SqliteGrainStorageTests(SqliteTablesFixture sqlite) : StrictGrainStorageSuite, IClassFixture<SqliteTablesFixture>
{
    protected override Task<IGrainStorage> OpenAsync(string serviceId) =>
        Task.FromResult<IGrainStorage>(new SqliteGrainStorage(sqlite.Open, Tables.Service(serviceId), Tables.Activators, TimeProvider.System));

    protected override Task<IGrainStorage> OpenUnreachableAsync() =>
        Task.FromResult<IGrainStorage>(new SqliteGrainStorage(sqlite.Closed, Tables.Service("s"), Tables.Activators, TimeProvider.System));
}
