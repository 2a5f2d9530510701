using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.Relational;
using PxBackup.Persistence.Secrets;
using PxBackup.Persistence.Sqlite;

namespace PxBackup.Silo;

/// <summary>The one place that knows which database is behind the ports.</summary>
internal static class StoreSetup
{
    /// <summary>The records, for a process with grains.</summary>
    public static void AddRecords(this IServiceCollection services, IConfiguration configuration)
    {
        var secrets = configuration.Read<SecretsOptions>(SecretsOptions.Section);
        switch (KindOf(configuration))
        {
            case StoreKind.MongoDB:
                services.AddMongoRecords(configuration.Read<MongoOptions>(MongoOptions.Section), secrets);
                StoreHealth.Add(services, provider => provider.GetRequiredService<MongoServer>().PingAsync);
                break;
            case StoreKind.PostgreSQL:
                services.AddPostgresRecords(configuration.Read<PostgresOptions>(PostgresOptions.Section), secrets);
                StoreHealth.Add(services, provider => provider.GetRequiredService<PostgresDatabase>().PingAsync);
                break;
            default:
                services.AddSqliteRecords(configuration.Read<SqliteOptions>(SqliteOptions.Section), secrets);
                StoreHealth.Add(services, provider => provider.GetRequiredService<SqliteRecordStore>().PingAsync);
                break;
        }
    }

    /// <summary>Membership and reminders, for a silo whose cluster has several.</summary>
    public static void UseTables(this ISiloBuilder silo, IConfiguration configuration)
    {
        if (KindOf(configuration) == StoreKind.PostgreSQL)
        {
            silo.UsePostgresClustering(configuration.Read<PostgresOptions>(PostgresOptions.Section));
            silo.UsePostgresReminders();
            return;
        }

        silo.UseMongoClustering();
        silo.UseMongoReminders();
    }

    /// <summary>Where a gateway finds the silos.</summary>
    public static void UseTables(this IClientBuilder client, IConfiguration configuration)
    {
        if (KindOf(configuration) == StoreKind.PostgreSQL)
        {
            client.UsePostgresClustering(configuration.Read<PostgresOptions>(PostgresOptions.Section));
            return;
        }

        client.Services.AddMongoDatabase(configuration.Read<MongoOptions>(MongoOptions.Section));
        client.UseMongoClustering();
    }

    public static StoreKind KindOf(IConfiguration configuration) => configuration.Read<StoreOptions>(StoreOptions.Section).Kind;
}
