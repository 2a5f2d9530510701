using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The Warning Events about one object.</summary>
internal static class Events
{
    public static IEnumerable<string> Warnings(SimulatedCluster cluster, string ns, string uid) => About(cluster.Objects.List("events", ns), uid).Select(e => Message(e, uid));

    /// <summary>Waits until the message was counted so many times.</summary>
    public static Task WaitForAsync(SimulatedCluster cluster, string ns, string uid, string message, int count, TimeSpan patience, CancellationToken cancellationToken) =>
        cluster.Objects.WaitForListAsync("events", ns, all => About(all, uid).Any(e => Message(e, uid) == message && e["count"]!.GetValue<int>() >= count), $"warning '{message}' {count} times", patience, cancellationToken);

    private static IEnumerable<JsonObject> About(IEnumerable<JsonObject> events, string uid) => events.Where(e => e["involvedObject"]!["uid"]!.ToString() == uid && e["type"]!.ToString() == "Warning");

    private static string Message(JsonObject item, string uid) => StoreText.Plain(item["message"]!.ToString(), uid);
}
