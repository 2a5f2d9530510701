using System.Text.Json;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>A restore that cannot go on for now; Stork only leaves an Event and tries again.</summary>
internal sealed class RestoreBlockedException(string message) : Exception(message);

/// <summary>The files of the backup that a restore reads. The location is the backup's, whatever the restore names.</summary>
internal sealed class RestoreSource
{
    private readonly string _namespace;
    private readonly string _location;
    private readonly string _path;
    private readonly JsonArray _namespaces;

    private RestoreSource(string ns, string location, string path, JsonArray namespaces) => (_namespace, _location, _path, _namespaces) = (ns, location, path, namespaces);

    /// <exception cref="RestoreBlockedException">No location, or nothing readable in it.</exception>
    public static async Task<RestoreSource> OpenAsync(StorkWork work, JsonObject backup)
    {
        var (ns, location, path) = (backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"), backup.Text("status", "backupPath"));
        if (work.Run.Buckets.Missing(ns, location) is { } missing) throw new RestoreBlockedException(missing);
        // Recorded: a file that is not there or cannot be reached reads as one namespace without a name.
        var nothing = new RestoreBlockedException("Namespace \"\" is invalid: metadata.name: Required value: name or generateName is required");
        if (path.Length == 0) throw nothing;
        try
        {
            return new RestoreSource(ns, location, path, await ReadAsync(work, ns, location, $"{path}/namespaces.json") as JsonArray ?? throw nothing);
        }
        catch (RestoreBlockedException)
        {
            throw nothing;
        }
    }

    /// <exception cref="RestoreBlockedException">resources.json cannot be read.</exception>
    public async Task<JsonArray> ResourcesAsync(StorkWork work) => await ReadAsync(work, _namespace, _location, $"{_path}/resources.json") as JsonArray ?? [];

    /// <summary>Makes the destination namespaces, with the labels and annotations of their sources.</summary>
    /// <exception cref="RestoreBlockedException">One cannot be made.</exception>
    public void EnsureNamespaces(StorkWork work, Dictionary<string, string> mapping)
    {
        foreach (var source in _namespaces.OfType<JsonObject>())
        {
            if (!mapping.TryGetValue(source.Text("metadata", "name"), out var target)) continue;
            try
            {
                Ensure(work, source, target);
            }
            catch (KubernetesStatusException refused)
            {
                throw new RestoreBlockedException(refused.Message);
            }
        }
    }

    private static void Ensure(StorkWork work, JsonObject source, string target)
    {
        var labels = source.Map("metadata", "labels").Where(l => l.Key != "kubernetes.io/metadata.name").ToList();
        var annotations = source.Map("metadata", "annotations");
        if (work.Store.Find(BuiltInResources.Namespaces, "", target)?.Body() is not { } now)
        {
            var metadata = new JsonObject { ["name"] = target };
            if (labels.Count > 0) metadata["labels"] = Object(labels);
            if (annotations.Count > 0) metadata["annotations"] = Object(annotations);
            work.Store.Create(BuiltInResources.Namespaces, "", new JsonObject { ["metadata"] = metadata }, SimulatedStork.Caller);
            return;
        }

        var known = now.Child("metadata");
        foreach (var (key, value) in labels) known.Child("labels").TryAdd(key, value);
        foreach (var (key, value) in annotations) known.Child("annotations").TryAdd(key, value);
        if (known["annotations"] is JsonObject { Count: 0 }) known.Remove("annotations");
        work.Store.Replace(BuiltInResources.Namespaces, "", target, now, SimulatedStork.Caller);
    }

    private static async Task<JsonNode?> ReadAsync(StorkWork work, string ns, string location, string key)
    {
        try
        {
            return JsonNode.Parse(await work.Run.Buckets.ReadAsync(ns, location, key, work.Killed));
        }
        catch (Exception unreadable) when (unreadable is BucketException or JsonException)
        {
            throw new RestoreBlockedException(unreadable.Message);
        }
    }

    private static JsonObject Object(IEnumerable<KeyValuePair<string, string>> entries) => new([.. entries.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)e.Value))]);
}
