using PxBackup.Tests.Adapters.Peers;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>The suite against a real S3 server.</summary>
public sealed class RadosGatewayTests(RadosGatewayFixture server) : ObjectStoreSuite
{
    protected override Task<(Uri Endpoint, string AccessKey, string SecretKey)> ServerAsync() => server.StartedAsync();
}
