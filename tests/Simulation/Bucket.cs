using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;

namespace PxBackup.Tests.Simulation;

/// <summary>The bucket: names of objects.</summary>
internal sealed class Bucket(World world)
{
    private readonly HashSet<string> _objects = [];

    public DateTimeOffset LockedUntil { get; private set; }

    /// <summary>What can go wrong.</summary>
    public Port Port { get; } = new(Fault.BucketFails, Fault.BucketFails, Fault.BucketFails, Fault.BucketFails, Fault.BucketFails, what => new DomainException(ErrorReason.Unreachable, $"the bucket failed: {what}"));

    public void Add(string name) => _objects.Add(name);

    public bool Has(string name) => _objects.Contains(name);

    public IEnumerable<string> Below(string prefix) => _objects.Where(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public void Remove(string prefix) => _objects.RemoveWhere(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public string? RemoveUnlessLocked(string prefix)
    {
        if (world.Faults.Fires(Fault.BucketLocked))
            LockedUntil = world.Now + world.Random.Seconds(10, 150);
        if (world.Now < LockedUntil && Below(prefix).Any())
            return "object lock keeps objects of the backup";
        Remove(prefix);
        return null;
    }
}

/// <summary>One silo's way to the bucket.</summary>
internal sealed class BucketPort(Bucket bucket, Silo silo) : IBackupFiles
{
    public Task<string?> RemoveAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken) =>
        silo.Home.EffectAsync(silo, $"empty {folder.Path}", bucket.Port, write: true, () => bucket.RemoveUnlessLocked(folder.Prefix));

    public Task<IReadOnlyList<string>> MissingAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken) =>
        silo.Home.EffectAsync<IReadOnlyList<string>>(silo, $"look for {folder.Path}", bucket.Port, write: false, () => bucket.Has($"{folder.Path}/metadata.json") ? [] : ["metadata.json"]);
}
