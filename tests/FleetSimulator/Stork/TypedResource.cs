using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// What happens to an object on its way through Stork's Go types: every field appears with its zero value, unknown ones vanish. The recorded zero values give
/// the fields and their order.
/// </summary>
internal static class TypedResource
{
    private static readonly JsonNode Zero = EmbeddedJson.Read("stork-zero-values.json");

    public static JsonObject Of(JsonObject body)
    {
        var zero = Zero[body.Text("kind")]!;
        var typed = new JsonObject { ["apiVersion"] = body.Text("apiVersion"), ["kind"] = body.Text("kind"), ["metadata"] = body["metadata"]!.DeepClone() };
        foreach (var part in new[] { "spec", "status" })
        {
            typed[part] = Filled(zero[part]!, body.At(part) as JsonObject ?? []);
        }

        // A schedule carries the spec of its backups.
        if (zero.At("spec", "template", "spec") is { } inner) typed["spec"]!["template"] = new JsonObject { ["spec"] = Filled(inner, body.At("spec", "template", "spec") as JsonObject ?? []) };
        return typed;
    }

    private static JsonObject Filled(JsonNode zero, JsonObject given)
    {
        var fields = zero.DeepClone().AsObject();
        foreach (var (name, value) in given)
        {
            if (fields.ContainsKey(name) && value is not null) fields[name] = value.DeepClone();
        }

        return fields;
    }

    /// <summary>An element of status.volumes or status.resources with every field.</summary>
    public static JsonObject Element(string type, params (string Field, JsonNode? Value)[] fields)
    {
        var element = Zero[type]!.DeepClone().AsObject();
        foreach (var (field, value) in fields) element[field] = value;
        return element;
    }
}
