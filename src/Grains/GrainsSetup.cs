using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Recovery;
using PxBackup.Grains.Restores;

namespace PxBackup.Grains;

/// <summary>
/// What the grains need beside the record store, the object stores, the connections to clusters and the clock, which the host
/// registers.
/// </summary>
public static class GrainsSetup
{
    /// <summary>Registers the features' options and services.</summary>
    public static IServiceCollection AddPxGrains(this IServiceCollection services, IConfiguration configuration) => services
        .AddClusters(configuration)
        .AddBackups(configuration)
        .AddRestores(configuration)
        .AddRecovery(configuration);

    private static IServiceCollection AddClusters(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ClusterOptions>().Bind(configuration.GetSection(ClusterOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        return services.AddSingleton<ConnectGate>();
    }

    private static IServiceCollection AddBackups(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BackupOptions>().Bind(configuration.GetSection(BackupOptions.Section));
        services.AddOptions<StoreLimits>().Bind(configuration.GetSection(StoreLimits.Section)).ValidateDataAnnotations().ValidateOnStart();
        return services.AddSingleton<StoreGate>().AddSingleton<IBackupFiles, BackupFiles>();
    }

    private static IServiceCollection AddRestores(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<RestoreOptions>().Bind(configuration.GetSection(RestoreOptions.Section));
        return services;
    }

    private static IServiceCollection AddRecovery(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<SweepOptions>().Bind(configuration.GetSection(SweepOptions.Section));
        return services.AddSingleton<SiloShare>().AddSingleton<Orphans>().AddHostedService<SweepService>();
    }
}
