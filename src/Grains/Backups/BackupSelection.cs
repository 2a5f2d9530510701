using Google.Protobuf.Collections;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork;

namespace PxBackup.Grains.Backups;

/// <summary>
/// What a backup was asked to take, settled before it is accepted: doubled entries once, kinds as the cluster spells them, and nothing that
/// Stork would take as more or less than it says (docs/adr/0025). Pure.
/// </summary>
internal static class BackupSelection
{
    /// <summary>Begins the reason of everything that had nothing to take.</summary>
    public const string NothingMatched = "nothing matched the selection";

    /// <summary>Some kind is none of those that every cluster has: the cluster must say which it has.</summary>
    public static bool NeedsKindsOfCluster(BackupCreateRequest request) =>
        request.ResourceTypes.Concat(request.ExcludeResourceTypes).Concat(request.IncludeResources.Select(entry => entry.Kind))
            .Any(kind => !CollectedKinds.All.Contains(kind, StringComparer.OrdinalIgnoreCase));

    /// <summary>Settles the selection in <paramref name="info"/>.</summary>
    /// <param name="info">Holds the request's selection; changed.</param>
    /// <param name="kindsOfCluster">Kinds that can be backed up there; empty when none but built-in ones are named.</param>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/>: unknown or contradictory.</exception>
    public static void Settle(BackupInfo info, IReadOnlyCollection<string> kindsOfCluster)
    {
        string[] known = [.. CollectedKinds.All.Concat(kindsOfCluster).Distinct()];
        Once(info.Namespaces);
        RefuseAllAndSome(info);
        Kinds("resource_types", info.ResourceTypes, known);
        Kinds("exclude_resource_types", info.ExcludeResourceTypes, known);
        WhatStorkDoesWithKinds(info);
        Resources(info, known);
        if (info.IncludeResources.Count > 0 && info.Namespaces.Count == 0 && info.NsLabelSelectors.Length == 0 && info.IncludeResources.All(entry => entry.Namespace.Length == 0))
            throw DomainException.InvalidField("include_resources", "names resources outside of namespaces only, which Stork takes along with a namespace: give namespaces, too");
        // A resource whose namespace is not in the list is not looked for.
        if (!info.Namespaces.Contains("*"))
            info.Namespaces.Add(info.IncludeResources.Select(entry => entry.Namespace).Where(name => name.Length > 0).Distinct().Except(info.Namespaces).ToArray());
    }

    /// <summary>Which of the namespaces asked for, by name or by label, are there; and which names are not.</summary>
    /// <param name="info">The selection.</param>
    /// <param name="onCluster">All namespaces that are not being deleted.</param>
    /// <param name="matching">Those that the label selector matches.</param>
    public static (IReadOnlyList<string> Present, IReadOnlyList<string> Missing) Namespaces(BackupInfo info, IReadOnlyCollection<string> onCluster, IReadOnlyCollection<string> matching)
    {
        if (info.Namespaces.Contains("*"))
            return (["*"], []); // Stork leaves out the system's and its own.
        var there = onCluster.ToHashSet(StringComparer.Ordinal);
        var named = info.Namespaces.Distinct().ToList();
        return ([.. named.Where(there.Contains).Union(matching)], [.. named.Where(name => !there.Contains(name))]);
    }

    /// <summary>The kinds to name to Stork, empty for all, and those asked for that the cluster does not have.</summary>
    public static (IReadOnlyList<string> Kinds, IReadOnlyList<string> Missing) KindsFor(BackupInfo info, IReadOnlyCollection<string> onCluster)
    {
        if (info.ResourceTypes.Count == 0 && info.ExcludeResourceTypes.Count == 0)
            return ([], []);
        var asked = info.ResourceTypes.Count > 0 ? info.ResourceTypes.Except(info.ExcludeResourceTypes) : onCluster.Except(info.ExcludeResourceTypes);
        var kinds = asked.ToList();
        return ([.. kinds.Where(onCluster.Contains)], [.. kinds.Where(kind => !onCluster.Contains(kind))]);
    }

