using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// Orleans' own state in the same schema as the records: its ADO.NET providers over connections of their own. The tables and the
/// statements are there before a provider asks, because the providers' options open the database.
/// </summary>
public static class PostgresOrleansSetup
{
    /// <summary>The name under which the ADO.NET providers know the driver.</summary>
    private const string Invariant = "Npgsql";

    /// <summary>Silos find each other through the database.</summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static ISiloBuilder UsePostgresClustering(this ISiloBuilder silo, PostgresOptions options)
    {
        silo.Services.AddPostgresDatabase(options);
        return silo.UseAdoNetClustering(clustering => clustering.Configure<PostgresDatabase>((own, database) =>
            (own.Invariant, own.DataSource) = (Invariant, database.Orleans)));
    }

    /// <summary>Gateways find silos through the database.</summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static IClientBuilder UsePostgresClustering(this IClientBuilder client, PostgresOptions options)
    {
        client.Services.AddPostgresDatabase(options);
        return client.UseAdoNetClustering(clustering => clustering.Configure<PostgresDatabase>((own, database) =>
            (own.Invariant, own.DataSource) = (Invariant, database.Orleans)));
    }

    /// <summary>Reminders rest in the database of <see cref="UsePostgresClustering(ISiloBuilder, PostgresOptions)"/>.</summary>
    public static ISiloBuilder UsePostgresReminders(this ISiloBuilder silo) =>
        silo.UseAdoNetReminderService(reminders => reminders.Configure<PostgresDatabase>((own, database) =>
            (own.Invariant, own.DataSource) = (Invariant, database.Orleans)));

    /// <summary>Adds a grain storage of this name in the same database. Storages of different names share their rows: a state's name tells them apart.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="name">As grains name it in <c>[PersistentState]</c>; <c>Default</c> serves those that name none.</param>
    public static ISiloBuilder AddPostgresGrainStorage(this ISiloBuilder silo, string name) =>
        silo.AddAdoNetGrainStorage(name, storage => storage.Configure<PostgresDatabase>((own, database) =>
            (own.Invariant, own.DataSource, own.GrainStorageSerializer) = (Invariant, database.Orleans, new StateSerializer())));
}
