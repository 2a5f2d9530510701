namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A MongoDB-compatible server of one's own: PostgreSQL with DocumentDB, and any number of gateways in front of it. For tests that
/// kill it or need other options; all others share the one of <see cref="DocumentDbFixture"/>.
/// </summary>
internal sealed class DocumentDbServer : IAsyncDisposable
{
    private readonly PeerServer postgres;
    private readonly List<DocumentGatewayProgram> gateways = [];

    private DocumentDbServer(PeerServer postgres) => this.postgres = postgres;

    public string Postgres => postgres.Values["DOCUMENTDB_POSTGRES"];

    public static async Task<DocumentDbServer> StartAsync() =>
        new(await PeerServer.StartAsync("documentdb", "DOCUMENTDB_DIR", "DOCUMENTDB_POSTGRES"));

    /// <summary>One more gateway; see <c>tests/DocumentGateway/GatewayOptions.cs</c> for the options. It ends with this object.</summary>
    public async Task<DocumentGatewayProgram> GatewayAsync(params string[] options)
    {
        var gateway = await DocumentGatewayProgram.StartAsync(Postgres, options);
        lock (gateways) gateways.Add(gateway);
        return gateway;
    }

    /// <summary>Every process of the database ends at once, as <c>kill -9</c> does; what it has acknowledged stays.</summary>
    public Task KillAsync() => postgres.CallAsync("kill");

    /// <summary>Starts the database again where it was, with its data.</summary>
    public Task RestartAsync() => postgres.CallAsync("restart");

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in gateways) await gateway.DisposeAsync();
        await postgres.DisposeAsync();
    }
}
