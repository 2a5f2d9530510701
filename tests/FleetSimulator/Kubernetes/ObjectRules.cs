using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>What the API server does to every object's metadata, whatever its kind.</summary>
internal static partial class ObjectRules
{
    /// <summary>Fields of metadata that only the server sets.</summary>
    private static readonly string[] ServerFields = ["name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"];

    public static void CheckName(ResourceType type, string name)
    {
        var relaxed = type.Group == "rbac.authorization.k8s.io";   // Roles may be called system:node and the like.
        var pattern = type == BuiltInResources.Namespaces ? LabelName() : SubdomainName();
        if (name.Length is 0 or > 253 || (!relaxed && !pattern.IsMatch(name)) || (type == BuiltInResources.Namespaces && name.Length > 63)) throw Refusals.InvalidName(type, name);
    }

    public static void CheckLabels(ResourceType type, string name, JsonObject metadata)
    {
        foreach (var (key, value) in metadata.Map("labels"))
        {
            if (value.Length > 63) throw Refusals.Invalid(type, name, $"metadata.labels: Invalid value: \"{value}\": must be no more than 63 bytes");
            if (!LabelValue().IsMatch(value))
                throw Refusals.Invalid(type, name, $"metadata.labels: Invalid value: \"{value}\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                    + "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
            if (!LabelKey().IsMatch(key)) throw Refusals.Invalid(type, name, $"metadata.labels: Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.'");
        }
    }

    public static void StampNew(ResourceType type, JsonObject body, string ns, DateTimeOffset now)
    {
        body["apiVersion"] = type.ApiVersion;
        body["kind"] = type.Kind;
        var metadata = body.Child("metadata");
        metadata.Remove("managedFields");
        metadata.Remove("selfLink");
        metadata.Remove("deletionTimestamp");
        if (type.Namespaced) metadata["namespace"] = ns;
        else metadata.Remove("namespace");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = KubernetesJson.Stamp(now);
        metadata.Remove("generation");
        if (HasGeneration(type)) metadata["generation"] = 1;
    }

    public static void MarkDeleting(JsonObject body, DateTimeOffset now)
    {
        var metadata = body.Child("metadata");
        metadata["deletionTimestamp"] = KubernetesJson.Stamp(now);
        metadata["deletionGracePeriodSeconds"] = 0;
        if (metadata["generation"] is { } generation) metadata["generation"] = long.Parse(generation.ToString()) + 1;
    }

    /// <summary>The object after an update: what the caller may change from theirs, the rest from ours.</summary>
    public static JsonObject Reconcile(ResourceType type, JsonObject old, JsonObject update, string subresource)
    {
        var after = update.Copy();
        if (subresource == "status")
        {
            after = old.Copy();
            after["status"] = update["status"]?.DeepClone();
        }
        else if (HasStatusSubresource(type))
        {
            if (old["status"] is { } status) after["status"] = status.DeepClone();
            else after.Remove("status");
        }

        after["apiVersion"] = type.ApiVersion;
        after["kind"] = type.Kind;
        var metadata = after.Child("metadata");
        metadata.Remove("managedFields");
        metadata["resourceVersion"] = old.Text("metadata", "resourceVersion");
        foreach (var field in ServerFields)
        {
            if (old.At("metadata", field) is { } value) metadata[field] = value.DeepClone();
            else metadata.Remove(field);
        }

        return after;
    }

    /// <summary>Without a status subresource (every CRD of Stork) any change outside metadata counts, with one only the part outside status.</summary>
    public static bool BumpsGeneration(ResourceType type, JsonObject old, JsonObject after)
    {
        if (!HasGeneration(type)) return false;
        return !JsonNode.DeepEquals(Relevant(old), Relevant(after));

        JsonObject Relevant(JsonObject body)
        {
            var copy = body.Copy();
            copy.Remove("metadata");
            if (HasStatusSubresource(type)) copy.Remove("status");
            return copy;
        }
    }

    public static bool HasStatusSubresource(ResourceType type) => !type.Custom && type.Group is "apps" or "batch" or "policy" or "networking.k8s.io"
        || type == BuiltInResources.Namespaces || type == BuiltInResources.Pods || type == BuiltInResources.Services || type == BuiltInResources.Claims || type == BuiltInResources.Volumes;

    private static bool HasGeneration(ResourceType type) => type.Custom || type.Group is "apps" or "batch" or "policy" or "networking.k8s.io" || type == BuiltInResources.Definitions;

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex LabelName();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex SubdomainName();

    [GeneratedRegex(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();

    [GeneratedRegex(@"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")]
    private static partial Regex LabelKey();
}
