using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
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
    public static ISiloBuilder UseMongoClustering(this ISiloBuilder silo) => silo.ConfigureServices(services =>
        services.AddSingleton<IMembershipTable>(TableOf));

    /// <summary>A client, such as a gateway process, finds the silos of its cluster through a document of the database.</summary>
    public static IClientBuilder UseMongoClustering(this IClientBuilder client) => client.ConfigureServices(services =>
        services.AddSingleton<IGatewayListProvider>(provider => new MembershipGateways(TableOf(provider), provider.GetRequiredService<IOptions<GatewayOptions>>())));

    /// <summary>Reminders rest in the database.</summary>
    public static ISiloBuilder UseMongoReminders(this ISiloBuilder silo) => silo.AddReminders().ConfigureServices(services =>
        services.AddSingleton<IReminderTable>(provider => new MongoReminderTable(
            DatabaseOf(provider, nameof(UseMongoReminders)), provider.GetRequiredService<IOptions<ClusterOptions>>(), provider.GetRequiredService<ILogger<MongoReminderTable>>())));

    /// <summary>Adds a grain storage of this name, whose states rest in the database.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="name">As grains name it in <c>[PersistentState]</c>; <c>Default</c> serves those that name none.</param>
    /// <param name="configure">Options of this storage.</param>
    public static ISiloBuilder AddMongoGrainStorage(this ISiloBuilder silo, string name, Action<MongoGrainStorageOptions>? configure = null) => silo.ConfigureServices(services =>
    {
        services.TryAddSingleton(TimeProvider.System);
        var options = services.AddOptions<MongoGrainStorageOptions>(name).Validate(
            options => Validator.TryValidateObject(options, new ValidationContext(options), null, validateAllProperties: true),
            $"options of the grain storage '{name}': CollectionPrefix must be 1 to 24 letters, digits, '_' or '-', a letter first").ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.AddGrainStorage(name, static (provider, name) => new MongoGrainStorage(
            DatabaseOf(provider, nameof(AddMongoGrainStorage)),
            provider.GetRequiredService<IOptionsMonitor<MongoGrainStorageOptions>>().Get(name),
            provider.GetRequiredService<IOptions<ClusterOptions>>(),
            provider.GetRequiredService<IActivatorProvider>(),
            provider.GetRequiredService<TimeProvider>()));
    });

    private static MongoMembershipTable TableOf(IServiceProvider provider) =>
        new(DatabaseOf(provider, nameof(UseMongoClustering)), provider.GetRequiredService<IOptions<ClusterOptions>>());

    // Orleans makes its tables before it runs validators of the configuration, so what is missing is told here.
    private static IMongoDatabase DatabaseOf(IServiceProvider provider, string feature) => provider.GetService<IMongoDatabase>()
        ?? throw new OrleansConfigurationException($"{feature} needs an IMongoDatabase: call services.AddMongoDatabase(options) as well");
}
