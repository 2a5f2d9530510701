using Xunit;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Clusters;

namespace PxBackup.Tests.InProcess.BackupLocations;

/// <summary>Where a location's copies are made, and where they are removed.</summary>
[Collection(WorkSilo.Name)]
public sealed class LocationCopiesTests(WorkSilo silo)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deleting_a_location_asks_only_the_clusters_of_its_own_work()
    {
        var (mine, others) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        await mine.FinishedBackupAsync();
        await others.FinishedBackupAsync();
        var before = others.Kubernetes.Calls.Count;

        await silo.Grains.BackupLocation(new("default", mine.LocationRef.Uid)).DeleteAsync(new() { Name = mine.LocationRef.Name, Uid = mine.LocationRef.Uid }, WorkSilo.Ann, Token);
        await silo.UntilAsync("the location is gone", () => mine.LocationRecord() is null, TimeSpan.FromSeconds(1));

        Assert.Empty(mine.Kubernetes.All<StorkBackupLocation>());
        Assert.Empty(mine.Kubernetes.All<Secret>());
        Assert.DoesNotContain(others.Kubernetes.Calls.Skip(before), call => call.Contains(mine.LocationRef.Name, StringComparison.Ordinal));
        Assert.NotEmpty(others.Kubernetes.All<Secret>());
    }

    [Fact]
    public async Task A_cluster_is_known_before_the_copy_is_made_there_and_restores_count_too()
    {
        var (from, onto) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        var backup = await from.FinishedBackupAsync();
        await from.StartRestoreAsync(backup, onto);
        await silo.UntilAsync("the restore placed the location", () => onto.Kubernetes.All<StorkBackupLocation>().Count > 0, TimeSpan.FromSeconds(1));

        var known = from.LocationRecord()!.Placements.Select(placement => placement.ClusterUid);

        Assert.Equal([from.ClusterRef.Uid, onto.ClusterRef.Uid], known);
    }
}
