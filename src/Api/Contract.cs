using Google.Protobuf.Reflection;

namespace PxBackup.Api;

/// <summary>The published contract as descriptors.</summary>
public static class Contract
{
    /// <summary>
    /// Every service in its published order. The order counts: where two REST routes match the same path, the first one answers.
    /// </summary>
    public static IReadOnlyList<ServiceDescriptor> Services { get; } =
    [
        Health.Descriptor,
        VolumeResourceOnlyPolicy.Descriptor,
        SchedulePolicy.Descriptor,
        BackupSchedule.Descriptor,
        Cluster.Descriptor,
        CloudCredential.Descriptor,
        Receiver.Descriptor,
        Recipient.Descriptor,
        BackupLocation.Descriptor,
        Metrics.Descriptor,
        Backup.Descriptor,
        Restore.Descriptor,
        Organization.Descriptor,
        Rules.Descriptor,
        Version.Descriptor,
        License.Descriptor,
        ManagedClusters.Descriptor,
        ActivityTimeLine.Descriptor,
        Role.Descriptor,
        ResourceCollector.Descriptor,
        LogLevelService.Descriptor,
        ClusterDiscoveryConfig.Descriptor,
        Ems.ContainerOrchestrator.Descriptor,
        Ems.PlatformInfoProvider.Descriptor,
    ];

    /// <summary>Every file of the contract: those of the services and the one they share.</summary>
    public static IReadOnlyList<FileDescriptor> Files { get; } =
        [CommonReflection.Descriptor, .. Services.Select(service => service.File).Distinct()];
}
