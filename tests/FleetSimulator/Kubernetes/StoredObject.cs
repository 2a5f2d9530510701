using System.Text.Json;
using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>
/// An object at rest: its JSON in UTF-8 and what lookups need. Never changed after it was made, so that lists and watches may hand the bytes out
/// without a lock, and small, so that thousands of clusters fit.
/// </summary>
internal sealed class StoredObject
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public required long Version { get; init; }

    public required byte[] Json { get; init; }

    /// <summary>Null when there are none.</summary>
    public Dictionary<string, string>? Labels { get; init; }

    public bool Deleting { get; init; }

    public string Key => KeyOf(Namespace, Name);

    public static string KeyOf(string ns, string name) => $"{ns}/{name}";

    public static StoredObject From(JsonObject body, long version)
    {
        var metadata = body["metadata"]!.AsObject();
        metadata["resourceVersion"] = version.ToString();
        return new StoredObject
        {
            Namespace = metadata.Text("namespace"),
            Name = metadata.Text("name"),
            Uid = metadata.Text("uid"),
            Version = version,
            Json = JsonSerializer.SerializeToUtf8Bytes(body, KubernetesJson.Compact),
            Labels = metadata["labels"] is JsonObject { Count: > 0 } labels ? labels.ToDictionary(l => l.Key, l => l.Value?.ToString() ?? "") : null,
            Deleting = metadata["deletionTimestamp"] is not null,
        };
    }

    public JsonObject Body() => JsonNode.Parse(Json)!.AsObject();
}
