using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using MongoDB.Driver;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Puts the records of a fleet into MongoDB.</summary>
public static class MongoRecordsSetup
{
    /// <summary>
    /// Registers <see cref="MongoRecordStore"/> behind <see cref="IRecordStore"/>, with the secrets sealed
    /// (<see cref="SealingRecordStore"/>). The server is checked when the store is first resolved; resolve it at start, so that what
    /// is wrong ends the start. All processes of an installation need the same master keys: name a directory that
    /// they share, or set <see cref="SecretsOptions.Variable"/>.
    /// </summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static IServiceCollection AddMongoRecords(this IServiceCollection services, MongoOptions options, SecretsOptions? secrets = null)
    {
        services.AddMongoDatabase(options);
        services.TryAddSingleton(TimeProvider.System);
        // Resolved once at start, before requests are served: waiting is right here.
        services.AddSingleton(provider => MongoRecordStore.OpenAsync(
            provider.GetRequiredService<IMongoDatabase>(), provider.GetRequiredService<MongoServer>(), options,
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<MongoRecordStore>>(), CancellationToken.None).GetAwaiter().GetResult());
        services.AddSingleton<IKeyMark>(provider => new MongoKeyMark(provider.GetRequiredService<IMongoDatabase>()));
        services.AddSingleton(provider =>
        {
            // First the store, whose start says what is wrong with the server.
            _ = provider.GetRequiredService<MongoRecordStore>();
            return MasterKeys.Open(secrets ?? new SecretsOptions(), provider.GetRequiredService<IKeyMark>());
        });
        services.AddSingleton(provider => new SealingRecordStore(provider.GetRequiredService<MongoRecordStore>(), provider.GetRequiredService<MasterKeys>()));
        services.AddSingleton<IRecordStore>(provider => provider.GetRequiredService<SealingRecordStore>());
        return services;
    }
}
