using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains;
using PxBackup.Grains.Interfaces.Serialization;
using PxBackup.ObjectStores;
using PxBackup.Silo.Transport;
using PxBackup.Stork;

namespace PxBackup.Silo;

/// <summary>What the process consists of: one line for each part.</summary>
internal static class SiloSetup
{
    public static void AddRole(this WebApplicationBuilder builder, Role role)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        builder.AddLogging();
        services.AddSingleton(TimeProvider.System);
        services.AddOptions<SiloOptions>().Bind(configuration.GetSection(SiloOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<SiloOptions>, SiloOptionsAttributes>();
        services.AddSingleton<IValidateOptions<SiloOptions>, SiloOptionsRules>();
        services.AddOptions<HostOptions>().Configure<IOptions<SiloOptions>>((host, silo) => host.ShutdownTimeout = silo.Value.ShutdownTimeout);
        services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);

        services.AddMessageCodec();
        if (role == Role.Gateway)
        {
            services.AddPxGateway(configuration);
            builder.AddClient();
            return;
        }

        services.AddRecords(configuration);
        services.AddApplicationClusters(configuration);
        services.AddObjectStores(configuration);
        if (role == Role.AllInOne)
            services.AddPxGateway(configuration);
        else
            services.AddPxProbes(configuration.Read<SiloOptions>(SiloOptions.Section) is var silo ? silo.Address : "", silo.ProbePort, configuration);
        builder.AddSilo();
        services.AddHealthChecks().AddCheck<SiloLiveness>(nameof(SiloLiveness), tags: [ProbeSetup.Live]);
        // After the silo: the sweep calls grains as soon as it is started.
        services.AddPxGrains(configuration);
    }

    public static T Read<T>(this IConfiguration configuration, string section)
        where T : class, new()
    {
        var options = new T();
        configuration.GetSection(section).Bind(options);
        return options;
    }

    private static void AddLogging(this WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        // Until the start is done its failure is told in one line by Program, not with a stack by the host as well.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => StartPhase.IsOver && level >= LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => StartPhase.IsOver && level >= LogLevel.Warning);
    }

    private static void AddSilo(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.Read<SiloOptions>(SiloOptions.Section);
        if (StoreSetup.KindOf(builder.Configuration) == StoreKind.Sqlite)
        {
            // A cluster of one: membership in memory, and no port at all, since whoever reached it would act as the control plane. The number only names the silo.
            builder.Host.UseOrleans(silo => silo.UseLocalhostClustering(
                siloPort: EndpointOptions.DEFAULT_SILO_PORT, gatewayPort: 0, serviceId: options.ClusterId, clusterId: options.ClusterId).UseNoConnections());
            return;
        }

        builder.Host.UseOrleans(silo =>
        {
            silo.UseTransport(builder.Configuration);
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, options.ClusterId));
            silo.ConfigureEndpoints(IPAddress.Parse(options.Address), Ports.OrFree(options.Port), Ports.OrFree(options.ClientPort), listenOnAnyHostAddress: false);
            if (options.ListenPort > 0)
                silo.Configure<EndpointOptions>(endpoint => endpoint.SiloListeningEndpoint = new IPEndPoint(IPAddress.Parse(options.Address), options.ListenPort));
            silo.Configure<ClusterMembershipOptions>(membership => Tune(membership, options.Liveness));
            silo.UseTables(builder.Configuration);
#pragma warning disable ORLEANSEXP003 // The strongly consistent directory: a lost silo's part of the default one takes its live grains down with it (ADR 0020).
            silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
            // By default a lost silo's grains may not live elsewhere for some 20 s, in case it still works. Here the fence of the records is
            // the safety, and 20 s without answers are the harm.
            silo.Configure<GrainDirectoryOptions>(directory => directory.RangeLeaseDuration = TimeSpan.Zero);
        });
    }

    private static void Tune(ClusterMembershipOptions membership, LivenessOptions liveness)
    {
        membership.ProbeTimeout = liveness.ProbeTimeout;
        // Orleans shortens and extends the wait by what it measures: never below what was asked for.
        membership.MinProbeTimeout = liveness.ProbeTimeout;
        membership.NumMissedProbesLimit = liveness.MissedProbes;
        membership.NumVotesForDeathDeclaration = liveness.Votes;
        // The table is the truth; gossip brings changes at once. 10 s: what gossip lost is found a third of a sweep later.
        membership.TableRefreshTimeout = TimeSpan.FromSeconds(10);
        // A silo that died with everybody else leaves an Active row; the next start must not wait for it long.
        membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        membership.DefunctSiloExpiration = TimeSpan.FromDays(1);
    }

    private static void AddClient(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.Read<SiloOptions>(SiloOptions.Section);
        builder.Host.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, options.ClusterId));
            // 1 s: a silo that is frozen, whose connections stay open, is left as soon as the others have given it up. One read by key each time.
            client.Configure<Orleans.Configuration.GatewayOptions>(gateway => gateway.GatewayListRefreshPeriod = TimeSpan.FromSeconds(1));
            client.UseConnectionRetryFilter<WaitForSilos>();
            client.UseTransport(builder.Configuration);
            client.UseTables(builder.Configuration);
        });
    }

    private static void AddApplicationClusters(this IServiceCollection services, ConfigurationManager configuration)
    {
        services.AddSingleton(configuration.Read<ClusterConnectionOptions>("Clusters:Connection"));
        services.AddSingleton(new EndpointPolicy(configuration.Read<EndpointPolicyOptions>("Endpoints")));
        services.AddSingleton<IClusterConnectionFactory, ClusterConnectionFactory>();
    }

    private static void AddObjectStores(this IServiceCollection services, IConfiguration configuration)
    {
        var options = configuration.Read<ObjectStoreOptions>("ObjectStores");
        _ = options.ReadAuthorities(); // A file that cannot be read ends the start, not the first location's validation.
        services.AddSingleton(options);
        services.AddSingleton<EndpointGuard>(provider => (_, address) => provider.GetRequiredService<EndpointPolicy>().Allows(address));
        services.AddSingleton<IObjectStoreFactory, ObjectStoreFactory>();
    }
}
