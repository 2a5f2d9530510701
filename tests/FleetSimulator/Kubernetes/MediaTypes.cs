using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Content negotiation: plain JSON, or metadata only when the client asks for PartialObjectMetadata.</summary>
internal static class MediaTypes
{
    public static string ContentType(HttpContext http) => (http.Request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public static bool MetadataOnly(HttpContext http)
    {
        var accept = http.Request.Headers.Accept.ToString();
        if (accept.Length == 0) return false;
        foreach (var choice in accept.Split(',', StringSplitOptions.TrimEntries))
        {
            if (choice.StartsWith("application/json;as=PartialObjectMetadata", StringComparison.OrdinalIgnoreCase)) return true;
            if (choice.Contains(";as=", StringComparison.OrdinalIgnoreCase)) continue;
            if (choice.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) || choice.StartsWith("*/*", StringComparison.Ordinal) || choice.StartsWith("application/*", StringComparison.Ordinal)) return false;
        }

        throw Refusals.NotAcceptable();
    }

    public static byte[] Shape(HttpContext http, StoredObject item) => Shape(MetadataOnly(http), item.Json);

    /// <summary>An item of a list: kube-apiserver leaves kind and apiVersion out of the items of built-in kinds.</summary>
    public static byte[] ShapeItem(bool metadataOnly, ResourceType type, byte[] json)
    {
        if (metadataOnly || type.Custom) return Shape(metadataOnly, json);
        var item = JsonNode.Parse(json)!.AsObject();
        item.Remove("kind");
        item.Remove("apiVersion");
        return JsonSerializer.SerializeToUtf8Bytes(item, KubernetesJson.Compact);
    }

    public static byte[] Shape(bool metadataOnly, byte[] json)
    {
        if (!metadataOnly) return json;
        var partial = new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = JsonNode.Parse(json)!["metadata"]!.DeepClone() };
        return JsonSerializer.SerializeToUtf8Bytes(partial, KubernetesJson.Compact);
    }
}
