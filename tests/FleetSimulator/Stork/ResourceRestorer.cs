using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Puts the objects of a backup into the destination namespaces, one by one; one that cannot be applied does not stop the others.</summary>
internal static class ResourceRestorer
{
    private const string Restored = "Resource restored successfully";

    /// <summary>The entries of status.resources; with <paramref name="report"/> each of them is an Event, too.</summary>
    public static async Task<JsonArray> RestoreAsync(StorkWork work, JsonObject restore, JsonArray resources, bool report = true)
    {
        var mapping = restore.Map("spec", "namespaceMapping");
        var entries = restore.Items("spec", "includeResources").ToList();
        var optional = restore.Items("spec", "includeOptionalResourceTypes").Select(t => t.ToString()).ToHashSet();
        var results = new JsonArray();
        foreach (var source in resources.OfType<JsonObject>())
        {
            var ns = source.Text("metadata", "namespace");
            if (ns.Length > 0 && !mapping.ContainsKey(ns)) continue;
            if (source.Text("kind") == "Job" && !optional.Contains("Job")) continue;
            if (work.Store.TypeOfKind(source.Text("apiVersion"), source.Text("kind")) is not { } type) continue;
            if (!BackupSelection.IsListed(entries, type.Group, type.Version, type.Kind, ns, source.Text("metadata", "name"))) continue;
            var body = Redirect(restore, type, source.Copy(), mapping);
            if (body is null) continue;
            await work.PauseAsync(0.15);
            results.Add((JsonNode)Apply(work, restore, type, body, report));
        }

        return results;
    }

    private static JsonObject Apply(StorkWork work, JsonObject restore, ResourceType type, JsonObject body, bool report)
    {
        var (ns, name) = (body.Text("metadata", "namespace"), body.Text("metadata", "name"));
        var (status, reason) = Create(work.Store, type, ns, name, body, restore.Text("spec", "replacePolicy"));
        work.Killed.ThrowIfCancellationRequested();
        if (report) work.Run.Events.Record(restore, status == "Failed" ? "Warning" : "Normal", status, $"{type.Group}/{type.Version}, Kind={type.Kind} {ns}/{name}: {reason}");
        return TypedResource.Element("ApplicationRestoreResourceInfo",
            ("name", name), ("namespace", ns), ("group", type.Group), ("version", type.Version), ("kind", type.Kind), ("status", status), ("reason", reason));
    }

    private static (string Status, string Reason) Create(ClusterStore store, ResourceType type, string ns, string name, JsonObject body, string policy)
    {
        try
        {
            if (store.Find(type, ns, name) is { } existing)
            {
                if (type.Kind is "ServiceAccount" or "ClusterRoleBinding")
                {
                    Merge(store, type, existing, body);
                    return ("Successful", Restored);
                }

                if (policy == "Retain") return ("Retained", "Resource restore skipped as it was already present and ReplacePolicy is set to Retain");
                if (policy == "Delete") store.Delete(type, ns, name, SimulatedStork.Caller);
            }

            store.Create(type, ns, body.Copy(), SimulatedStork.Caller);
            return ("Successful", Restored);
        }
        catch (KubernetesStatusException taken) when (taken.Code == 422 && taken.Message.Contains("nodePort", StringComparison.Ordinal))
        {
            foreach (var port in body.Items("spec", "ports")) port.AsObject().Remove("nodePort");
            return Create(store, type, ns, name, body, policy);
        }
        catch (KubernetesStatusException refused)
        {
            return ("Failed", $"Error applying resource: {refused.Message}");
        }
    }

    private static void Merge(ClusterStore store, ResourceType type, StoredObject existing, JsonObject body)
    {
        var merged = existing.Body();
        foreach (var list in new[] { "secrets", "imagePullSecrets", "subjects" })
        {
            var items = merged.Items(list).Concat(body.Items(list)).Select(i => i.ToJsonString()).Distinct().Select(i => JsonNode.Parse(i)).ToArray();
            if (items.Length > 0) merged[list] = new JsonArray(items);
        }

        foreach (var (key, value) in body.Map("metadata", "annotations")) merged.Child("metadata").Child("annotations").TryAdd(key, value);
        store.Replace(type, existing.Namespace, existing.Name, merged, SimulatedStork.Caller);
    }

    /// <summary>Names of the destination instead of the source's; null for a volume (or claim) whose data was not restored.</summary>
    private static JsonObject? Redirect(JsonObject restore, ResourceType type, JsonObject body, Dictionary<string, string> mapping)
    {
        var source = body.Text("metadata", "namespace");
        if (source.Length > 0) body.Child("metadata")["namespace"] = mapping[source];
        foreach (var subject in body.Items("subjects").OfType<JsonObject>())
        {
            if (mapping.TryGetValue(subject.Text("namespace"), out var target)) subject["namespace"] = target;
        }

        var volumes = restore.Items("status", "volumes").ToList();
        if (type == BuiltInResources.Volumes)
        {
            var volume = volumes.Find(v => v.Text("sourceVolume") == body.Text("metadata", "name"));
            if (volume is null || volume.Text("status") != "Successful") return null;
            body.Child("metadata")["name"] = volume.Text("restoreVolume");
            if (body.At("spec", "claimRef") is JsonObject claim) claim["namespace"] = mapping[volume.Text("sourceNamespace")];
        }
        else if (type == BuiltInResources.Claims)
        {
            var volume = volumes.Find(v => v.Text("persistentVolumeClaim") == body.Text("metadata", "name") && v.Text("sourceNamespace") == source);
            if (volume is null || volume.Text("status") == "Failed") return null;
            if (volume.Text("status") == "Successful") body.Child("spec")["volumeName"] = volume.Text("restoreVolume");
        }

        return body;
    }
}
