using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>ADDED lines about objects that nobody made, sent to a watch as fast as it is read. They are in no list and nowhere in the store.</summary>
public sealed class WatchFlood
{
    private int _left = -1;

    /// <summary>How many lines, over all watches of the resource.</summary>
    public int Events { get; init; } = 1000;

    /// <summary>Plural of what is watched.</summary>
    public string Resource { get; init; } = "applicationbackups";

    /// <summary>Values of the label that names the owner, taken in turn; empty makes up a new one for each line.</summary>
    public IReadOnlyList<string> OwnerUids { get; init; } = [];

    /// <summary>Length of each status.reason.</summary>
    public int ReasonBytes { get; init; }

    /// <summary>status.stage of each.</summary>
    public string Stage { get; init; } = "Applications";

    /// <summary>How many lines have gone out: the proof that it fired.</summary>
    public int Sent { get; private set; }

    internal byte[]? Next(ResourceType type, string ns, long version)
    {
        int number;
        lock (this)
        {
            if (_left < 0) _left = Events;
            if (type.Plural != Resource || _left == 0) return null;
            _left--;
            number = Sent++;
        }

        var owner = OwnerUids.Count > 0 ? OwnerUids[number % OwnerUids.Count] : Guid.NewGuid().ToString();
        var line = new JsonObject
        {
            ["type"] = Change.Added,
            ["object"] = MadeUp.Object(type, ns, $"made-up-{number}", owner, version, new JsonObject { ["stage"] = Stage, ["status"] = "InProgress", ["reason"] = new string('r', ReasonBytes) }),
        };
        return Encoding.UTF8.GetBytes(line.ToJsonString(KubernetesJson.Compact) + "\n");
    }
}

/// <summary>Objects that carry the product's labels and that nobody made.</summary>
internal static class MadeUp
{
    public static JsonObject Object(ResourceType type, string ns, string name, string owner, long version, JsonObject? status = null) => new()
    {
        ["apiVersion"] = type.ApiVersion, ["kind"] = type.Kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = name, ["namespace"] = ns, ["uid"] = Guid.NewGuid().ToString(), ["resourceVersion"] = version.ToString(),
            ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "pxbackup", ["pxbackup.io/uid"] = owner },
        },
        ["spec"] = new JsonObject(), ["status"] = status ?? [],
    };
}
