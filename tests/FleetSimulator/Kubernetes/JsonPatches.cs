using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Merge patches (RFC 7386) and the common operations of JSON patches (RFC 6902).</summary>
internal static class JsonPatches
{
    public static JsonObject Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (key, value) in patch)
        {
            if (value is null) target.Remove(key);
            else if (value is JsonObject change) target[key] = Merge(target[key] is JsonObject now ? now.Copy() : [], change);
            else target[key] = value.DeepClone();
        }

        return target;
    }

    /// <exception cref="KubernetesStatusException">400/422: an operation cannot be applied; 415: one that this server does not know.</exception>
    public static JsonObject Apply(JsonObject target, JsonNode patch)
    {
        foreach (var operation in patch.Items())
        {
            var steps = operation.Text("path").Split('/').Skip(1).Select(s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
            if (steps.Length == 0) throw Refusals.BadRequest("a JSON patch needs a path");
            Apply(target, operation.Text("op"), steps, operation["value"]);
        }

        return target;
    }

    private static void Apply(JsonObject target, string operation, string[] steps, JsonNode? value)
    {
        JsonNode? parent = target;
        foreach (var step in steps[..^1]) parent = parent is JsonArray list && int.TryParse(step, out var i) && i < list.Count ? list[i] : parent.At(step);
        var last = steps[^1];
        switch (parent)
        {
            case JsonObject o when operation == "remove" ? o.ContainsKey(last) : operation is "add" || (operation is "replace" or "test" && o.ContainsKey(last)):
                if (operation == "remove") o.Remove(last);
                else if (operation == "test") Require(JsonNode.DeepEquals(o[last], value), steps);
                else o[last] = value?.DeepClone();
                break;
            case JsonArray a when last == "-" && operation == "add":
                a.Add(value?.DeepClone());
                break;
            case JsonArray a when int.TryParse(last, out var at) && at >= 0 && at <= a.Count - (operation == "add" ? 0 : 1):
                if (operation == "test") Require(JsonNode.DeepEquals(a[at], value), steps);
                if (operation is "remove" or "replace") a.RemoveAt(at);
                if (operation is "add" or "replace") a.Insert(at, value?.DeepClone());
                break;
            default:
                if (operation is "move" or "copy") throw Refusals.MediaType("application/merge-patch+json (this server knows add, replace, remove and test of JSON patches)");
                throw new KubernetesStatusException(422, "Invalid", $"the server rejected our request due to an error in our request: {operation} /{string.Join('/', steps)}: the path does not exist");
        }
    }

    private static void Require(bool holds, string[] steps)
    {
        if (!holds) throw new KubernetesStatusException(422, "Invalid", $"the server rejected our request due to an error in our request: testing /{string.Join('/', steps)} failed");
    }
}
