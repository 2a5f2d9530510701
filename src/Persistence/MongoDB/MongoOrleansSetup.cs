using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using MongoDB.Driver;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Messaging;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using PxBackup.Persistence.Clustering;
using PxBackup.Persistence.MongoDB.Clustering;
using PxBackup.Persistence.MongoDB.GrainState;
using PxBackup.Persistence.MongoDB.Reminders;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Orleans' own state in MongoDB. All of it takes the <see cref="IMongoDatabase"/> of
/// <see cref="MongoDatabaseSetup.AddMongoDatabase"/>, and ids from <see cref="ClusterOptions"/>.
/// </summary>
public static class MongoOrleansSetup
{
    /// <summary>Silos find each other through a document of the database.</summary>
    public static ISiloBuilder UseMongoClustering(this ISiloBuilder silo) => silo.ConfigureServices(services => services
        .AddMongoTables("UseMongoClustering")
        .AddSingleton<IMembershipTable, MongoMembershipTable>());

    /// <summary>A client, such as a gateway process, finds the silos of its cluster through a document of the database.</summary>
    public static IClientBuilder UseMongoClustering(this IClientBuilder client) => client.ConfigureServices(services => services
        .AddMongoTables("UseMongoClustering")
        .AddSingleton<MongoMembershipTable>()
        .AddSingleton<IGatewayListProvider>(provider => new MembershipGateways(
            provider.GetRequiredService<MongoMembershipTable>(), provider.GetRequiredService<IOptions<GatewayOptions>>())));

    /// <summary>Reminders rest in the database.</summary>
    public static ISiloBuilder UseMongoReminders(this ISiloBuilder silo) => silo.AddReminders().ConfigureServices(services => services
        .AddMongoTables("UseMongoReminders")
        .AddSingleton<IReminderTable, MongoReminderTable>());

    /// <summary>Adds a grain storage of this name, whose states rest in the database.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="name">As grains name it in <c>[PersistentState]</c>; <c>Default</c> serves those that name none.</param>
    /// <param name="configure">Options of this storage.</param>
    public static ISiloBuilder AddMongoGrainStorage(this ISiloBuilder silo, string name, Action<MongoGrainStorageOptions>? configure = null) => silo.ConfigureServices(services =>
    {
        services.AddMongoTables("AddMongoGrainStorage");
        var options = services.AddOptions<MongoGrainStorageOptions>(name).Validate(
            options => Validator.TryValidateObject(options, new ValidationContext(options), null, validateAllProperties: true),
            $"options of the grain storage '{name}': CollectionPrefix must be 1 to 24 letters, digits, '_' or '-', a letter first").ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.AddGrainStorage(name, static (provider, name) => new MongoGrainStorage(
            provider.GetRequiredService<IMongoDatabase>(),
            provider.GetRequiredService<IOptionsMonitor<MongoGrainStorageOptions>>().Get(name),
            provider.GetRequiredService<IOptions<ClusterOptions>>(),
            provider.GetRequiredService<IActivatorProvider>(),
            provider.GetRequiredService<TimeProvider>()));
    });

    private static IServiceCollection AddMongoTables(this IServiceCollection services, string feature)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services.AddSingleton<IConfigurationValidator>(provider => new DatabaseRegistered(provider, feature));
    }

    /// <summary>Says at start, and not at the first call, that the database was forgotten.</summary>
    private sealed class DatabaseRegistered(IServiceProvider provider, string feature) : IConfigurationValidator
    {
        public void ValidateConfiguration()
        {
            if (provider.GetService<IServiceProviderIsService>()?.IsService(typeof(IMongoDatabase)) == false)
                throw new OrleansConfigurationException($"{feature} needs an IMongoDatabase: call services.AddMongoDatabase(options) as well");
        }
    }
}
