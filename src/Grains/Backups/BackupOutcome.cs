using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Backups;

/// <summary>The top line of a finished backup: it follows from what was taken. Stork's word can only make it worse. Pure.</summary>
internal static class BackupOutcome
{
    /// <summary>Status and reason.</summary>
    /// <param name="asked">The backup before its end: what was asked for.</param>
    /// <param name="taken">The same with what Stork wrote: volumes, resources, its own status.</param>
    /// <param name="missingKinds">Kinds asked for that the cluster does not have.</param>
    /// <param name="warnings">What Stork warned of, newest last.</param>
    public static BackupInfo.Types.StatusInfo Of(BackupInfo asked, BackupInfo taken, IReadOnlyCollection<string> missingKinds, IReadOnlyCollection<string> warnings)
    {
        var stork = taken.Status;
        if (stork.Status is not (Status.Success or Status.PartialSuccess))
            return stork;
        List<string> lacking = [.. Volumes(taken), .. Claims(taken, warnings), .. Names(asked, missingKinds), .. Included(asked, taken), .. Empty(asked, taken)];
        if (taken.ResourceCount == 0 && taken.Volumes.Count == 0)
            return new() { Status = Status.Failed, Reason = $"{BackupSelection.NothingMatched}: {(lacking.Count > 0 ? string.Join("; ", lacking) : Nothing(asked, taken))}" };
        return lacking.Count == 0
            ? stork
            : new() { Status = Status.PartialSuccess, Reason = string.Join("; ", lacking.Prepend(stork.Reason).Where(part => part.Length > 0)) };
    }

    /// <summary>Stork's list is here and complete: one that would be too large is left out of its resource.</summary>
    private static bool IsListed(BackupInfo taken) => !taken.LargeResourceEnabled && (ulong)taken.Resources.Count == taken.ResourceCount;

    private static IEnumerable<string> Volumes(BackupInfo taken)
    {
        var failed = taken.Volumes.Where(volume => volume.Status?.Status != Status.Success).ToList();
        if (failed.Count > 0)
            yield return $"{failed.Count} of {taken.Volumes.Count} volumes were not backed up: {Candidates.Listed([.. failed.Select(volume => $"{volume.Namespace}/{volume.Pvc}{Because(volume.Status?.Reason)}")])}";
    }

    /// <summary>A claim was taken and no volume of it: who restores it gets an empty disk.</summary>
    private static IEnumerable<string> Claims(BackupInfo taken, IReadOnlyCollection<string> warnings)
    {
        var volumes = taken.Volumes.Select(volume => (volume.Namespace, volume.Pvc)).ToHashSet();
        var bare = taken.Resources.Where(resource => resource.Kind == CollectedKinds.Claim && !volumes.Contains((resource.Namespace, resource.Name))).Select(resource => $"{resource.Namespace}/{resource.Name}").ToList();
        // Where Stork's Jobs cannot run it tells by this Event alone (FACTS §12).
        var cause = warnings.LastOrDefault(warning => warning.Contains("stork namespace is empty", StringComparison.Ordinal) || warning.StartsWith("Error backing up volume", StringComparison.Ordinal)) ?? "";
        if (bare.Count > 0)
            yield return $"the data of {bare.Count} claims is not in the backup: {Candidates.Listed(bare)}{Because(cause)}";
        else if (cause.Length > 0 && taken.Volumes.Count == 0)
            yield return $"no volume was backed up, of which Stork warned: {OutsideText.OneLine(cause, 200)}";
    }

    private static IEnumerable<string> Names(BackupInfo asked, IReadOnlyCollection<string> missingKinds)
    {
        if (asked.MissingNamespaces.Count > 0)
            yield return $"namespaces that do not exist on the cluster: {Candidates.Listed(asked.MissingNamespaces)}";
        if (missingKinds.Count > 0)
            yield return $"kinds that the cluster does not have: {Candidates.Listed(missingKinds)}";
    }

    private static IEnumerable<string> Included(BackupInfo asked, BackupInfo taken)
    {
        if (asked.IncludeResources.Count == 0)
            yield break;
        if (!IsListed(taken))
        {
            if (taken.ResourceCount < (ulong)asked.IncludeResources.Count)
                yield return $"{asked.IncludeResources.Count - (long)taken.ResourceCount} of {asked.IncludeResources.Count} include_resources were not found";
            yield break;
        }

        var there = taken.Resources.Select(ResourceKey.Of).ToHashSet();
        var missing = asked.IncludeResources.Where(entry => !there.Contains(ResourceKey.Of(entry))).Select(ResourceKey.Text).ToList();
        if (missing.Count > 0)
            yield return $"{missing.Count} of {asked.IncludeResources.Count} include_resources were not found: {Candidates.Listed(missing)}";
    }

    /// <summary>A namespace that was named and gave nothing, where nothing else narrowed it down: it is empty, or holds only what Stork does not collect.</summary>
    private static IEnumerable<string> Empty(BackupInfo asked, BackupInfo taken)
    {
        if (!IsListed(taken) || asked.LabelSelectors.Count + asked.ResourceTypes.Count + asked.ExcludeResourceTypes.Count + asked.IncludeResources.Count > 0)
            yield break;
        var filled = taken.Resources.Select(resource => resource.Namespace).ToHashSet(StringComparer.Ordinal);
        var empty = asked.Namespaces.Where(name => name != "*" && !asked.MissingNamespaces.Contains(name) && !filled.Contains(name)).ToList();
        if (empty.Count > 0)
            yield return $"namespaces without any resource that Stork backs up: {Candidates.Listed(empty)}";
    }

    private static string Nothing(BackupInfo asked, BackupInfo taken)
    {
        var where = taken.Namespaces.Count > 0 ? $" in {Candidates.Listed(taken.Namespaces)}" : "";
        return asked.LabelSelectors.Count > 0 ? $"no resource has the labels [{string.Join(", ", asked.LabelSelectors.Select(label => $"{label.Key}={label.Value}"))}]{where}"
            : asked.ResourceTypes.Count > 0 ? $"no resource of the kinds {Candidates.Listed(asked.ResourceTypes)} was found{where}"
            : $"no resource that Stork backs up was found{where}";
    }

    private static string Because(string? reason) => string.IsNullOrEmpty(reason) ? "" : $" ({OutsideText.OneLine(reason, 200)})";
}
