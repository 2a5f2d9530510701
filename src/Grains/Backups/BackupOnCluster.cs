using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork.Resources;

namespace PxBackup.Grains.Backups;

/// <summary>What a backup does on its cluster: every effect can be repeated, and finds what an earlier attempt has made.</summary>
internal static class BackupOnCluster
{
    /// <summary>Makes the cluster's copy of the location and its Secret current; the location knows of it before it is there.</summary>
    public static async Task PlaceLocationAsync(IBackupLocationGrain home, IClusterGrain cluster, string clusterUid, OpenLocation location, string clusterNamespace)
    {
        await home.ToBePlacedAsync(clusterUid, clusterNamespace);
        foreach (var call in StorkLocations.Place(location, clusterNamespace))
        {
            var reply = await cluster.CallAsync(call);
            if (reply.Foreign)
                throw new DomainException(ErrorReason.Rejected, $"{call.Resource} [{call.Namespace}/{call.Name}] exists on the cluster and was not made by PxBackup: rename or remove it");
        }
    }

    /// <summary>Creates the ApplicationBackup, or takes over the one that is there.</summary>
    public static async Task<ApplicationBackup> PlaceAsync(IClusterGrain cluster, BackupObject backup, IReadOnlyList<string> namespaces, IReadOnlyList<string> kinds, string locationName)
    {
        var clusterNamespace = backup.BackupInfo.TargetNamespace;
        var resource = StorkBackups.ToResource(backup, namespaces, clusterNamespace, locationName);
        resource.Spec.ResourceTypes = [.. kinds];
        var reply = await cluster.CallAsync(Call(ClusterVerb.Adopt, backup, clusterNamespace) with { Body = ResourceText.Write(resource) });
        if (reply.Foreign || !reply.Found)
            throw new DomainException(ErrorReason.Rejected, $"ApplicationBackup [{clusterNamespace}/{resource.Metadata.Name}] exists on the cluster and was not made for this backup: remove it or choose another name");
        var placed = ResourceText.Read<ApplicationBackup>(reply.Body);
        return BackupFolder.IsComponent(placed.Metadata.Uid) ? placed
            : throw new DomainException(ErrorReason.Rejected, $"the cluster gave ApplicationBackup [{clusterNamespace}/{resource.Metadata.Name}] the uid '{OutsideText.OneLine(placed.Metadata.Uid, 100)}', which is none: look at what answers for its API server");
    }

    /// <summary>What to name to Stork, and what was asked for and is not there.</summary>
    public static async Task<Placement> ResolveAsync(IClusterGrain cluster, BackupInfo info)
    {
        var all = await cluster.CallAsync(new ClusterCall { Verb = ClusterVerb.ListNamespaces });
        var matching = info.NsLabelSelectors.Length == 0 ? [] : (await cluster.CallAsync(new ClusterCall { Verb = ClusterVerb.ListNamespaces, Name = info.NsLabelSelectors })).Lines;
        var (namespaces, missing) = BackupSelection.Namespaces(info, [.. all.Lines], [.. matching]);
        var served = info.ResourceTypes.Count + info.ExcludeResourceTypes.Count == 0 ? [] : (await cluster.CallAsync(new ClusterCall { Verb = ClusterVerb.ListKinds })).Lines;
        var (kinds, missingKinds) = BackupSelection.KindsFor(info, [.. served]);
        return new(namespaces, missing, kinds, missingKinds);
    }

    /// <summary>What Stork has warned of, oldest first; nothing when Events may not be read.</summary>
    public static async Task<IReadOnlyList<string>> WarningsAsync(IClusterGrain cluster, string clusterNamespace, string resourceUid)
    {
        try
        {
            return (await cluster.CallAsync(new ClusterCall { Verb = ClusterVerb.ListWarnings, Namespace = clusterNamespace, Name = resourceUid })).Lines;
        }
        catch (DomainException e) when (e.Reason == ErrorReason.Rejected)
        {
            return [];
        }
    }

    /// <summary>The ApplicationBackup as it is now; null when the cluster does not have it.</summary>
    public static async Task<ApplicationBackup?> FindAsync(IClusterGrain cluster, BackupObject backup, string clusterNamespace)
    {
        var reply = await cluster.CallAsync(Call(ClusterVerb.Find, backup, clusterNamespace));
        return reply.Found && !reply.Foreign ? ResourceText.Read<ApplicationBackup>(reply.Body) : null;
    }

