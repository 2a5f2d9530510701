using Microsoft.Extensions.Time.Testing;
using PxBackup.Grains.Records;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>A store under test, shared by the tests of one class; every test works in an organization of its own.</summary>
public abstract class RecordStoreFixture : IAsyncLifetime
{
    /// <summary>The store's clock: only tests move it.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>The store.</summary>
    public IRecordStore Store { get; protected set; } = null!;

    /// <inheritdoc />
    public abstract ValueTask InitializeAsync();

    /// <summary>Removes expired tombstones now, as the store's own sweep does.</summary>
    public abstract Task SweepAsync();

    /// <inheritdoc />
    public abstract ValueTask DisposeAsync();
}
