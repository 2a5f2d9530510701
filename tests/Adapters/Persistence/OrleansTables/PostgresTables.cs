using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Messaging;
using Orleans.Runtime;
using Orleans.Storage;
using PxBackup.Persistence.Relational;
using PxBackup.Tests.Adapters.Persistence.Postgres;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>Orleans' ADO.NET providers as the product registers them, out of hosts that are built and not started.</summary>
public sealed class PostgresTablesFixture(Peers.PostgresPeer peer) : PostgresFixture(peer)
{
    private const string Storage = "px";

    private readonly List<IHost> hosts = [];

    public IHost Silo(string id, bool reachable = true) => Build(id, reachable, builder => builder.UseOrleans(silo => silo
        .UsePostgresClustering(Options).UsePostgresReminders().AddPostgresGrainStorage(Storage)
        .ConfigureEndpoints(siloPort: 1, gatewayPort: 2)));

    public IHost Client(string id, bool reachable = true) => Build(id, reachable, builder => builder.UseOrleansClient(client => client.UsePostgresClustering(Options)));

    public async Task<IGrainStorage> StorageAsync(IHost host)
    {
        var storage = (AdoNetGrainStorage)host.Services.GetRequiredKeyedService<IGrainStorage>(Storage);
        var lifecycle = new OneStage();
        storage.Participate(lifecycle);
        await lifecycle.StartAsync();
        return storage;
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var host in hosts)
            host.Dispose();
        await base.DisposeAsync();
    }

    private IHost Build(string id, bool reachable, Action<IHostBuilder> orleans)
    {
        var builder = new HostBuilder().ConfigureServices(services => services.AddSingleton(Database));
        orleans(builder);
        builder.ConfigureServices(services =>
        {
            services.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (id, id));
            if (reachable)
                return;
            // Port 1 answers with a refusal.
            var nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=u;Password=p;Database=d");
            services.PostConfigureAll<AdoNetClusteringSiloOptions>(options => options.DataSource = nowhere);
            services.PostConfigureAll<AdoNetClusteringClientOptions>(options => options.DataSource = nowhere);
            services.PostConfigureAll<AdoNetReminderTableOptions>(options => options.DataSource = nowhere);
            services.PostConfigureAll<AdoNetGrainStorageOptions>(options => options.DataSource = nowhere);
        });
        var host = builder.Build();
        lock (hosts)
            hosts.Add(host);
        return host;
    }

    /// <summary>What a silo's lifecycle does for the one participant that is under test.</summary>
    private sealed class OneStage : ISiloLifecycle
    {
        private readonly List<ILifecycleObserver> observers = [];

        public int HighestCompletedStage => 0;

        public int LowestStoppedStage => 0;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            observers.Add(observer);
            return new MemoryStream();
        }

        public async Task StartAsync()
        {
            foreach (var observer in observers)
                await observer.OnStart(CancellationToken.None);
        }
    }
}

public sealed class PostgresMembershipTests(PostgresTablesFixture postgres) : MembershipSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<IMembershipTable> OpenAsync(string clusterId) =>
        Task.FromResult(postgres.Silo(clusterId).Services.GetRequiredService<IMembershipTable>());

    protected override Task<IMembershipTable> OpenUnreachableAsync() =>
        Task.FromResult(postgres.Silo("c", reachable: false).Services.GetRequiredService<IMembershipTable>());
}

public sealed class PostgresGatewayListTests(PostgresTablesFixture postgres) : GatewayListSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<(IMembershipTable Table, IGatewayListProvider Gateways)> OpenAsync(string clusterId) => Task.FromResult((
        postgres.Silo(clusterId).Services.GetRequiredService<IMembershipTable>(),
        postgres.Client(clusterId).Services.GetRequiredService<IGatewayListProvider>()));

    protected override Task<IGatewayListProvider> OpenUnreachableAsync() =>
        Task.FromResult(postgres.Client("c", reachable: false).Services.GetRequiredService<IGatewayListProvider>());
}

public sealed class PostgresReminderTests(PostgresTablesFixture postgres) : ReminderSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<IReminderTable> OpenAsync(string serviceId) =>
        Task.FromResult(postgres.Silo(serviceId).Services.GetRequiredService<IReminderTable>());

    protected override Task<IReminderTable> OpenUnreachableAsync() =>
        Task.FromResult(postgres.Silo("s", reachable: false).Services.GetRequiredService<IReminderTable>());
}

public sealed class PostgresGrainStorageTests(PostgresTablesFixture postgres) : GrainStorageSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<IGrainStorage> OpenAsync(string serviceId) => postgres.StorageAsync(postgres.Silo(serviceId));

    protected override Task<IGrainStorage> OpenUnreachableAsync() => postgres.StorageAsync(postgres.Silo("s", reachable: false));
}