    /// <summary>Asks for the removal of the resource.</summary>
    /// <param name="withData">Stork removes volumes and objects too.</param>
    /// <returns>What is left of it; null when nothing is.</returns>
    public static async Task<string?> RemoveAsync(IClusterGrain cluster, BackupObject backup, string clusterNamespace, bool withData)
    {
        if (withData)
            await LetDataGoAsync(cluster, Call(ClusterVerb.Patch, backup, clusterNamespace), backup.BackupInfo.CrUid);
        var reply = await cluster.CallAsync(Call(ClusterVerb.Delete, backup, clusterNamespace));
        return reply is { Found: true, Foreign: false } && (await cluster.CallAsync(Call(ClusterVerb.Find, backup, clusterNamespace))).Found
            ? $"ApplicationBackup [{clusterNamespace}/{StorkBackups.NameOf(backup)}]"
            : null;
    }

    /// <summary>
    /// Has Stork remove the data with the resource. Stork goes by the path in the resource's status, which everybody can write who may edit
    /// the resource: one that is not the resource's own folder keeps Stork from deleting anything.
    /// </summary>
    /// <param name="cluster">Where the resource is.</param>
    /// <param name="patch">The patch of the resource, without its body.</param>
    /// <param name="uid">The resource's uid as the record knows it; empty when it knows none.</param>
    public static async Task LetDataGoAsync(IClusterGrain cluster, ClusterCall patch, string uid)
    {
        var reply = await cluster.CallAsync(patch with { Verb = ClusterVerb.Find });
        if (!reply.Found || reply.Foreign)
            return;
        var there = ResourceText.Read<ApplicationBackup>(reply.Body);
        var mayGo = (uid.Length == 0 || there.Metadata.Uid == uid) && BackupFolder.Of(patch.Namespace, patch.Name, there.Metadata.Uid)?.Is(there.Status.BackupPath) == true;
        var policy = mayGo ? "Delete" : "Retain";
        if (there.Spec.ReclaimPolicy != policy)
            await cluster.CallAsync(patch with { Verb = ClusterVerb.Patch, Body = System.Text.Encoding.UTF8.GetBytes($$$"""{"spec":{"reclaimPolicy":"{{{policy}}}"}}""") });
    }

    /// <summary>The newest Warning that Stork recorded about the resource; empty when there is none or Events may not be read: deadlines hold without them.</summary>
    public static async Task<string> WarningAsync(IClusterGrain cluster, string clusterNamespace, string resourceUid) =>
        await WarningsAsync(cluster, clusterNamespace, resourceUid) is [.., var newest] ? newest : "";

    /// <summary>Facts of a cluster; null when its object is gone.</summary>
    public static async Task<ClusterFacts?> FactsAsync(IClusterGrain cluster)
    {
        try
        {
            return await cluster.FactsAsync(Caller.System);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
        {
            return null;
        }
    }

    /// <summary>Gives back room; a cluster that is gone has none to give.</summary>
    public static async Task ReleaseAsync(IClusterGrain cluster, ClusterWork work)
    {
        try
        {
            await cluster.ReleaseAsync(work);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
        {
            // Room went with the cluster.
        }
    }

    private static ClusterCall Call(ClusterVerb verb, BackupObject backup, string clusterNamespace) => new()
    {
        Verb = verb,
        Resource = ClusterResource.ApplicationBackup,
        Namespace = clusterNamespace,
        Name = StorkBackups.NameOf(backup),
        Uid = backup.Metadata.Uid,
    };

    /// <summary>A selection as the cluster answers it.</summary>
    /// <param name="Namespaces">To name to Stork.</param>
    /// <param name="MissingNamespaces">Asked for by name and not there.</param>
    /// <param name="Kinds">To name to Stork; empty for all.</param>
    /// <param name="MissingKinds">Asked for and not there.</param>
    internal sealed record Placement(IReadOnlyList<string> Namespaces, IReadOnlyList<string> MissingNamespaces, IReadOnlyList<string> Kinds, IReadOnlyList<string> MissingKinds);
}
