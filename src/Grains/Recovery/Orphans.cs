using Microsoft.Extensions.Logging;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Stork.Resources;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Removes a resource of ours whose record was deleted. It appears when a silo stands still right before it makes the
/// resource, others finish and delete the work meanwhile, and it wakes up. Only with a tombstone: a resource of which this store
/// never knew belongs to another installation, or the store was restored from an older copy, and neither is ours to delete.
/// </summary>
internal sealed partial class Orphans(IGrainFactory grains, IRecordStore store, ILogger<Orphans> logger)
{
    /// <summary>Removes what the report is about, if its record was deleted; reported again while it is there.</summary>
    /// <param name="kind">What the resource stands for.</param>
    /// <param name="key">The object that its label names, which has no record.</param>
    /// <param name="report">What the watch says.</param>
    /// <exception cref="DomainException">The store or the cluster does not answer; the watch reports again.</exception>
    public async Task RemoveAsync(ObjectKind kind, ObjectKey key, StorkReport report)
    {
        if (report.Gone || report.ClusterUid.Length == 0)
            return;
        var isBackups = kind == ObjectKind.Backup && await WasDeletedAsync(ObjectKind.Backup, key);
        // The ApplicationBackup that a restore places on its cluster carries the restore's uid.
        if (!isBackups && !await WasDeletedAsync(ObjectKind.Restore, key))
        {
            if (kind == ObjectKind.Backup && report.IsFinal)
                await grains.Restore(key).ObserveAsync(report); // Its own, if it lives: one that has ended cleans up once more.
            return;
        }

        var cluster = grains.Cluster(new ObjectKey(key.OrgId, report.ClusterUid));
        var call = new ClusterCall
        {
            Verb = ClusterVerb.Delete,
            Resource = kind == ObjectKind.Backup ? ClusterResource.ApplicationBackup : ClusterResource.ApplicationRestore,
            Namespace = report.Namespace,
            Name = report.Name,
            Uid = key.Uid,
        };
        // What Stork is saving for it goes with it. What it has saved before does not: a backup that was taken out of the catalogue left its
        // data there on purpose and may be back with an older snapshot of the cluster; one that was deleted with its data has none. A
        // restore's copy names the data of a backup that stays.
        if (isBackups && (!report.IsFinal || await GoesWithDataAsync(key.OrgId, cluster, call with { Verb = ClusterVerb.Find })))
            await BackupOnCluster.LetDataGoAsync(cluster, call, uid: "");
        await cluster.CallAsync(call);
        LogRemoved(logger, call.Resource, report.Namespace, report.Name, report.ResourceUid, report.ClusterUid, key);
    }

    // A backup is taken out of the catalogue without its data only when its location goes the same way: where that lives, the backup was deleted with its data.
    private async Task<bool> GoesWithDataAsync(string orgId, IClusterGrain cluster, ClusterCall find)
    {
        if (await cluster.CallAsync(find) is not { Found: true, Foreign: false } found
            || ResourceText.Read<ApplicationBackup>(found.Body).Metadata.Annotations.GetValueOrDefault(StorkLabels.LocationUid) is not { Length: > 0 } uid)
            return false;
        try
        {
            var info = (await grains.BackupLocation(new ObjectKey(orgId, uid)).UseAsync(Caller.System)).Location.BackupLocationInfo;
            return info.DeleteBackups || info.Status?.Status != LocationStatus.DeletePending;
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
        {
            return false;
        }
    }

    private async Task<bool> WasDeletedAsync(ObjectKind kind, ObjectKey key) => await store.TombstoneAsync(RecordKey.Of(kind, key), CancellationToken.None).OrUnavailableAsync() > 0;

    [LoggerMessage(LogLevel.Warning, "{Resource} {Namespace}/{Name} {ResourceUid} appeared on cluster {Cluster} after its object {Key} was deleted: it is removed")]
    private static partial void LogRemoved(ILogger logger, ClusterResource resource, string @namespace, string name, string resourceUid, string cluster, ObjectKey key);
}
