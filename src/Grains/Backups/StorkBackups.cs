using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork.Resources;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Backups;

/// <summary>The one place where Stork's words for backups become the API's, and the other way round.</summary>
internal static class StorkBackups
{
    // A cluster's clock may be ahead of ours by this much.
    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(10);

    /// <summary>Name of the ApplicationBackup on the cluster, the same at every attempt.</summary>
    public static string NameOf(BackupObject backup) => StorkLabels.NameFor(ResourceNames.Clean(backup.Metadata.Name), backup.Metadata.Uid);

    /// <summary>The resource that asks Stork for the backup.</summary>
    /// <remarks>
    /// Its reclaim policy is Retain while it lives, so that nobody who deletes the resource by hand loses the data; a deletion
    /// through the API sets Delete first.
    /// </remarks>
    public static ApplicationBackup ToResource(BackupObject backup, IReadOnlyList<string> namespaces, string clusterNamespace, string locationName)
    {
        var info = backup.BackupInfo;
        var resource = new ApplicationBackup
        {
            Metadata = new ResourceMetadata
            {
                Name = NameOf(backup),
                Namespace = clusterNamespace,
                Labels = StorkLabels.For(backup.Metadata.Uid),
                Annotations = new Dictionary<string, string>
                {
                    // Stork's data mover needs the uid when it restores; the others name the backup on what it makes.
                    ["portworx.io/backup-uid"] = backup.Metadata.Uid,
                    ["portworx.io/backup-name"] = backup.Metadata.Name,
                    ["portworx.io/backup-by"] = "backup",
                    [StorkLabels.SkipResource] = "true",
                    [StorkLabels.LocationUid] = info.BackupLocationRef?.Uid ?? "",
                },
            },
            Spec = new ApplicationBackupSpec
            {
                // Never a selector: Stork would put what it matches in the place of the names (docs/adr/0025).
                Namespaces = [.. namespaces],
                BackupLocation = locationName,
                Selectors = info.LabelSelectors.ToDictionary(),
                ResourceTypes = [.. info.ResourceTypes],
                IncludeResources = [.. info.IncludeResources.Select(ToReference)],
                BackupType = info.BackupType?.Type == BackupInfo.Types.BackupType.Types.Type.Generic ? "Generic" : "",
                CsiSnapshotClassMap = info.VolumeSnapshotClassMapping.ToDictionary(),
                SkipAutoExecRules = info.SkipVmAutoExecRules,
                DirectKdmp = info.DirectKdmp,
                ReclaimPolicy = "Retain",
            },
        };
        if (info.CsiSnapshotClassName.Length > 0)
            resource.Spec.Options["stork.libopenstorage.org/csi-snapshot-class-name"] = info.CsiSnapshotClassName;
        return resource;
    }

    /// <summary>
    /// The same backup as a finished resource, for restoring on a cluster that does not have it: what Stork's own backup sync
    /// makes. Deleting it leaves the data alone.
    /// </summary>
    public static ApplicationBackup ToFinishedResource(BackupObject backup, string name, string clusterNamespace, string locationName, string ownerUid)
    {
        var info = backup.BackupInfo;
        var resource = ToResource(backup, [.. info.Namespaces], clusterNamespace, locationName);
        (resource.Metadata.Name, resource.Metadata.Labels) = (name, StorkLabels.For(ownerUid));
        resource.Status = new ApplicationBackupStatus
        {
            Stage = StorkStage.Final,
            Status = info.Status.Status == Status.PartialSuccess && info.FailedVolCount > 0 ? StorkStatus.PartialSuccess : StorkStatus.Successful,
            Reason = info.Status.Reason,
            BackupPath = BackupFolder.Of(backup)?.Path ?? "",
            ResourceCount = (int)Math.Min(info.ResourceCount, int.MaxValue),
            TotalSize = info.TotalSize,
            LargeResourceEnabled = info.LargeResourceEnabled,
            FailedVolCount = (int)Math.Min(info.FailedVolCount, int.MaxValue),
            TriggerTimestamp = backup.Metadata.CreateTime?.ToDateTimeOffset(),
            FinishTimestamp = info.CompletionTimeInfo?.TotalCompletionTime?.ToDateTimeOffset(),
            LastUpdateTimestamp = info.CompletionTimeInfo?.TotalCompletionTime?.ToDateTimeOffset(),
            Resources = [.. info.Resources.Select(r => new ResourceOutcome { Name = r.Name, Namespace = r.Namespace, Group = r.Group, Kind = r.Kind, Version = r.Version })],
            Volumes = [.. info.Volumes.Select(ToVolume)],
        };
        return resource;
    }

