using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>JSON as Kubernetes and Stork write it, and short forms for reading unstructured objects.</summary>
internal static class KubernetesJson
{
    public static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Stork writes its bucket files with one space of indentation.</summary>
    public static readonly JsonSerializerOptions OneSpace = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true, IndentSize = 1, NewLine = "\n" };

    /// <summary>The text at the path, or "" when anything on the way is absent or null.</summary>
    public static string Text(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is JsonValue value ? value.ToString() : "";

    /// <summary>The node at the path, or null.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path) node = node is JsonObject o && o.TryGetPropertyValue(step, out var next) ? next : null;
        return node;
    }

    public static bool Flag(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is JsonValue value && value.ToString() is "true" or "True";

    public static IEnumerable<JsonNode> Items(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray array ? array.OfType<JsonNode>() : [];

    public static Dictionary<string, string> Map(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonObject map ? map.ToDictionary(p => p.Key, p => p.Value?.ToString() ?? "", StringComparer.Ordinal) : [];

    public static JsonObject Copy(this JsonObject node) => node.DeepClone().AsObject();

    /// <summary>The child object, made when absent.</summary>
    public static JsonObject Child(this JsonObject node, string name)
    {
        if (node[name] is JsonObject child) return child;
        child = [];
        node[name] = child;
        return child;
    }

    /// <summary>RFC 3339 in UTC with whole seconds, as metav1.Time.</summary>
    public static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'");

    public static JsonArray ArrayOf(IEnumerable<string> items) => new([.. items.Select(item => (JsonNode)item)]);
}
