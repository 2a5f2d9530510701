using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// Orleans' own state in the file of the records, written by the same queue. All of it takes the
/// <see cref="SqliteRecordStore"/> of <see cref="SqliteRecordsSetup.AddSqliteRecords"/>.
/// </summary>
public static class SqliteOrleansSetup
{
    /// <summary>The silos of this process find each other through the file; a file is open to one process only.</summary>
    public static ISiloBuilder UseSqliteClustering(this ISiloBuilder silo) =>
        silo.ConfigureServices(services => services.AddSingleton<IMembershipTable, SqliteMembershipTable>());

    /// <summary>Reminders rest in the file.</summary>
    public static ISiloBuilder UseSqliteReminders(this ISiloBuilder silo) =>
        silo.AddReminders().ConfigureServices(services => services.AddSingleton<IReminderTable, SqliteReminderTable>());

    /// <summary>Adds a grain storage of this name. Storages of different names share their rows: a state's name tells them apart.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="name">As grains name it in <c>[PersistentState]</c>; <c>Default</c> serves those that name none.</param>
    public static ISiloBuilder AddSqliteGrainStorage(this ISiloBuilder silo, string name) => silo.ConfigureServices(services =>
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddGrainStorage(name, static (provider, _) => ActivatorUtilities.CreateInstance<SqliteGrainStorage>(provider));
    });
}
