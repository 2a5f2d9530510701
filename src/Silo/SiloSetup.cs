using Microsoft.Extensions.Options;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains;
using PxBackup.Grains.Interfaces.Serialization;
using PxBackup.ObjectStores;
using PxBackup.Persistence.Secrets;
using PxBackup.Persistence.Sqlite;
using PxBackup.Stork;

namespace PxBackup.Silo;

/// <summary>What the process consists of: one line for each part.</summary>
internal static class SiloSetup
{
    public static void AddAllInOne(this WebApplicationBuilder builder)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        builder.AddLogging();
        services.AddSingleton(TimeProvider.System);
        services.AddOptions<SiloOptions>().Bind(configuration.GetSection(SiloOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<SiloOptions>, SiloOptionsValidation>();
        services.AddOptions<HostOptions>().Configure<IOptions<SiloOptions>>((host, silo) => host.ShutdownTimeout = silo.Value.ShutdownTimeout);
        services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);

        services.AddMessageCodec();
        services.AddSqliteRecords(configuration.Read<SqliteOptions>(SqliteOptions.Section), configuration.Read<SecretsOptions>(SecretsOptions.Section));
        services.AddApplicationClusters(configuration);
        services.AddObjectStores(configuration);
        services.AddPxGateway(configuration);
        builder.AddLocalSilo();
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

    // A cluster of one: membership in memory, both Orleans ports on loopback, no client gateway because the clients are in this process.
    private static void AddLocalSilo(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.Read<SiloOptions>(SiloOptions.Section);
        builder.Host.UseOrleans(silo => silo.UseLocalhostClustering(
            siloPort: options.Port > 0 ? options.Port : Ports.Free(), gatewayPort: 0, serviceId: "pxbackup", clusterId: "pxbackup"));
    }

    private static void AddApplicationClusters(this IServiceCollection services, ConfigurationManager configuration)
    {
        services.AddSingleton(configuration.Read<ClusterConnectionOptions>("Clusters:Connection"));
        services.AddSingleton(new EndpointPolicy(configuration.Read<EndpointPolicyOptions>("Endpoints")));
        services.AddSingleton<IClusterConnectionFactory, ClusterConnectionFactory>();
    }

    private static void AddObjectStores(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.Read<ObjectStoreOptions>("ObjectStores"));
        services.AddSingleton<EndpointGuard>(provider => (_, address) => provider.GetRequiredService<EndpointPolicy>().Allows(address));
        services.AddSingleton<IObjectStoreFactory, ObjectStoreFactory>();
    }
}