    /// <summary>Takes over what the finished resource says; which resource it is, and where its objects lie, the record knows (<see cref="BackupFolder"/>).</summary>
    public static void Take(BackupInfo info, ApplicationBackup resource, DateTimeOffset now)
    {
        var status = resource.Status;
        info.Stage = Stage.Final;
        info.Status = StatusOf(status.Status) is Status.Success or Status.PartialSuccess or Status.Failed
            ? new BackupInfo.Types.StatusInfo { Status = StatusOf(status.Status), Reason = StoreTexts.OfStork(status.Reason) }
            // The end is the end: what no release of Stork known here says is not to be restored from.
            : new BackupInfo.Types.StatusInfo { Status = Status.Failed, Reason = $"Stork ended the backup with status '{OutsideText.OneLine(status.Status, 100)}': {StoreTexts.OfStork(status.Reason)}" };
        info.TotalSize = status.TotalSize;
        info.ResourceCount = (ulong)Math.Max(Math.Max(status.ResourceCount, status.Resources.Count), 0);
        info.LargeResourceEnabled = status.LargeResourceEnabled;
        info.FailedVolCount = (ulong)Math.Max(status.FailedVolCount, status.Volumes.Count(v => v.Status == StorkStatus.Failed));
        // Stork writes the namespaces that '*' or a label selector stood for.
        if (resource.Spec.Namespaces is { Count: > 0 } namespaces && !namespaces.Contains("*"))
        {
            info.Namespaces.Clear();
            info.Namespaces.Add(namespaces.Where(ResourceNames.IsClean).Take(KeptEntries.MaxEntries));
        }

        var kept = new KeptEntries();
        info.Volumes.Clear();
        info.Volumes.Add(kept.Of("volumes", status.Volumes, ToVolume));
        info.Resources.Clear();
        info.Resources.Add(kept.Of("resources", status.Resources, r => new ResourceInfo
        {
            Name = OutsideText.OneLine(r.Name),
            Namespace = OutsideText.OneLine(r.Namespace),
            Group = OutsideText.OneLine(r.Group),
            Kind = OutsideText.OneLine(r.Kind),
            Version = OutsideText.OneLine(r.Version),
        }));
        info.Status.Reason += kept.LeftOut;
        // Null in failed ones; and nothing has ended tomorrow.
        var finished = status.FinishTimestamp is { } end && end <= now + MaxClockSkew ? end : now;
        info.CompletionTimeInfo ??= new completionTimeInfo();
        info.CompletionTimeInfo.ResourcesCompletionTime = Timestamp.FromDateTimeOffset(finished);
        info.CompletionTimeInfo.TotalCompletionTime = Timestamp.FromDateTimeOffset(finished);
        info.CompletionTimeInfo.VolumesCompletionTime ??= Timestamp.FromDateTimeOffset(finished);
    }

    /// <summary>Stork says <c>Successful</c>, the API <c>Success</c>. What a newer Stork may say is still under way, never Invalid.</summary>
    public static Status StatusOf(string status) => status switch
    {
        StorkStatus.Successful => Status.Success,
#if SEEDED_BUGS
        StorkStatus.PartialSuccess when SeededBugs.Is("partial-taken-as-success") => Status.Success,
#endif
        StorkStatus.PartialSuccess => Status.PartialSuccess,
        StorkStatus.Failed => Status.Failed,
        StorkStatus.Initial or StorkStatus.Pending => Status.Pending,
        _ => Status.InProgress,
    };

    /// <summary>Stork's stage; ImportResource, which the API does not know, is still the beginning.</summary>
    public static Stage StageOf(string stage) => stage switch
    {
        StorkStage.PreExecRule => Stage.PreExecRule,
        StorkStage.PostExecRule => Stage.PostExecRule,
        StorkStage.Volumes => Stage.Volumes,
        StorkStage.Applications => Stage.Applications,
        StorkStage.Final => Stage.Final,
        _ => Stage.Initial,
    };

    /// <summary>The API's way of naming a resource, in Stork's.</summary>
    public static ObjectReference ToReference(ResourceInfo resource) =>
        new() { Name = resource.Name, Namespace = resource.Namespace, Group = resource.Group, Kind = resource.Kind, Version = resource.Version };

    private static BackupInfo.Types.Volume ToVolume(BackupVolume volume)
    {
        var mapped = new BackupInfo.Types.Volume
        {
            Name = OutsideText.OneLine(volume.Volume),
            Namespace = OutsideText.OneLine(volume.Namespace),
            Pvc = OutsideText.OneLine(volume.PersistentVolumeClaim),
            PvcId = OutsideText.OneLine(volume.PersistentVolumeClaimUid),
            BackupId = OutsideText.OneLine(volume.BackupId),
            DriverName = OutsideText.OneLine(volume.DriverName),
            Status = new BackupInfo.Types.StatusInfo { Status = StatusOf(volume.Status), Reason = OutsideText.OneLine(volume.Reason) },
            TotalSize = volume.TotalSize,
            ActualSize = volume.ActualSize,
            StorageClass = OutsideText.OneLine(volume.StorageClass),
            Provisioner = OutsideText.OneLine(volume.Provisioner),
            Volumesnapshot = OutsideText.OneLine(volume.VolumeSnapshot),
            JobSecurityContext = new BackupInfo.Types.Volume.Types.JobSecurityContext { RunAsUser = volume.JobSecurityContext.RunAsUser, RunAsGroup = volume.JobSecurityContext.RunAsGroup },
        };
        mapped.Zones.Add(KeptEntries.Few(volume.Zones));
        mapped.Options.Add(KeptEntries.Few(volume.Options));
        return mapped;
    }

    private static BackupVolume ToVolume(BackupInfo.Types.Volume volume) => new()
    {
        Volume = volume.Name,
        Namespace = volume.Namespace,
        PersistentVolumeClaim = volume.Pvc,
        PersistentVolumeClaimUid = volume.PvcId,
        BackupId = volume.BackupId,
        DriverName = volume.DriverName,
        Status = volume.Status?.Status switch
        {
            Status.Success => StorkStatus.Successful,
            Status.PartialSuccess => StorkStatus.PartialSuccess,
            Status.Failed => StorkStatus.Failed,
            _ => StorkStatus.InProgress,
        },
        Reason = volume.Status?.Reason ?? "",
        TotalSize = volume.TotalSize,
        ActualSize = volume.ActualSize,
        StorageClass = volume.StorageClass,
        Provisioner = volume.Provisioner,
        VolumeSnapshot = volume.Volumesnapshot,
        Zones = [.. volume.Zones],
        Options = volume.Options.ToDictionary(),
        JobSecurityContext = new JobSecurityContext { RunAsUser = volume.JobSecurityContext?.RunAsUser ?? 0, RunAsGroup = volume.JobSecurityContext?.RunAsGroup ?? 0 },
    };
}
