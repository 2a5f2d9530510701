using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;

namespace PxBackup.Persistence.Sqlite;

/// <summary>Puts the records of one machine into SQLite.</summary>
public static class SqliteRecordsSetup
{
    /// <summary>
    /// Registers <see cref="SqliteRecordStore"/> behind <see cref="IRecordStore"/>, with the secrets sealed
    /// (<see cref="SealingRecordStore"/>). The database is opened when the store is first resolved; resolve it at start, so
    /// that a damaged or locked one ends the start.
    /// </summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static IServiceCollection AddSqliteRecords(this IServiceCollection services, SqliteOptions options, SecretsOptions? secrets = null)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => SqliteRecordStore.Open(
            options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SqliteRecordStore>>()));
        services.AddSingleton<IKeyMark>(provider => provider.GetRequiredService<SqliteRecordStore>());
        services.AddSingleton(provider => MasterKeys.Open(
            secrets ?? new SecretsOptions { Directory = Path.Combine(options.Directory, "secrets") }, provider.GetRequiredService<IKeyMark>()));
        services.AddSingleton(provider => new SealingRecordStore(
            provider.GetRequiredService<SqliteRecordStore>(), provider.GetRequiredService<MasterKeys>()));
        services.AddSingleton<IRecordStore>(provider => provider.GetRequiredService<SealingRecordStore>());
        return services;
    }
}
