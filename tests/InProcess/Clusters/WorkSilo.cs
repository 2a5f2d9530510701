using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.Hosting;
using Orleans.TestingHost;
using Xunit;
using PxBackup.Grains;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Serialization;
using PxBackup.Grains.Records;
using PxBackup.ObjectStores;
using PxBackup.Stork;
using PxBackup.Tests.InProcess.BackupLocations;
using PxBackup.Tests.InProcess.Clusters;
using PxBackup.Tests.InProcess.Records;

[assembly: AssemblyFixture(typeof(WorkSilo))]

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>One silo with everything that drives work on clusters, sweep included, over clusters, buckets and records in memory.</summary>
public sealed class WorkSilo : IAsyncLifetime
{
    /// <summary>The collection of the classes that share its clock.</summary>
    public const string Name = "work";

    private InProcessTestCluster? _silo;

    internal FakeRecordStore Store { get; } = new();

    internal FakeObjectStores ObjectStores { get; } = new();

    internal FakeClusterConnections Clusters { get; } = new();

    internal FakeBackupFiles Files { get; } = new();

    internal FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    internal static Caller Ann { get; } = new() { UserId = "ann", UserName = "Ann" };

    internal IGrainFactory Grains => _silo!.Client;

    public async ValueTask InitializeAsync()
    {
        // The clock stands still unless a test moves it, and the gate opens by the clock: room for every connection of a run.
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Clusters:ConnectAtOnce", "1024"), new("Clusters:WorkAtOnce", "2")]).Build();
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddMessageCodec();
            silo.Services.AddPxGrains(configuration);
            silo.Services.AddSingleton<IBackupFiles>(Files);
            silo.Services.AddSingleton<IRecordStore>(Store);
            silo.Services.AddSingleton<IObjectStoreFactory>(ObjectStores);
            silo.Services.AddSingleton<IClusterConnectionFactory>(Clusters);
            silo.Services.AddSingleton<TimeProvider>(Time);
            silo.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
        });
        builder.ConfigureClient(client => client.Services.AddMessageCodec());
        _silo = builder.Build();
        await _silo.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_silo is not null)
            await _silo.DisposeAsync();
    }

    /// <summary>Ends the grain's activation, as a crash of its silo would; the next call makes a new one.</summary>
    internal Task EndActivationAsync(IAddressable grain) => _silo!.DeactivateAsync(grain);

    /// <summary>Lets time pass, step by step, until it has happened; work goes on between the steps.</summary>
    /// <param name="what">What is waited for, for the message when it never comes.</param>
    /// <param name="holds">The condition.</param>
    /// <param name="step">How far the clock moves at once; zero keeps it standing.</param>
    internal async Task UntilAsync(string what, Func<bool> holds, TimeSpan step = default)
    {
        using var pulse = new PeriodicTimer(TimeSpan.FromMilliseconds(15));
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            while (!holds())
            {
                if (step > TimeSpan.Zero)
                    Time.Advance(step);
                await pulse.WaitForNextTickAsync(late.Token);
            }
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"20 seconds passed and it did not happen that {what}");
        }
    }

    /// <summary>A kubeconfig of this host, as a request carries it.</summary>
    internal static string Kubeconfig(string host) => Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""
        apiVersion: v1
        kind: Config
        current-context: x
        clusters:
        - name: c
          cluster: { server: "https://{{host}}:6443", insecure-skip-tls-verify: true }
        users:
        - name: u
          user: { token: made-up-token }
        contexts:
        - name: x
          context: { cluster: c, user: u }
        """));
}

/// <summary>Runs the tests that share the clock one after the other.</summary>
[CollectionDefinition(WorkSilo.Name)]
public sealed class WorkTests;

/// <summary>The objects of backups in their buckets: what was asked to be removed and what keeps it.</summary>
internal sealed class FakeBackupFiles : IBackupFiles
{
    /// <summary>Prefixes that were removed.</summary>
    public ConcurrentQueue<string> Removed { get; } = new();

    /// <summary>Why the bucket of this name keeps what it holds.</summary>
    public ConcurrentDictionary<string, string> Kept { get; } = new();

    /// <summary>What the store of the bucket of this name refuses with.</summary>
    public ConcurrentDictionary<string, DomainException> Refusals { get; } = new();

    /// <summary>Files that are not in the bucket of this name.</summary>
    public ConcurrentDictionary<string, string[]> Missing { get; } = new();

    public Task<string?> RemoveAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken)
    {
        if (Refusals.TryGetValue(location.Location.BackupLocationInfo.Path, out var refusal))
            throw refusal;
        Removed.Enqueue(folder.Path);
        return Task.FromResult(Kept.GetValueOrDefault(location.Location.BackupLocationInfo.Path));
    }

    public Task<IReadOnlyList<string>> MissingAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>(Missing.GetValueOrDefault(location.Location.BackupLocationInfo.Path, []));
}