    /// <summary>Why a backup has nothing to take, or took nothing.</summary>
    public static string Nothing(BackupInfo info, IReadOnlyList<string> missing, string cluster)
    {
        if (missing.Count > 0)
            return $"{NothingMatched}: none of the namespaces exists on cluster [{cluster}]: {Candidates.Listed(missing)}";
        return info.NsLabelSelectors.Length > 0
            ? $"{NothingMatched}: no namespace on cluster [{cluster}] has the labels [{OutsideText.OneLine(info.NsLabelSelectors, 200)}]"
            : $"{NothingMatched}: no namespace was found on cluster [{cluster}]";
    }

    private static void RefuseAllAndSome(BackupInfo info)
    {
        if (!info.Namespaces.Contains("*"))
            return;
        if (info.NsLabelSelectors.Length > 0)
            throw DomainException.InvalidField("ns_label_selectors", "cannot choose among all namespaces: give either '*' in namespaces or ns_label_selectors");
        if (info.IncludeResources.Count > 0)
            throw DomainException.InvalidField("include_resources", "with '*' in namespaces every other namespace would be taken in full: name the namespaces, or leave namespaces empty to take the resources alone");
    }

    private static void Kinds(string field, RepeatedField<string> kinds, IReadOnlyCollection<string> known)
    {
        for (var i = 0; i < kinds.Count; i++)
            kinds[i] = Kind($"{field}[{i}]", kinds[i], known);
        Once(kinds);
    }

    private static string Kind(string field, string asked, IReadOnlyCollection<string> known) =>
        known.FirstOrDefault(kind => string.Equals(kind, asked, StringComparison.OrdinalIgnoreCase))
        ?? throw DomainException.InvalidField(field, $"'{OutsideText.OneLine(asked, 80)}' is not a kind that Stork backs up on this cluster; {Candidates.For(asked, known)}");

    /// <summary>Recorded: as soon as kinds are named Stork takes no Job, and every ReplicaSet, those of Deployments too.</summary>
    private static void WhatStorkDoesWithKinds(BackupInfo info)
    {
        if (info.ResourceTypes.Count > 0)
        {
            if (info.ResourceTypes.Except(info.ExcludeResourceTypes).Contains(CollectedKinds.Job))
                throw DomainException.InvalidField("resource_types", "Stork backs up no Job when kinds are named: leave resource_types empty, or name the Jobs in include_resources");
            if (!info.ResourceTypes.Except(info.ExcludeResourceTypes).Any())
                throw DomainException.InvalidField("exclude_resource_types", "leaves nothing to back up");
            return;
        }

        if (info.ExcludeResourceTypes.Count == 0)
            return;
        var lacking = new[] { CollectedKinds.Job, CollectedKinds.ReplicaSet }.Except(info.ExcludeResourceTypes).ToList();
        if (lacking.Count > 0)
        {
            throw DomainException.InvalidField("exclude_resource_types",
                $"Stork excludes no kinds, it can only be given those to take, and then leaves every Job out and takes the ReplicaSets of Deployments as well: exclude {string.Join(" and ", lacking)}, too, or name the kinds to take in resource_types");
        }
    }

    private static void Resources(BackupInfo info, IReadOnlyCollection<string> known)
    {
        for (var i = 0; i < info.IncludeResources.Count; i++)
        {
            var entry = info.IncludeResources[i] = info.IncludeResources[i].Clone();
            entry.Kind = Kind($"include_resources[{i}].kind", entry.Kind, known);
            entry.Group = GroupOf(entry.Group, entry.Kind);
            if (info.ResourceTypes.Count > 0 && !info.ResourceTypes.Contains(entry.Kind))
                throw DomainException.InvalidField($"include_resources[{i}].kind", $"{entry.Kind} is not in resource_types: it would be left out");
            if (info.ExcludeResourceTypes.Contains(entry.Kind))
                throw DomainException.InvalidField($"include_resources[{i}].kind", $"{entry.Kind} is in exclude_resource_types: it would be left out");
        }

        Once(info.IncludeResources);
    }

    /// <summary>The core group is written empty, <c>core</c> or not at all; a built-in kind is in one group.</summary>
    public static string GroupOf(string group, string kind) => group is "" or "core" ? CollectedKinds.GroupOf(kind) ?? "" : group;

    private static void Once<T>(RepeatedField<T> entries)
    {
        T[] once = [.. entries.Distinct()];
        if (once.Length == entries.Count)
            return;
        entries.Clear();
        entries.Add(once);
    }
}
