using PxBackup.Tests.Adapters.Peers;
using Xunit;

[assembly: AssemblyFixture(typeof(RadosGatewayFixture))]

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A real S3 server, Ceph's radosgw, for the whole assembly; started by the first test that asks for it. A test that needs it fails
/// when it cannot be started. <c>S3_ENDPOINT</c>, <c>S3_ACCESS_KEY</c> and <c>S3_SECRET_KEY</c> name one elsewhere.
/// </summary>
public sealed class RadosGatewayFixture : IAsyncDisposable
{
    private readonly Lazy<Task<PeerServer>> server =
        new(() => PeerServer.StartAsync("radosgw", "S3_DIR", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY"));

    /// <summary>Where it answers and the keys of its only user.</summary>
    public async Task<(Uri Endpoint, string AccessKey, string SecretKey)> StartedAsync()
    {
        var values = (await server.Value).Values;
        return (new Uri(values["S3_ENDPOINT"]), values["S3_ACCESS_KEY"], values["S3_SECRET_KEY"]);
    }

    public async ValueTask DisposeAsync()
    {
        // One that failed to start has told the tests, and has left nothing running.
        if (server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await server.Value).DisposeAsync();
    }
}
