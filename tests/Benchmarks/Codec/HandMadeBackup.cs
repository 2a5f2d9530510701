using PxBackup.Api;

namespace PxBackup.Benchmarks.Codec;

/// <summary>
/// The same contents as the sample's <see cref="BackupObject"/>, as somebody would write it for Orleans: records with explicit ids,
/// mutable so that the copier has to copy.
/// </summary>
[GenerateSerializer, Alias("px.bench.Backup")]
internal sealed class HandMadeBackup
{
    [Id(0)] public string Name { get; set; } = "";
    [Id(1)] public string Uid { get; set; } = "";
    [Id(2)] public string OrgId { get; set; } = "";
    [Id(3)] public DateTimeOffset CreatedAt { get; set; }
    [Id(4)] public DateTimeOffset UpdatedAt { get; set; }
    [Id(5)] public string Owner { get; set; } = "";
    [Id(6)] public Dictionary<string, string> Labels { get; set; } = [];
    [Id(7)] public HandMadeRef Cluster { get; set; } = new();
    [Id(8)] public HandMadeRef Location { get; set; } = new();
    [Id(9)] public HandMadeRef Credential { get; set; } = new();
    [Id(10)] public List<string> Namespaces { get; set; } = [];
    [Id(11)] public int Status { get; set; }
    [Id(12)] public string Reason { get; set; } = "";
    [Id(13)] public int Stage { get; set; }
    [Id(14)] public string Path { get; set; } = "";
    [Id(15)] public string ResourceName { get; set; } = "";
    [Id(16)] public string ResourceUid { get; set; } = "";
    [Id(17)] public ulong TotalSize { get; set; }
    [Id(18)] public ulong ResourceCount { get; set; }
    [Id(19)] public string StorkVersion { get; set; } = "";
    [Id(20)] public string TargetNamespace { get; set; } = "";
    [Id(21)] public int ObjectType { get; set; }
    [Id(22)] public DateTimeOffset VolumesCompletedAt { get; set; }
    [Id(23)] public DateTimeOffset CompletedAt { get; set; }
    [Id(24)] public List<HandMadeVolume> Volumes { get; set; } = [];
    [Id(25)] public List<HandMadeResource> Resources { get; set; } = [];

    public static HandMadeBackup Of(BackupObject backup)
    {
        var (metadata, info) = (backup.Metadata, backup.BackupInfo);
        return new HandMadeBackup
        {
            Name = metadata.Name, Uid = metadata.Uid, OrgId = metadata.OrgId, CreatedAt = metadata.CreateTime.ToDateTimeOffset(), UpdatedAt = metadata.LastUpdateTime.ToDateTimeOffset(),
            Owner = metadata.Ownership.Owner, Labels = metadata.Labels.ToDictionary(), Cluster = HandMadeRef.Of(info.ClusterRef), Location = HandMadeRef.Of(info.BackupLocationRef),
            Credential = HandMadeRef.Of(info.CloudCredentialRef), Namespaces = [.. info.Namespaces], Status = (int)info.Status.Status, Reason = info.Status.Reason, Stage = (int)info.Stage,
            Path = info.BackupPath, ResourceName = info.CrName, ResourceUid = info.CrUid, TotalSize = info.TotalSize, ResourceCount = info.ResourceCount, StorkVersion = info.StorkVersion,
            TargetNamespace = info.TargetNamespace, ObjectType = (int)info.BackupObjectType.Type, VolumesCompletedAt = info.CompletionTimeInfo.VolumesCompletionTime.ToDateTimeOffset(),
            CompletedAt = info.CompletionTimeInfo.TotalCompletionTime.ToDateTimeOffset(), Volumes = [.. info.Volumes.Select(HandMadeVolume.Of)], Resources = [.. info.Resources.Select(HandMadeResource.Of)],
        };
    }
}

[GenerateSerializer, Alias("px.bench.Ref")]
internal sealed class HandMadeRef
{
    [Id(0)] public string Name { get; set; } = "";
    [Id(1)] public string Uid { get; set; } = "";

    public static HandMadeRef Of(ObjectRef reference) => new() { Name = reference.Name, Uid = reference.Uid };
}

[GenerateSerializer, Alias("px.bench.Volume")]
internal sealed class HandMadeVolume
{
    [Id(0)] public string Name { get; set; } = "";
    [Id(1)] public string Namespace { get; set; } = "";
    [Id(2)] public string Claim { get; set; } = "";
    [Id(3)] public string BackupId { get; set; } = "";
    [Id(4)] public string Driver { get; set; } = "";
    [Id(5)] public ulong TotalSize { get; set; }
    [Id(6)] public ulong ActualSize { get; set; }
    [Id(7)] public string StorageClass { get; set; } = "";
    [Id(8)] public string Provisioner { get; set; } = "";
    [Id(9)] public int Status { get; set; }
    [Id(10)] public string Reason { get; set; } = "";

    public static HandMadeVolume Of(BackupInfo.Types.Volume volume) => new()
    {
        Name = volume.Name, Namespace = volume.Namespace, Claim = volume.Pvc, BackupId = volume.BackupId, Driver = volume.DriverName, TotalSize = volume.TotalSize, ActualSize = volume.ActualSize,
        StorageClass = volume.StorageClass, Provisioner = volume.Provisioner, Status = (int)volume.Status.Status, Reason = volume.Status.Reason,
    };
}

[GenerateSerializer, Alias("px.bench.Resource")]
internal sealed class HandMadeResource
{
    [Id(0)] public string Group { get; set; } = "";
    [Id(1)] public string Version { get; set; } = "";
    [Id(2)] public string Kind { get; set; } = "";
    [Id(3)] public string Name { get; set; } = "";
    [Id(4)] public string Namespace { get; set; } = "";

    public static HandMadeResource Of(ResourceInfo resource) =>
        new() { Group = resource.Group, Version = resource.Version, Kind = resource.Kind, Name = resource.Name, Namespace = resource.Namespace };
}
