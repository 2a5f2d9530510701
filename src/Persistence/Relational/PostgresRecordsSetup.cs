using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;

namespace PxBackup.Persistence.Relational;

/// <summary>Puts the records of an installation into PostgreSQL.</summary>
public static class PostgresRecordsSetup
{
    /// <summary>
    /// Registers <see cref="PostgresRecordStore"/> behind <see cref="IRecordStore"/>, with the secrets sealed
    /// (<see cref="SealingRecordStore"/>). The database is opened, checked and migrated when it is first resolved; resolve it at start,
    /// so that what is wrong with it ends the start. <see cref="PostgresDatabase.PingAsync"/> is for health checks.
    /// </summary>
    /// <param name="services">Services.</param>
    /// <param name="options">Where the database is.</param>
    /// <param name="secrets">
    /// Where the master key comes from; every process needs the same one. Default: the environment variable
    /// <see cref="SecretsOptions.Variable"/>.
    /// </param>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static IServiceCollection AddPostgresRecords(this IServiceCollection services, PostgresOptions options, SecretsOptions? secrets = null)
    {
        services.AddPostgresDatabase(options);
        services.AddSingleton(provider => new PostgresRecordStore(
            provider.GetRequiredService<PostgresDatabase>(), options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<PostgresRecordStore>>()));
        services.AddSingleton<IKeyMark>(provider => provider.GetRequiredService<PostgresRecordStore>());
        services.AddSingleton(provider => MasterKeys.Open(secrets ?? new SecretsOptions(), provider.GetRequiredService<IKeyMark>()));
        services.AddSingleton(provider => new SealingRecordStore(
            provider.GetRequiredService<PostgresRecordStore>(), provider.GetRequiredService<MasterKeys>()));
        services.AddSingleton<IRecordStore>(provider => provider.GetRequiredService<SealingRecordStore>());
        return services;
    }

    /// <summary>Registers the database alone, once however often it is called.</summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static IServiceCollection AddPostgresDatabase(this IServiceCollection services, PostgresOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => PostgresDatabase.Open(options, provider.GetRequiredService<ILogger<PostgresDatabase>>()));
        return services;
    }
}
