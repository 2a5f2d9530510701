using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Settings that Stork reads from its ConfigMap kube-system/stork-controller-config.</summary>
internal static class StorkConfig
{
    /// <summary>Bytes of an object above which its list of resources is left out.</summary>
    private const long DefaultLargeResourceLimit = 1024 * 1024;

    public static string AdminNamespace(ClusterStore store) => Value(store, "admin-ns") is { Length: > 0 } ns ? ns : "kube-system";

    public static long LargeResourceLimit(ClusterStore store) => long.TryParse(Value(store, "large-resource-size-limit"), out var limit) ? limit : DefaultLargeResourceLimit;

    private static string Value(ClusterStore store, string key) => store.Find(BuiltInResources.ConfigMaps, "kube-system", "stork-controller-config")?.Body().Text("data", key) ?? "";
}
