using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The lease of Stork's leader election, kube-system/stork: that it is not renewed is the only sign of a dead Stork (recorded).</summary>
internal static class StorkLease
{
    public const string Name = "stork";
    public const string Namespace = "kube-system";

    /// <summary>client-go's RetryPeriod for leader election: the holder renews every two seconds.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    public static void Renew(ClusterStore store)
    {
        var now = store.Clock.GetUtcNow();
        try
        {
            if (store.Find(BuiltInResources.Leases, Namespace, Name) is not { } lease)
            {
                var body = ClusterSeeds.Named(Name, Namespace);
                body["spec"] = new JsonObject { ["holderIdentity"] = "stork-5c9c7b6f4d-x7k2p", ["leaseDurationSeconds"] = 15, ["acquireTime"] = Micro(now), ["renewTime"] = Micro(now), ["leaseTransitions"] = 0 };
                store.Create(BuiltInResources.Leases, Namespace, body, SimulatedStork.Caller);
            }
            else if (now - DateTimeOffset.Parse(lease.Body().Text("spec", "renewTime"), System.Globalization.CultureInfo.InvariantCulture) >= Interval)
            {
                store.Patch(BuiltInResources.Leases, Namespace, Name, before => JsonPatches.Merge(before, new JsonObject { ["spec"] = new JsonObject { ["renewTime"] = Micro(now) } }), SimulatedStork.Caller);
            }
        }
        catch (KubernetesStatusException)
        {
            // Somebody else wrote it, or the namespace is gone: the next look renews it.
        }
    }

    private static string Micro(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
