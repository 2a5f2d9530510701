using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using Volume = PxBackup.Api.BackupInfo.Types.Volume;

namespace PxBackup.Benchmarks.Inspect;

/// <summary>A finished backup of a small application: three volumes and a dozen resources, as Inspect returns it.</summary>
internal static class SampleBackup
{
    public static BackupObject Of(string org, string uid, string name, string owner)
    {
        var at = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 1, 5, 2, 0, 0, TimeSpan.Zero));
        var backup = new BackupObject
        {
            Metadata = new Metadata
            {
                Name = name, Uid = uid, OrgId = org, CreateTime = at, CreateTimeInSec = at.Seconds, LastUpdateTime = at, LastUpdateTimeInSec = at.Seconds,
                Ownership = new Ownership { Owner = owner }, Labels = { ["tier"] = "gold", ["team"] = "shop" },
            },
            BackupInfo = new BackupInfo
            {
                Cluster = "cluster-1", ClusterRef = new ObjectRef { Name = "cluster-1", Uid = "5b1f3c52-0f0e-4a51-9a52-1c0de2a76b01" },
                BackupLocation = "bench", BackupLocationRef = new ObjectRef { Name = "bench", Uid = "5b1f3c52-0f0e-4a51-9a52-1c0de2a76b02" },
                CloudCredential = "bench", CloudCredentialRef = new ObjectRef { Name = "bench", Uid = "5b1f3c52-0f0e-4a51-9a52-1c0de2a76b03" },
                Namespaces = { "shop", "blog" },
                Status = new BackupInfo.Types.StatusInfo { Status = BackupInfo.Types.StatusInfo.Types.Status.Success, Reason = "Volumes and resources were backed up successfully" },
                Stage = BackupInfo.Types.Stage.Final, BackupPath = $"shop/{name}-{uid[..7]}/{uid}", CrName = $"{name}-{uid[..7]}", CrUid = uid,
                TotalSize = 3UL << 30, ResourceCount = 12, StorkVersion = "25.2.0-4f9d2c1", TargetNamespace = "kube-system",
                BackupObjectType = new BackupInfo.Types.BackupObjectType { Type = BackupInfo.Types.BackupObjectType.Types.Type.All },
                CompletionTimeInfo = new completionTimeInfo { VolumesCompletionTime = at, TotalCompletionTime = at },
            },
        };
        for (var i = 0; i < 3; i++)
        {
            backup.BackupInfo.Volumes.Add(new Volume
            {
                Name = $"pvc-5b1f3c52-0f0e-4a51-9a52-1c0de2a76b1{i}", Namespace = "shop", Pvc = $"data-{i}", BackupId = $"{name}-snapshot-{i}", DriverName = "kdmp", TotalSize = 1UL << 30, ActualSize = 1UL << 29,
                StorageClass = "fast", Provisioner = "pd.csi.storage.gke.io", Status = new BackupInfo.Types.StatusInfo { Status = BackupInfo.Types.StatusInfo.Types.Status.Success, Reason = "Backup successful for volume" },
            });
        }

        foreach (var kind in (string[])["Deployment", "Service", "ConfigMap", "Secret", "ServiceAccount", "Ingress", "PersistentVolumeClaim", "PersistentVolume", "Role", "RoleBinding", "StatefulSet", "CronJob"])
            backup.BackupInfo.Resources.Add(new ResourceInfo { Group = "apps", Version = "v1", Kind = kind, Name = $"shop-{kind}", Namespace = "shop" });
        return backup;
    }
}
