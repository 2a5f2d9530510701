using Npgsql;
using PxBackup.Persistence.Relational;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresPeer))]

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A real PostgreSQL for the whole assembly; started by the first test that asks for it. A test that needs it fails when it cannot be
/// started. <c>POSTGRES_URI</c> names one elsewhere.
/// </summary>
public sealed class PostgresPeer : IAsyncDisposable
{
    private readonly Lazy<Task<PeerServer>> server = new(StartAsync);

    /// <summary>Options for a schema of its own.</summary>
    public async Task<PostgresOptions> OptionsAsync(string? schema = null) => Options((await server.Value).Values["POSTGRES_URI"], schema);

    /// <summary>Runs a statement as the server's administrator.</summary>
    public async Task RunAsync(string sql)
    {
        await using var connection = new NpgsqlConnection((await server.Value).Values["POSTGRES_URI"]);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // One that failed to start has told the tests, and has left nothing running.
        if (server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await server.Value).DisposeAsync();
    }

    /// <summary>A server of one test's own.</summary>
    internal static Task<PeerServer> StartAsync() => PeerServer.StartAsync("postgres", "POSTGRES_DIR", "POSTGRES_URI");

    internal static PostgresOptions Options(string uri, string? schema = null) =>
        new() { ConnectionString = uri, Schema = schema ?? $"test_{Guid.NewGuid():N}", MaxPool = 16 };
}
