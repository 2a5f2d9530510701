using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Serialization;
using Orleans.Storage;

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

    /// <summary>Reminders rest in the database.</summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static ISiloBuilder UsePostgresReminders(this ISiloBuilder silo, PostgresOptions options)
    {
        silo.Services.AddPostgresDatabase(options);
        return silo.UseAdoNetReminderService(reminders => reminders.Configure<PostgresDatabase>((own, database) =>
            (own.Invariant, own.DataSource) = (Invariant, database.Orleans)));
    }

    /// <summary>
    /// Grain state of this provider name rests in the database, written by Orleans' own serializer: it makes only types that the
    /// program knows by alias, where the default one makes any type that the text names.
    /// </summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public static ISiloBuilder AddPostgresGrainStorage(this ISiloBuilder silo, string name, PostgresOptions options)
    {
        silo.Services.AddPostgresDatabase(options);
        return silo.AddAdoNetGrainStorage(name, storage => storage.Configure<PostgresDatabase, Serializer>((own, database, serializer) =>
            (own.Invariant, own.DataSource, own.GrainStorageSerializer) = (Invariant, database.Orleans, new OrleansGrainStorageSerializer(serializer))));
    }
}
