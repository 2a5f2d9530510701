using System.Runtime.CompilerServices;
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
        grains.Of<IOrganizationGrain>(new ObjectKey("system", name));

    /// <summary>The grain of one cloud credential.</summary>
    public static ICloudCredentialGrain CloudCredential(this IGrainFactory grains, ObjectKey key) =>
        grains.Of<ICloudCredentialGrain>(key);

    /// <summary>The grain of one backup location.</summary>
    public static IBackupLocationGrain BackupLocation(this IGrainFactory grains, ObjectKey key) =>
        grains.Of<IBackupLocationGrain>(key);

    /// <summary>The grain of one application cluster.</summary>
    public static IClusterGrain Cluster(this IGrainFactory grains, ObjectKey key) =>
        grains.Of<IClusterGrain>(key);

    /// <summary>The grain of one backup.</summary>
    public static IBackupGrain Backup(this IGrainFactory grains, ObjectKey key) =>
        grains.Of<IBackupGrain>(key);

    /// <summary>The grain of one restore.</summary>
    public static IRestoreGrain Restore(this IGrainFactory grains, ObjectKey key) =>
        grains.Of<IRestoreGrain>(key);

    /// <summary>Lists and name look-ups; stateless, any silo.</summary>
    public static ICatalogGrain Catalog(this IGrainFactory grains) => grains.GetGrain<ICatalogGrain>(0);

    // GetGrain<T> reads the interface's attributes by reflection at every call, a tenth of a whole Inspect; what they say stays the same.
    private static T Of<T>(this IGrainFactory grains, ObjectKey key)
        where T : class, IGrainWithStringKey
    {
        if (Known<T>.Types.TryGetValue(grains, out var types))
            return (T)grains.GetGrain(GrainId.Create(types.Grain, IdSpan.Create(key.ToString())), types.Interface);
        var grain = grains.GetGrain<T>(key.ToString());
        if (grain is GrainReference reference)
            Known<T>.Types.AddOrUpdate(grains, new Types(reference.GrainId.Type, reference.InterfaceType));
        return grain;
    }

    private sealed record Types(GrainType Grain, GrainInterfaceType Interface);

    private static class Known<T>
    {
        public static readonly ConditionalWeakTable<IGrainFactory, Types> Types = [];
    }
}
