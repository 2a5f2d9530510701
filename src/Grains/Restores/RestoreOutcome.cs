using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Restores;

/// <summary>The top line of a finished restore: it follows from what became of each resource and volume. Stork's word can only make it worse. Pure.</summary>
internal static class RestoreOutcome
{
    /// <summary>The driver whose volumes keep their storage class.</summary>
    public const string Csi = "csi";

    /// <summary>Status and reason.</summary>
    /// <param name="asked">The restore before its end: what was asked for.</param>
    /// <param name="taken">The same with what Stork wrote.</param>
    public static RestoreInfo.Types.StatusInfo Of(RestoreInfo asked, RestoreInfo taken)
    {
        var stork = taken.Status;
        if (stork.Status is not (Status.Success or Status.PartialSuccess or Status.Retained))
            return stork;
        var failed = taken.Resources.Count(resource => !IsThere(resource.Status));
        var lost = taken.Volumes.Count(volume => !IsThere(volume));
        List<string> lacking = [.. Resources(taken, failed), .. Volumes(taken, lost), .. Included(asked, taken), .. StorageClasses(asked, taken)];
        if (taken.Resources.Count + taken.Volumes.Count == 0 && taken.ResourceCount == 0)
            return new() { Status = Status.Failed, Reason = $"nothing was restored: {(lacking.Count > 0 ? string.Join("; ", lacking) : "the backup holds nothing for the namespaces " + Candidates.Listed([.. taken.NamespaceMapping.Keys]))}" };
        if (failed + lost > 0 && failed + lost == taken.Resources.Count + taken.Volumes.Count)
            return new() { Status = Status.Failed, Reason = "nothing was restored: " + string.Join("; ", lacking) };
        var kept = taken.Resources.Count(resource => resource.Status?.Status == Status.Retained) + taken.Volumes.Count(volume => volume.Status?.Status == Status.Retained);
        if (kept > 0)
            lacking.Add($"{kept} of {taken.Resources.Count + taken.Volumes.Count} resources and volumes were there already and were kept");
        return lacking.Count == 0 ? stork : new()
        {
            Status = stork.Status == Status.Success || failed + lost > 0 ? Status.PartialSuccess : stork.Status,
            Reason = string.Join("; ", lacking.Prepend(stork.Reason).Where(part => part.Length > 0)),
        };
    }

    /// <summary>How many resources Stork put there; its own number counts the failed and the kept ones, too.</summary>
    public static ulong RestoredOf(RestoreInfo taken) => IsListed(taken) ? (ulong)taken.Resources.Count(resource => resource.Status?.Status == Status.Success) : taken.RestoredResourceCount;

    private static bool IsListed(RestoreInfo taken) => !taken.LargeResourceEnabled && (ulong)taken.Resources.Count == taken.ResourceCount;

    private static bool IsThere(RestoreInfo.Types.StatusInfo? status) => status?.Status is Status.Success or Status.Retained;

    // Recorded: a claim that never binds is called Successful after Stork's time-out, and no volume is named.
    private static bool IsThere(RestoreInfo.Types.Volume volume) => IsThere(volume.Status) && !IsUnbound(volume);

    private static bool IsUnbound(RestoreInfo.Types.Volume volume) => volume.Status?.Status == Status.Success && volume.RestoreVolume.Length == 0;

    private static IEnumerable<string> Resources(RestoreInfo taken, int failed)
    {
        if (failed > 0)
        {
            yield return $"{failed} of {taken.Resources.Count} resources failed: {Candidates.Listed([.. taken.Resources.Where(resource => !IsThere(resource.Status))
                .Select(resource => $"{resource.Kind} {(resource.Namespace.Length > 0 ? resource.Namespace + "/" : "")}{resource.Name}")])}{Because(taken.Resources.First(resource => !IsThere(resource.Status)).Status?.Reason)}";
        }
    }

    private static IEnumerable<string> Volumes(RestoreInfo taken, int lost)
    {
        if (lost > 0)
        {
            var first = taken.Volumes.First(volume => !IsThere(volume));
            yield return $"{lost} of {taken.Volumes.Count} volumes were not restored: {Candidates.Listed([.. taken.Volumes.Where(volume => !IsThere(volume))
                .Select(volume => $"{volume.SourceNamespace}/{volume.Pvc}")])}{Because(IsUnbound(first) ? "its claim was never bound to a volume" : first.Status?.Reason)}";
        }
    }

    private static IEnumerable<string> Included(RestoreInfo asked, RestoreInfo taken)
    {
        if (asked.IncludeResources.Count == 0)
            yield break;
        if (!IsListed(taken))
        {
            if (taken.ResourceCount < (ulong)asked.IncludeResources.Count)
                yield return $"{asked.IncludeResources.Count - (long)taken.ResourceCount} of {asked.IncludeResources.Count} include_resources were not restored";
            yield break;
        }

        var there = taken.Resources.Select(one => (one.Group is "core" ? "" : one.Group, one.Version, one.Kind, one.Namespace, one.Name)).ToHashSet();
        // Volumes get new names; they are told of by their claims.
        var missing = asked.IncludeResources.Where(entry => entry.Kind != "PersistentVolume").Where(entry =>
            !there.Contains((entry.Group is "core" ? "" : entry.Group, entry.Version, entry.Kind, taken.NamespaceMapping.GetValueOrDefault(entry.Namespace, entry.Namespace), entry.Name))).Select(ResourceKey.Text).ToList();
        if (missing.Count > 0)
            yield return $"{missing.Count} of {asked.IncludeResources.Count} include_resources were not restored: {Candidates.Listed(missing)}";
    }

    private static IEnumerable<string> StorageClasses(RestoreInfo asked, RestoreInfo taken)
    {
        var kept = asked.StorageClassMapping.Count == 0 ? [] : taken.Volumes.Where(volume => volume.DriverName == Csi && IsThere(volume)).Select(volume => $"{volume.SourceNamespace}/{volume.Pvc}").ToList();
        if (kept.Count > 0)
            yield return $"storage_class_mapping does not reach CSI volumes, which keep their class: {Candidates.Listed(kept)}";
    }

    private static string Because(string? reason) => string.IsNullOrEmpty(reason) ? "" : $" ({OutsideText.OneLine(reason, 200)})";
}
