using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MongoDB.Driver;
using Npgsql;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.Relational;
using PxBackup.Persistence.Secrets;
using PxBackup.Persistence.Sqlite;

namespace PxBackup.Benchmarks.Running;

/// <summary>A record store of its own for one measurement: a folder, or a database that is made for it and dropped after it.</summary>
internal sealed class BenchStore : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly Func<Task> _drop;

    private BenchStore(ServiceProvider services, Func<Task> drop) => (_services, _drop, Records) = (services, drop, services.GetRequiredService<IRecordStore>());

    public IRecordStore Records { get; }

    /// <summary>Where MongoDB is: <c>MONGO_URI</c>.</summary>
    /// <exception cref="InvalidOperationException">The variable is not set.</exception>
    public static string MongoUri => Needed("MONGO_URI", "tests/peers/README.md says how to start the MongoDB-compatible server");

    /// <param name="kind"><c>sqlite</c>, <c>mongodb</c> or <c>postgresql</c>.</param>
    /// <param name="folder">For SQLite, and the master key.</param>
    public static async Task<BenchStore> OpenAsync(string kind, string folder)
    {
        var name = $"bench_{Guid.NewGuid():N}"[..20];
        var secrets = new SecretsOptions { Directory = Path.Combine(folder, "secrets") };
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        Func<Task> drop = () => Task.CompletedTask;
        switch (kind)
        {
            case "mongodb":
                services.AddMongoRecords(new MongoOptions { ConnectionString = MongoUri, Database = name, AllowStandalone = true }, secrets);
                drop = async () =>
                {
                    using var client = new MongoClient(MongoUri);
                    await client.DropDatabaseAsync(name);
                };
                break;
            case "postgresql":
                var server = new NpgsqlConnectionStringBuilder(Needed("POSTGRES_URI", "tests/peers/README.md says how to start PostgreSQL"));
                await RunAsync(server.ConnectionString, $"CREATE DATABASE {name}");
                services.AddPostgresRecords(new PostgresOptions { ConnectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString }, secrets);
                drop = () => RunAsync(server.ConnectionString, $"DROP DATABASE {name} WITH (FORCE)");
                break;
            default:
                services.AddSqliteRecords(new SqliteOptions { Directory = folder, Synchronous = SqliteSynchronous.Normal }, secrets);
                break;
        }

        return new BenchStore(services.BuildServiceProvider(), drop);
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _drop();
    }

    private static async Task RunAsync(string server, string sql)
    {
        await using var connection = new NpgsqlConnection(server);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static string Needed(string variable, string cure) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : throw new InvalidOperationException($"{variable} is not set; {cure}");
}
