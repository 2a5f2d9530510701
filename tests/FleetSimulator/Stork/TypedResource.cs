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
            var fields = zero[part]!.DeepClone().AsObject();
            foreach (var (name, value) in body.At(part) as JsonObject ?? [])
            {
                if (fields.ContainsKey(name) && value is not null) fields[name] = value.DeepClone();
            }

            typed[part] = fields;
        }

        return typed;
    }

    /// <summary>An element of status.volumes or status.resources with every field.</summary>
    public static JsonObject Element(string type, params (string Field, JsonNode? Value)[] fields)
    {
        var element = Zero[type]!.DeepClone().AsObject();
        foreach (var (field, value) in fields) element[field] = value;
        return element;
    }
}
