using PxBackup.Api;
using PxBackup.Api.Ems;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// An implementation of every published service for the case that none is registered: each of its methods answers Unimplemented.
/// With it all 24 services exist on both ports from the first release on, and a client can tell "not built" from "wrong path".
/// </summary>
internal static class UnimplementedServices
{
    public static IReadOnlyList<Type> All { get; } =
    [
        typeof(NoHealth), typeof(NoVolumeResourceOnlyPolicy), typeof(NoSchedulePolicy), typeof(NoBackupSchedule),
        typeof(NoCluster), typeof(NoCloudCredential), typeof(NoReceiver), typeof(NoRecipient), typeof(NoBackupLocation),
        typeof(NoMetrics), typeof(NoBackup), typeof(NoRestore), typeof(NoOrganization), typeof(NoRules), typeof(NoVersion),
        typeof(NoLicense), typeof(NoManagedClusters), typeof(NoActivityTimeLine), typeof(NoRole), typeof(NoResourceCollector),
        typeof(NoLogLevelService), typeof(NoClusterDiscoveryConfig), typeof(NoContainerOrchestrator), typeof(NoPlatformInfoProvider),
    ];

    internal sealed class NoHealth : Health.HealthBase;
    internal sealed class NoVolumeResourceOnlyPolicy : VolumeResourceOnlyPolicy.VolumeResourceOnlyPolicyBase;
    internal sealed class NoSchedulePolicy : SchedulePolicy.SchedulePolicyBase;
    internal sealed class NoBackupSchedule : BackupSchedule.BackupScheduleBase;
    internal sealed class NoCluster : Cluster.ClusterBase;
    internal sealed class NoCloudCredential : CloudCredential.CloudCredentialBase;
    internal sealed class NoReceiver : Receiver.ReceiverBase;
    internal sealed class NoRecipient : Recipient.RecipientBase;
    internal sealed class NoBackupLocation : BackupLocation.BackupLocationBase;
    internal sealed class NoMetrics : Metrics.MetricsBase;
    internal sealed class NoBackup : Backup.BackupBase;
    internal sealed class NoRestore : Restore.RestoreBase;
    internal sealed class NoOrganization : Organization.OrganizationBase;
    internal sealed class NoRules : Rules.RulesBase;
    internal sealed class NoVersion : PxBackup.Api.Version.VersionBase;
    internal sealed class NoLicense : License.LicenseBase;
    internal sealed class NoManagedClusters : ManagedClusters.ManagedClustersBase;
    internal sealed class NoActivityTimeLine : ActivityTimeLine.ActivityTimeLineBase;
    internal sealed class NoRole : Role.RoleBase;
    internal sealed class NoResourceCollector : ResourceCollector.ResourceCollectorBase;
    internal sealed class NoLogLevelService : LogLevelService.LogLevelServiceBase;
    internal sealed class NoClusterDiscoveryConfig : ClusterDiscoveryConfig.ClusterDiscoveryConfigBase;
    internal sealed class NoContainerOrchestrator : ContainerOrchestrator.ContainerOrchestratorBase;
    internal sealed class NoPlatformInfoProvider : PlatformInfoProvider.PlatformInfoProviderBase;
}
