using PxBackup.FleetSimulator.ObjectStore;
using Xunit;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>The simulator's S3 endpoint, one for all tests of a class.</summary>
public sealed class SimulatedObjectStoreFixture : IAsyncLifetime
{
    public const string AccessKey = "AKIASIMULATED0000000";
    public const string SecretKey = "simulated/secret+key";

    public RunningObjectStore Server { get; private set; } = null!;

    public static SimulatedObjectStoreOptions Options() => new() { Keys = { [AccessKey] = SecretKey } };

    public async ValueTask InitializeAsync() => Server = await SimulatedObjectStore.StartAsync(Options());

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
