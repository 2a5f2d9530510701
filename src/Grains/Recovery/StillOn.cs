namespace PxBackup.Grains.Recovery;

/// <summary>
/// A mark among the references of a record whose object has ended and whose resource is still to be removed from a cluster: the
/// cluster's removal finds it by the index that is there.
/// </summary>
internal static class StillOn
{
    /// <summary>The mark for one cluster.</summary>
    public static string Cluster(string uid) => $"still-on:{uid}";
}
