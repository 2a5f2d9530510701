using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>An API server that lies: objects look otherwise on their way out (reads, lists, watches) than they are at rest.</summary>
public sealed class ObjectRewrite
{
    private Regex? _name;
    private byte[]? _reason;

    /// <summary>Plural of the objects.</summary>
    public string Resource { get; init; } = "applicationbackups";

    /// <summary>Regular expression over their names.</summary>
    public string Name { get; init; } = ".*";

    /// <summary>Merge patch over the whole object: a foreign label, another uid, a status of somebody's choice.</summary>
    public JsonObject? Merge { get; init; }

    /// <summary>Length of status.reason; 0 leaves it.</summary>
    public int ReasonBytes { get; init; }

    /// <summary>Made-up entries in status.resources; 0 leaves them.</summary>
    public int Resources { get; init; }

    /// <summary>Made-up entries in status.volumes; 0 leaves them.</summary>
    public int Volumes { get; init; }

    /// <summary>How many objects it has changed: the proof that it fired.</summary>
    public int Taken { get; private set; }

    internal byte[] Apply(ResourceType type, string name, byte[] json)
    {
        _name ??= new Regex(Name, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        if (type.Plural != Resource || !_name.IsMatch(name)) return json;
        Taken++;
        var body = JsonNode.Parse(json)!.AsObject();
        if (Merge is not null) body = JsonPatches.Merge(body, Merge.Copy());
        if (Resources > 0) body.Child("status")["resources"] = new JsonArray([.. Enumerable.Range(0, Resources).Select(ResourceEntry)]);
        if (Volumes > 0) body.Child("status")["volumes"] = new JsonArray([.. Enumerable.Range(0, Volumes).Select(VolumeEntry)]);
        if (ReasonBytes > 0) body.Child("status")["reason"] = Mark;
        var text = JsonSerializer.SerializeToUtf8Bytes(body, KubernetesJson.Compact);
        return ReasonBytes > 0 ? WithReason(text) : text;
    }

    private const string Mark = "@reason@";

    // Spliced in as bytes: 60 MiB as a JSON node would be copied several times for each read.
    private byte[] WithReason(byte[] text)
    {
        var at = text.AsSpan().IndexOf("@reason@"u8);
        _reason ??= [.. Enumerable.Repeat((byte)'r', ReasonBytes)];
        return [.. text.AsSpan(0, at), .. _reason, .. text.AsSpan(at + Mark.Length)];
    }

    private static JsonNode ResourceEntry(int number) => new JsonObject { ["name"] = $"made-up-{number}", ["namespace"] = "shop", ["group"] = "core", ["version"] = "v1", ["kind"] = "ConfigMap", ["status"] = "Successful" };

    private static JsonNode VolumeEntry(int number) => new JsonObject
    {
        ["persistentVolumeClaim"] = $"made-up-{number}", ["namespace"] = "shop", ["volume"] = $"pvc-{number}", ["driverName"] = "kdmp", ["status"] = "Successful", ["totalSize"] = 1,
    };
}
