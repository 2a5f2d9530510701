using Xunit;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>The suite against the simulator's endpoint: what passes there must be what passes outside.</summary>
public sealed class SimulatedObjectStoreTests(SimulatedObjectStoreFixture fixture) : ObjectStoreSuite, IClassFixture<SimulatedObjectStoreFixture>
{
    protected override Task<(Uri Endpoint, string AccessKey, string SecretKey)> ServerAsync() =>
        Task.FromResult((fixture.Server.Endpoint, SimulatedObjectStoreFixture.AccessKey, SimulatedObjectStoreFixture.SecretKey));
}
