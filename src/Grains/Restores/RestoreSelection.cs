using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork;

namespace PxBackup.Grains.Restores;

/// <summary>What a restore was asked to bring back, settled against the backup before it is accepted (docs/adr/0025). Pure.</summary>
internal static class RestoreSelection
{
    private const int MostCandidates = 500; // Each is compared letter by letter.

    private static readonly string[] SystemNamespaces = ["kube-system", "kube-public", "kube-node-lease"];

    /// <summary>Settles the selection of the request into <paramref name="info"/>.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/>: not in the backup, or contradictory.</exception>
    public static void Settle(RestoreInfo info, RestoreCreateRequest request, BackupObject backup, ClusterFacts cluster)
    {
        info.IncludeResources.Add(Resources(request, backup.BackupInfo));
        info.NamespaceMapping.Add(Mapping(request, backup.BackupInfo, info.IncludeResources, cluster));
        info.IncludeOptionalResourceTypes.Add(Optional(request, info.IncludeResources));
        info.StorageClassMapping.Add(StorageClasses(request, backup.BackupInfo));
        info.IncludeResources.Add(AllButOurs(info, backup));
        info.ResourceCount = (ulong)Expected(info, backup.BackupInfo);
    }

    private static bool IsListed(BackupInfo backup) => backup is { LargeResourceEnabled: false, Resources.Count: > 0 };

    private static IEnumerable<ResourceInfo> Resources(RestoreCreateRequest request, BackupInfo backup)
    {
        var there = IsListed(backup) && request.IncludeResources.Count > 0 ? backup.Resources.Select(ResourceKey.Of).ToHashSet() : [];
        string[] known = [.. there.Count > 0 ? there.Select(key => key.Kind).Distinct() : CollectedKinds.All];
        var settled = new List<ResourceInfo>();
        for (var i = 0; i < request.IncludeResources.Count; i++)
        {
            var entry = request.IncludeResources[i].Clone();
            entry.Kind = Array.Find(known, kind => string.Equals(kind, entry.Kind, StringComparison.OrdinalIgnoreCase)) ?? entry.Kind;
            entry.Group = BackupSelection.GroupOf(entry.Group, entry.Kind);
            if (there.Count > 0 && !there.Contains(ResourceKey.Of(entry)))
                throw DomainException.InvalidField($"include_resources[{i}]", $"{OutsideText.OneLine(ResourceKey.Text(entry), 200)} is not in the backup; {Candidates.For(ResourceKey.Text(entry), Near(entry, backup))}");
            settled.Add(entry);
        }

        return settled.Distinct();
    }

    private static IEnumerable<string> Near(ResourceInfo entry, BackupInfo backup)
    {
        var sameKind = backup.Resources.Where(one => string.Equals(one.Kind, entry.Kind, StringComparison.OrdinalIgnoreCase)).ToList();
        return (sameKind.Count > 0 ? sameKind : [.. backup.Resources]).Take(MostCandidates).Select(ResourceKey.Text);
    }

    /// <summary>Empty: every namespace that something is restored to, under its own name.</summary>
    private static Dictionary<string, string> Mapping(RestoreCreateRequest request, BackupInfo backup, IReadOnlyCollection<ResourceInfo> included, ClusterFacts cluster)
    {
        var wanted = included.Select(entry => entry.Namespace).Where(name => name.Length > 0).Distinct().ToList();
        if (request.NamespaceMapping.Count == 0)
            return (wanted.Count > 0 ? wanted : backup.Namespaces.Distinct()).ToDictionary(name => name, name => name);
        foreach (var (source, target) in request.NamespaceMapping)
        {
            if (!backup.Namespaces.Contains(source))
                throw DomainException.InvalidField("namespace_mapping", $"namespace [{source}] is not in the backup; it holds {Candidates.Listed(backup.Namespaces, 20)}");
            if (source != target && (SystemNamespaces.Contains(target) || target == cluster.AdminNamespace))
                throw DomainException.InvalidField("namespace_mapping", $"[{source}] cannot be restored to [{target}], which belongs to the cluster itself: name another namespace");
        }

        if (request.NamespaceMapping.GroupBy(pair => pair.Value).FirstOrDefault(group => group.Count() > 1) is { } merged)
            throw DomainException.InvalidField("namespace_mapping", $"{string.Join(" and ", merged.Select(pair => $"[{pair.Key}]").Order(StringComparer.Ordinal))} would be merged in [{merged.Key}]: give each a namespace of its own, or restore them one after the other");
        if (wanted.FirstOrDefault(name => !request.NamespaceMapping.ContainsKey(name)) is { } left)
            throw DomainException.InvalidField("include_resources", $"names resources of namespace [{left}], which is not in namespace_mapping: they would be left out");
        // Stork would make a namespace of which nothing is included, and leave it empty.
        return request.NamespaceMapping.Where(pair => wanted.Count == 0 || wanted.Contains(pair.Key)).ToDictionary();
    }

