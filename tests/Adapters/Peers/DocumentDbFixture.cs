using PxBackup.Tests.Adapters.Peers;
using Xunit;

[assembly: AssemblyFixture(typeof(DocumentDbFixture))]

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A MongoDB-compatible server for the whole assembly, DocumentDB with our own gateway, as the replica set <c>rs0</c>; started by the
/// first test that asks for it. Each suite takes a database name of its own. <c>MONGO_URI</c> names a server elsewhere.
/// <c>tests/DocumentGateway/README.md</c> says what it does not do as a MongoDB does.
/// </summary>
public sealed class DocumentDbFixture : IAsyncDisposable
{
    private readonly Lazy<Task<(DocumentDbServer Server, string ConnectionString)>> ours = new(async () =>
    {
        var server = await DocumentDbServer.StartAsync();
        return (server, (await server.GatewayAsync("--set", "rs0")).ConnectionString);
    });

    /// <summary>The server that <c>MONGO_URI</c> names; nothing where our own is used.</summary>
    public static string? Elsewhere => Environment.GetEnvironmentVariable("MONGO_URI") is { Length: > 0 } address ? address : null;

    /// <summary>How the shared server is reached.</summary>
    public async Task<string> ConnectionStringAsync() => Elsewhere ?? (await ours.Value).ConnectionString;

    /// <summary>A gateway with other options in front of the shared database; it ends with the fixture.</summary>
    internal async Task<DocumentGatewayProgram> GatewayAsync(params string[] options) => await (await ours.Value).Server.GatewayAsync(options);

    public async ValueTask DisposeAsync()
    {
        // One that failed to start has told the tests, and has left nothing running.
        if (ours is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await ours.Value).Server.DisposeAsync();
    }
}
