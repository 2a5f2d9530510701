using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.Hosting;
using Orleans.TestingHost;
using Xunit;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Serialization;
using PxBackup.Grains.Records;
using PxBackup.ObjectStores;
using PxBackup.Tests.InProcess;
using PxBackup.Tests.InProcess.BackupLocations;
using PxBackup.Tests.InProcess.Records;

[assembly: AssemblyFixture(typeof(GrainCluster))]

namespace PxBackup.Tests.InProcess;

/// <summary>
/// One silo in this process with the real grains over fakes of everything outside. One for all tests: each makes uids of its
/// own. Classes that use it belong to the collection <see cref="Name"/>, because they share the clock.
/// </summary>
public sealed class GrainCluster : IAsyncLifetime
{
    /// <summary>The collection's name.</summary>
    public const string Name = "grains";

    private InProcessTestCluster? _cluster;

    public GrainCluster() => Backups = new FakeBackups(Store);

    internal FakeRecordStore Store { get; } = new();

    internal FakeObjectStores ObjectStores { get; } = new();

    internal FakeBackups Backups { get; }

    internal FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, 0, TimeSpan.Zero));

    internal static Caller Ann { get; } = new() { UserId = "ann", UserName = "Ann" };

    internal static Caller Bob { get; } = new() { UserId = "bob", UserName = "Bob" };

    internal static Caller Admin { get; } = new() { UserId = "root", UserName = "Root", IsSuperAdmin = true };

    internal IGrainFactory Grains => _cluster!.Client;

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddMessageCodec();
            silo.Services.AddSingleton<IRecordStore>(Store);
            silo.Services.AddSingleton<IObjectStoreFactory>(ObjectStores);
            silo.Services.AddSingleton<StoreGate>();
            silo.Services.AddSingleton<TimeProvider>(Time);
            silo.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            silo.AddOutgoingGrainCallFilter(Backups);
        });
        builder.ConfigureClient(client => client.Services.AddMessageCodec());
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    /// <summary>Ends the grain's activation, as a crash of its silo would; the next call makes a new one.</summary>
    internal Task EndActivationAsync(IAddressable grain) => _cluster!.DeactivateAsync(grain);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}

/// <summary>Runs the tests that share the cluster one after the other.</summary>
[CollectionDefinition(GrainCluster.Name)]
public sealed class GrainTests;