    /// <summary>Stork knows one optional kind. A Job that is named is wanted.</summary>
    private static IEnumerable<string> Optional(RestoreCreateRequest request, IReadOnlyCollection<ResourceInfo> included)
    {
        for (var i = 0; i < request.IncludeOptionalResourceTypes.Count; i++)
        {
            if (!string.Equals(request.IncludeOptionalResourceTypes[i], CollectedKinds.Job, StringComparison.OrdinalIgnoreCase))
                throw DomainException.InvalidField($"include_optional_resource_types[{i}]", $"'{OutsideText.OneLine(request.IncludeOptionalResourceTypes[i], 80)}' is not a kind that is left out unless named; there is {CollectedKinds.Job}");
        }

        return request.IncludeOptionalResourceTypes.Count > 0 || included.Any(entry => entry.Kind == CollectedKinds.Job) ? [CollectedKinds.Job] : [];
    }

    private static Google.Protobuf.Collections.MapField<string, string> StorageClasses(RestoreCreateRequest request, BackupInfo backup)
    {
        if (request.StorageClassMapping.Count == 0)
            return request.StorageClassMapping;
        if (backup.Volumes.Count == 0)
            throw DomainException.InvalidField("storage_class_mapping", "the backup holds no volume");
        // Recorded: Stork restores CSI volumes in the class they had, without a word.
        var movable = backup.Volumes.Where(volume => volume.DriverName != RestoreOutcome.Csi).ToList();
        if (movable.Count == 0)
            throw DomainException.InvalidField("storage_class_mapping", "Stork restores CSI volumes in the storage class that they had, and the backup holds no others: leave it out");
        foreach (var source in request.StorageClassMapping.Keys)
        {
            if (movable.TrueForAll(volume => volume.StorageClass.Length > 0 && volume.StorageClass != source))
                throw DomainException.InvalidField("storage_class_mapping", $"no volume of the backup whose class can be changed has class [{source}]; {Candidates.For(source, movable.Select(volume => volume.StorageClass))}");
        }

        return request.StorageClassMapping;
    }

    /// <summary>
    /// A backup of Stork's own namespace that an older release took holds our Secrets and resources: restored, they would be keys of
    /// somebody's bucket, and work that begins again. Everything but them is listed then.
    /// </summary>
    private static IEnumerable<ResourceInfo> AllButOurs(RestoreInfo info, BackupObject backup)
    {
        var taken = backup.BackupInfo;
        if (info.IncludeResources.Count > 0 || !IsListed(taken) || !info.NamespaceMapping.ContainsKey(taken.TargetNamespace))
            return [];
        var locations = taken.Resources.Where(one => IsStorks(one) && one.Kind == "BackupLocation").Select(one => one.Name).ToHashSet(StringComparer.Ordinal);
        if (taken.BackupLocationRef is { Uid.Length: > 0 } location)
            locations.Add(StorkLocations.NameOf(new Metadata { Name = location.Name, Uid = location.Uid }));
        var others = taken.Resources.Where(one => !(one.Namespace == taken.TargetNamespace && (IsStorks(one) || (one.Kind == "Secret" && locations.Contains(one.Name))))).ToList();
        return others.Count == taken.Resources.Count ? [] : others.Where(one => IsMeant(info, one));
    }

    private static bool IsStorks(ResourceInfo resource) => resource.Group is "stork.libopenstorage.org" or "kdmp.portworx.com";

    /// <summary>How many resources there are to restore; 0 where the backup has no list.</summary>
    private static int Expected(RestoreInfo info, BackupInfo backup) => info.IncludeResources.Count > 0
        ? info.IncludeResources.Count
        : backup.Resources.Count(one => IsMeant(info, one));

    private static bool IsMeant(RestoreInfo info, ResourceInfo resource) =>
        (resource.Namespace.Length == 0 || info.NamespaceMapping.ContainsKey(resource.Namespace)) && (resource.Kind != CollectedKinds.Job || info.IncludeOptionalResourceTypes.Count > 0);
}
