using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>What a watch says, as a report: pure, and nothing in it longer or stranger than Kubernetes allows.</summary>
internal static class ReportReading
{
    // Stork's own words have at most 20 letters.
    private const int MaxWord = 64;

    // A uid is a UUID of 36 characters; other API servers are left some air.
    private const int MaxUid = 128;

    /// <summary>Null when it can be about nothing of ours: in another namespace than the one that is watched, or without a name, a uid or a label that can be ours.</summary>
    public static StorkReport? Read(ResourceProjection resource, string clusterUid, string watchedNamespace, bool gone)
    {
        if (resource.Namespace != watchedNamespace || !ResourceNames.IsClean(resource.Name) || resource.Uid.Length is 0 or > MaxUid || StorkLabels.ValueOf(resource.OwnerUid) != resource.OwnerUid)
            return null;
        return new StorkReport
        {
            ResourceUid = resource.Uid,
            ClusterUid = clusterUid,
            Namespace = resource.Namespace,
            Name = resource.Name,
            Stage = OutsideText.OneLine(resource.Stage, MaxWord),
            Status = OutsideText.OneLine(resource.Status, MaxWord),
            Reason = OutsideText.OneLine(resource.Reason),
            ResourceCount = resource.ResourceCount,
            RestoredCount = resource.RestoredResourceCount,
            VolumeCount = resource.VolumeCount,
            TotalSize = (long)Math.Min(resource.TotalSize, long.MaxValue),
            LastUpdate = resource.LastUpdate?.ToString("O") ?? "",
            Gone = gone,
        };
    }
}
