using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>A silo with ports of its own in this process, quick to notice that another one is gone.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    private readonly IHost host;
    private readonly Cut cut = new();
    private bool gone;

    private TestSilo(string name, string cluster, Action<IServiceCollection> services, Action<ISiloBuilder> configure)
    {
        Name = name;
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        services(builder.Services);
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, cluster));
            silo.Configure<SiloOptions>(options => options.SiloName = name);
            silo.ConfigureEndpoints(IPAddress.Loopback, FreePort(), FreePort());
            silo.Configure<ClusterMembershipOptions>(options =>
                (options.ProbeTimeout, options.NumMissedProbesLimit, options.TableRefreshTimeout) = (TimeSpan.FromMilliseconds(500), 3, TimeSpan.FromSeconds(2)));
            silo.Configure<ReminderOptions>(options => options.MinimumReminderPeriod = TimeSpan.FromSeconds(1));
            configure(silo);
            var table = silo.Services.Last(service => service.ServiceType == typeof(IMembershipTable));
            silo.Services.AddSingleton<IMembershipTable>(provider => new CuttableTable(
                (IMembershipTable)(table.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, table.ImplementationType!)), cut));
        });
        host = builder.Build();
    }

    public string Name { get; }

    public IGrainFactory Grains => host.Services.GetRequiredService<IGrainFactory>();

    public static async Task<TestSilo> StartAsync(string name, string cluster, Action<IServiceCollection> services, Action<ISiloBuilder> configure)
    {
        var silo = new TestSilo(name, cluster, services, configure);
        await silo.host.StartAsync();
        return silo;
    }

    /// <summary>
    /// As a crash looks to the others: the silo stops answering, hands nothing over, and cannot tell the table that it goes.
    /// </summary>
    public async Task CrashAsync()
    {
        cut.IsCut = gone = true;
        await host.StopAsync(new CancellationToken(canceled: true));
    }

    public async ValueTask DisposeAsync()
    {
        if (!gone)
            await host.StopAsync();
        host.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Cut
    {
        public volatile bool IsCut;
    }

    /// <summary>The product's table until the silo crashes; then nothing of it reaches the database.</summary>
    private sealed class CuttableTable(IMembershipTable table, Cut cut) : IMembershipTable
    {
        private IMembershipTable Table => cut.IsCut ? throw new IOException("this silo has crashed") : table;

        public Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken) => Table.InitializeMembershipTableAsync(tryInitTableVersion, cancellationToken);

        public Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken) => Table.DeleteMembershipTableEntriesAsync(clusterId, cancellationToken);

        public Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken) => Table.CleanupDefunctSiloEntriesAsync(beforeDate, cancellationToken);

        public Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken) => Table.ReadRowAsync(key, cancellationToken);

        public Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken) => Table.ReadAllAsync(cancellationToken);

        public Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken) => Table.InsertRowAsync(entry, tableVersion, cancellationToken);

        public Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken) => Table.UpdateRowAsync(entry, etag, tableVersion, cancellationToken);

        public Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken) => Table.UpdateIAmAliveAsync(entry, cancellationToken);

        public Task InitializeMembershipTable(bool tryInitTableVersion) => InitializeMembershipTableAsync(tryInitTableVersion, default);

        public Task DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId, default);

        public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate, default);

        public Task<MembershipTableData> ReadRow(SiloAddress key) => ReadRowAsync(key, default);

        public Task<MembershipTableData> ReadAll() => ReadAllAsync(default);

        public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion, default);

        public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => UpdateRowAsync(entry, etag, tableVersion, default);

        public Task UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry, default);
    }
}
