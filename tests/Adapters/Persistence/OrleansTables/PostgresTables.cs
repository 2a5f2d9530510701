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

    public IHost Silo(string id, bool reachable = true) => Build(id, reachable ? null : Nowhere(), builder => builder.UseOrleans(silo => silo
        .UsePostgresClustering(Options).UsePostgresReminders().AddPostgresGrainStorage(Storage)
        .ConfigureEndpoints(siloPort: 1, gatewayPort: 2)));

    public IHost Client(string id, bool reachable = true) => Build(id, reachable ? null : Nowhere(), builder => builder.UseOrleansClient(client => client.UsePostgresClustering(Options)));

    public async Task<IGrainStorage> StorageAsync(IHost host)
    {
        var storage = (AdoNetGrainStorage)host.Services.GetRequiredKeyedService<IGrainStorage>(Storage);
        var lifecycle = new OneStage();
        storage.Participate(lifecycle);
        await lifecycle.StartAsync();
        return storage;
    }

    /// <summary>A storage that was started, and whose server then went away.</summary>
    public async Task<IGrainStorage> StorageWithoutServerAsync()
    {
        var connection = new NpgsqlConnectionStringBuilder(Options.ConnectionString) { SearchPath = Options.Schema, Pooling = false };
        await using var proxy = new LostAnswerProxy(connection.Host!, connection.Port);
        (connection.Host, connection.Port) = ("127.0.0.1", proxy.Port);
        var host = Build("s", NpgsqlDataSource.Create(connection), builder => builder.UseOrleans(silo => silo
            .UsePostgresClustering(Options).AddPostgresGrainStorage(Storage).ConfigureEndpoints(siloPort: 1, gatewayPort: 2)));
        return await StorageAsync(host);
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var host in hosts)
            host.Dispose();
        await base.DisposeAsync();
    }

    private IHost Build(string id, NpgsqlDataSource? other, Action<IHostBuilder> orleans)
    {
        var builder = new HostBuilder().ConfigureServices(services => services.AddSingleton(Database));
        orleans(builder);
        builder.ConfigureServices(services =>
        {
            services.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (id, id));
            if (other is null)
                return;
            services.PostConfigureAll<AdoNetClusteringSiloOptions>(options => options.DataSource = other);
            services.PostConfigureAll<AdoNetClusteringClientOptions>(options => options.DataSource = other);
            services.PostConfigureAll<AdoNetReminderTableOptions>(options => options.DataSource = other);
            services.PostConfigureAll<AdoNetGrainStorageOptions>(options => options.DataSource = other);
        });
        var host = builder.Build();
        lock (hosts)
            hosts.Add(host);
        return host;
    }

    /// <summary>Port 1 answers with a refusal.</summary>
    private static NpgsqlDataSource Nowhere() => NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=u;Password=p;Database=d");

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

/// <summary>Two assertions that the ADO.NET provider does not meet are replaced by what it does.</summary>
public sealed class PostgresMembershipTests(PostgresTablesFixture postgres) : MembershipSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<IMembershipTable> OpenAsync(string clusterId) =>
        Task.FromResult(postgres.Silo(clusterId).Services.GetRequiredService<IMembershipTable>());

    protected override Task<IMembershipTable> OpenUnreachableAsync() =>
        Task.FromResult(postgres.Silo("c", reachable: false).Services.GetRequiredService<IMembershipTable>());

    /// <summary>The provider reads its statements when it is initialized: before that it answers nothing at all, so the one that looks is initialized too.</summary>
    [Fact]
    public override async Task Twenty_silos_that_initialize_at_once_make_one_table()
    {
        var cluster = Given.Id();

        var tables = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => NewTableAsync(cluster)));

        foreach (var table in tables)
            Assert.Equal(0, (await table.ReadAllAsync(Stop)).Version.Version);
        await Assert.ThrowsAsync<NullReferenceException>(async () => await (await OpenAsync(cluster)).ReadAllAsync(Stop));
    }

    /// <summary>The provider writes status, suspicions and sign of life; what Orleans never changes after the insert (names, ports, start) stays.</summary>
    [Fact]
    public override async Task An_update_replaces_the_whole_row()
    {
        var table = await NewTableAsync();
        var silo = Given.Silo();
        silo.SuspectTimes = [Tuple.Create(Given.Address(), Given.Now)];
        var etag = await InsertAsync(table, silo);
        silo.Status = SiloStatus.Active;
        silo.SuspectTimes = null;
        silo.IAmAliveTime = silo.IAmAliveTime.AddSeconds(7);
        silo.ProxyPort = 30001;

        Assert.True(await table.UpdateRowAsync(silo, etag, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));

        var stored = (await table.ReadAllAsync(Stop)).Members.Single().Item1;
        Assert.Equal((SiloStatus.Active, silo.IAmAliveTime, 30000), (stored.Status, stored.IAmAliveTime, stored.ProxyPort));
        Assert.Empty(stored.SuspectTimes ?? []);
    }
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

/// <summary>Three assertions that the ADO.NET provider does not meet are replaced by what it does.</summary>
public sealed class PostgresGrainStorageTests(PostgresTablesFixture postgres) : GrainStorageSuite, IClassFixture<PostgresTablesFixture>
{
    protected override Task<IGrainStorage> OpenAsync(string serviceId) => postgres.StorageAsync(postgres.Silo(serviceId));

    protected override Task<IGrainStorage> OpenUnreachableAsync() => postgres.StorageWithoutServerAsync();

    /// <summary>The provider puts the key into a format text for an error that it may not need: after a write that has happened it fails for a key with a brace.</summary>
    [Fact]
    public override async Task A_grain_key_may_contain_braces()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain("{}");

        await Assert.ThrowsAsync<FormatException>(() => storage.WriteStateAsync(Name, grain, State("text"), Stop));

        Assert.Equal("text", (await ReadAsync<SampleState>(storage, grain)).State.Text);
    }

    /// <summary>The provider believes a state that claims a record without an etag, and refuses; one that claims none is cleared.</summary>
    [Fact]
    public override async Task A_clear_before_the_first_write_works_and_gives_a_new_state()
    {
        var storage = await NewStorageAsync();
        var state = new GrainState<SampleState> { State = new SampleState { Text = "stale" }, RecordExists = true };

        await RefusedAsync(() => storage.ClearStateAsync(Name, Given.Grain(), state, Stop));
        state.RecordExists = false;
        await storage.ClearStateAsync(Name, Given.Grain(), state, Stop);

        Assert.False(state.RecordExists);
        Assert.Equal(new SampleState(), state.State);
    }

    /// <summary>
    /// The provider's clear without an etag reads first and then clears what it has found, where the model refuses it. Only an
    /// activation that has not read can do so, which Orleans' own always have.
    /// </summary>
    [Fact]
    public override async Task Random_writes_clears_and_reads_by_three_activations_agree_with_the_model()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var writer = State("text");
        await storage.WriteStateAsync(Name, grain, writer, Stop);

        await storage.ClearStateAsync(Name, grain, State(), Stop);

        Assert.False((await ReadAsync<SampleState>(storage, grain)).RecordExists);
        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, writer, Stop));
    }
}
