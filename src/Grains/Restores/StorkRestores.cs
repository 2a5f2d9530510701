using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork.Resources;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Restores;

/// <summary>The one place where Stork's words for restores become the API's, and the other way round.</summary>
internal static class StorkRestores
{
    /// <summary>Name of the ApplicationRestore, and of the ApplicationBackup placed for it, on the cluster.</summary>
    public static string NameOf(RestoreObject restore) => StorkLabels.NameFor(ResourceNames.Clean(restore.Metadata.Name), restore.Metadata.Uid);

    /// <summary>The resource that asks Stork for the restore.</summary>
    public static ApplicationRestore ToResource(RestoreObject restore, string name, string clusterNamespace, string backupName, string locationName)
    {
        var info = restore.RestoreInfo;
        return new ApplicationRestore
        {
            Metadata = new ResourceMetadata
            {
                Name = name,
                Namespace = clusterNamespace,
                Labels = StorkLabels.For(restore.Metadata.Uid),
                Annotations = new Dictionary<string, string>
                {
                    ["portworx.io/backup-uid"] = info.BackupRef.Uid,
                    ["portworx.io/backup-name"] = info.BackupRef.Name,
                    ["portworx.io/backup-by"] = "restore",
                    [StorkLabels.SkipResource] = "true",
                },
            },
            Spec = new ApplicationRestoreSpec
            {
                BackupName = backupName,
                BackupLocation = locationName,
                NamespaceMapping = info.NamespaceMapping.ToDictionary(),
                ReplacePolicy = info.ReplacePolicy == ReplacePolicy.Types.Type.Delete ? "Delete" : "Retain",
                IncludeOptionalResourceTypes = [.. info.IncludeOptionalResourceTypes],
                IncludeResources = [.. info.IncludeResources.Select(StorkBackups.ToReference)],
                StorageClassMapping = info.StorageClassMapping.ToDictionary(),
            },
        };
    }

    /// <summary>Takes over what the finished resource says.</summary>
    public static void Take(RestoreInfo info, ApplicationRestore resource)
    {
        var status = resource.Status;
        info.Status = StatusOf(status.Status) is Status.Success or Status.PartialSuccess or Status.Failed or Status.Retained
            ? new RestoreInfo.Types.StatusInfo { Status = StatusOf(status.Status), Reason = StoreTexts.OfStork(status.Reason) }
            // The end is the end, whatever a newer Stork calls it.
            : new RestoreInfo.Types.StatusInfo { Status = Status.Failed, Reason = $"Stork ended the restore with status '{OutsideText.OneLine(status.Status, 100)}': {StoreTexts.OfStork(status.Reason)}" };
        info.RestoreStatus = new RestoreInfo.Types.RestoreResourceState { RestoreStatus = RestoreInfo.Types.RestoreResourceState.Types.ResourceStatus.Applying };
        info.TotalSize = status.TotalSize;
        info.ResourceCount = (ulong)Math.Max(Math.Max(status.ResourceCount, status.Resources.Count), 0);
        info.RestoredResourceCount = (ulong)Math.Max(status.RestoredResourceCount, 0);
        info.LargeResourceEnabled = status.LargeResourceEnabled;
        if (resource.Spec.NamespaceMapping.Count > 0)
        {
            info.NamespaceMapping.Clear();
            foreach (var (source, target) in resource.Spec.NamespaceMapping.Where(pair => ResourceNames.IsClean(pair.Key) && ResourceNames.IsClean(pair.Value)).Take(KeptEntries.MaxEntries))
                info.NamespaceMapping[source] = target;
        }

        var kept = new KeptEntries();
        info.Volumes.Clear();
        info.Volumes.Add(kept.Of("volumes", status.Volumes, ToVolume));
        info.Resources.Clear();
        info.Resources.Add(kept.Of("resources", status.Resources, r => new RestoreInfo.Types.RestoredResource
        {
            Name = OutsideText.OneLine(r.Name),
            Namespace = OutsideText.OneLine(r.Namespace),
            Group = OutsideText.OneLine(r.Group),
            Kind = OutsideText.OneLine(r.Kind),
            Version = OutsideText.OneLine(r.Version),
            Status = new RestoreInfo.Types.StatusInfo { Status = StatusOf(r.Status), Reason = OutsideText.OneLine(r.Reason) },
        }));
        info.Status.Reason += kept.LeftOut;
    }

    /// <summary>Takes over what the last report of a resource that has gone says.</summary>
    public static void Take(RestoreInfo info, StorkReport last)
    {
        info.Status = new RestoreInfo.Types.StatusInfo
        {
            Status = StatusOf(last.Status) is Status.Success or Status.PartialSuccess or Status.Retained ? StatusOf(last.Status) : Status.Failed,
            Reason = last.Reason,
        };
        info.RestoreStatus = new RestoreInfo.Types.RestoreResourceState { RestoreStatus = RestoreInfo.Types.RestoreResourceState.Types.ResourceStatus.Applying };
        info.ResourceCount = Math.Max(info.ResourceCount, (ulong)Math.Max(last.ResourceCount, 0));
        info.RestoredResourceCount = Math.Max(info.RestoredResourceCount, (ulong)Math.Max(last.RestoredCount, 0));
    }

    /// <summary>Stork says <c>Successful</c>, the API <c>Success</c>.</summary>
    public static Status StatusOf(string status) => status switch
    {
        StorkStatus.Successful => Status.Success,
        StorkStatus.PartialSuccess => Status.PartialSuccess,
        StorkStatus.Retained => Status.Retained,
        StorkStatus.Failed => Status.Failed,
        StorkStatus.Initial or StorkStatus.Pending => Status.Pending,
        _ => Status.InProgress,
    };

    private static RestoreInfo.Types.Volume ToVolume(RestoreVolume volume)
    {
        var mapped = new RestoreInfo.Types.Volume
        {
            Pvc = OutsideText.OneLine(volume.PersistentVolumeClaim),
            SourceNamespace = OutsideText.OneLine(volume.SourceNamespace),
            SourceVolume = OutsideText.OneLine(volume.SourceVolume),
            RestoreVolume = OutsideText.OneLine(volume.RestoredVolume),
            DriverName = OutsideText.OneLine(volume.DriverName),
            Status = new RestoreInfo.Types.StatusInfo { Status = StatusOf(volume.Status), Reason = OutsideText.OneLine(volume.Reason) },
            TotalSize = volume.TotalSize,
        };
        mapped.Zones.Add(KeptEntries.Few(volume.Zones));
        mapped.Options.Add(KeptEntries.Few(volume.Options));
        return mapped;
    }
}
