using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Interfaces.CloudCredentials;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Interfaces.Organizations;
using PxBackup.Grains.Interfaces.Restores;

namespace PxBackup.Grains.Interfaces;

/// <summary>The only place where grain keys are built: no grain builds another grain's key.</summary>
public static class GrainKeys
{
    /// <summary>The grain of one organization, keyed by its name.</summary>
    public static IOrganizationGrain Organization(this IGrainFactory grains, string name) =>
        grains.GetGrain<IOrganizationGrain>(new ObjectKey("system", name).ToString());

    /// <summary>The grain of one cloud credential.</summary>
    public static ICloudCredentialGrain CloudCredential(this IGrainFactory grains, ObjectKey key) =>
        grains.GetGrain<ICloudCredentialGrain>(key.ToString());

    /// <summary>The grain of one backup location.</summary>
    public static IBackupLocationGrain BackupLocation(this IGrainFactory grains, ObjectKey key) =>
        grains.GetGrain<IBackupLocationGrain>(key.ToString());

    /// <summary>The grain of one application cluster.</summary>
    public static IClusterGrain Cluster(this IGrainFactory grains, ObjectKey key) =>
        grains.GetGrain<IClusterGrain>(key.ToString());

    /// <summary>The grain of one backup.</summary>
    public static IBackupGrain Backup(this IGrainFactory grains, ObjectKey key) =>
        grains.GetGrain<IBackupGrain>(key.ToString());

    /// <summary>The grain of one restore.</summary>
    public static IRestoreGrain Restore(this IGrainFactory grains, ObjectKey key) =>
        grains.GetGrain<IRestoreGrain>(key.ToString());

    /// <summary>Lists and name look-ups; stateless, any silo.</summary>
    public static ICatalogGrain Catalog(this IGrainFactory grains) => grains.GetGrain<ICatalogGrain>(0);
}
