using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork.Resources;

namespace PxBackup.Grains.Restores;

/// <summary>What a restore does on its cluster: every effect can be repeated, and finds what an earlier attempt has made.</summary>
internal static class RestoreOnCluster
{
    /// <summary>
    /// Makes sure that the cluster has the backup as a finished ApplicationBackup in the restore's namespace: the backup's own
    /// when it was taken there, otherwise one placed for this restore alone.
    /// </summary>
    /// <returns>The name to restore from.</returns>
    public static async Task<string> PlaceBackupAsync(IClusterGrain cluster, RestoreRecord record, string locationName)
    {
        if (record.Backup.BackupInfo.ClusterRef.Uid == record.Restore.RestoreInfo.ClusterRef.Uid
            && await BackupOnCluster.FindAsync(cluster, record.Backup, record.ResourceNamespace) is { Status.Stage: StorkStage.Final } own
            && own.Metadata.DeletionTimestamp is null)
            return own.Metadata.Name;

        var placed = StorkBackups.ToFinishedResource(record.Backup, record.ResourceName, record.ResourceNamespace, locationName, record.Restore.Metadata.Uid);
        var reply = await cluster.CallAsync(Call(ClusterVerb.Adopt, ClusterResource.ApplicationBackup, record) with { Body = ResourceText.Write(placed) });
        return reply.Foreign || !reply.Found ? throw Occupied("ApplicationBackup", record) : record.ResourceName;
    }

    /// <summary>Creates the ApplicationRestore, or takes over the one that is there.</summary>
    public static async Task<ApplicationRestore> PlaceAsync(IClusterGrain cluster, RestoreRecord record, string backupName, string locationName)
    {
        var resource = StorkRestores.ToResource(record.Restore, record.ResourceName, record.ResourceNamespace, backupName, locationName);
        var reply = await cluster.CallAsync(Call(ClusterVerb.Adopt, ClusterResource.ApplicationRestore, record) with { Body = ResourceText.Write(resource) });
        return reply.Foreign || !reply.Found ? throw Occupied("ApplicationRestore", record) : ResourceText.Read<ApplicationRestore>(reply.Body);
    }

    /// <summary>The ApplicationRestore as it is now; null when the cluster does not have it.</summary>
    public static async Task<ApplicationRestore?> FindAsync(IClusterGrain cluster, RestoreRecord record)
    {
        var reply = await cluster.CallAsync(Call(ClusterVerb.Find, ClusterResource.ApplicationRestore, record));
        return reply.Found && !reply.Foreign ? ResourceText.Read<ApplicationRestore>(reply.Body) : null;
    }

    /// <summary>Asks for the deletion of the ApplicationRestore; whether Stork stops is another matter.</summary>
    public static Task StopAsync(IClusterGrain cluster, RestoreRecord record) => cluster.CallAsync(Call(ClusterVerb.Delete, ClusterResource.ApplicationRestore, record));

    /// <summary>Asks for the removal of the restore and of the backup placed for it; restored objects and the data stay.</summary>
    /// <returns>Which of them is left; null when none is.</returns>
    public static async Task<string?> RemoveAsync(IClusterGrain cluster, RestoreRecord record)
    {
        // The restore first: without its backup it would only complain.
        foreach (var kind in new[] { ClusterResource.ApplicationRestore, ClusterResource.ApplicationBackup })
        {
            var reply = await cluster.CallAsync(Call(ClusterVerb.Delete, kind, record));
            if (reply is { Found: true, Foreign: false } && (await cluster.CallAsync(Call(ClusterVerb.Find, kind, record))).Found)
                return $"{kind} [{record.ResourceNamespace}/{record.ResourceName}]";
        }

        return null;
    }

    private static ClusterCall Call(ClusterVerb verb, ClusterResource resource, RestoreRecord record) => new()
    {
        Verb = verb,
        Resource = resource,
        Namespace = record.ResourceNamespace,
        Name = record.ResourceName,
        Uid = record.Restore.Metadata.Uid,
    };

    private static DomainException Occupied(string kind, RestoreRecord record) =>
        new(ErrorReason.Rejected, $"{kind} [{record.ResourceNamespace}/{record.ResourceName}] exists on the cluster and was not made for this restore: remove it or choose another name");
}
