using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>What an upload came to: nothing, or why it failed.</summary>
internal sealed record UploadOutcome(string? Failure);

/// <summary>Writes the four files of a backup; metadata.json comes last and says that the others are complete.</summary>
internal static class BackupUpload
{
    public static readonly string[] Files = ["namespaces.json", "crds.json", "resources.json", "metadata.json"];

    /// <summary>Seconds from the list of resources to the final row in the recording, less those of the rows themselves.</summary>
    private const double SecondsForUpload = 4.4;

    public static string PathOf(JsonObject backup) => $"{backup.Text("metadata", "namespace")}/{backup.Text("metadata", "name")}/{backup.Text("metadata", "uid")}";

    /// <summary>Null when only the commit mark could not be written: Stork tries everything again later.</summary>
    public static async Task<UploadOutcome?> RunAsync(StorkWork work, JsonObject backup, IReadOnlyList<SelectedResource> selected)
    {
        var path = PathOf(backup);
        var key = "";
        try
        {
            using var bucket = work.Run.Buckets.Open(backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"));
            foreach (var (file, content) in Contents(work, backup, selected))
            {
                await work.PauseAsync(SecondsForUpload / 4);
                key = $"{path}/{file}";
                await bucket.WriteAsync(key, content, work.Killed);
            }

            await work.PauseAsync(SecondsForUpload / 4);
            key = $"{path}/{Files[3]}";
            if (work.Run.Faults.MetadataUploadFails) throw new BucketException("InternalError: We encountered an internal error, please try again.\n\tstatus code: 500, request id: , host id: ", fromStore: true);
            await bucket.WriteAsync(key, Bytes(Final(work, backup)), work.Killed);
            return new UploadOutcome(null);
        }
        catch (BucketException failed)
        {
            if (key.EndsWith(Files[3], StringComparison.Ordinal))
            {
                work.Warn(backup, $"Error backing up resources: error uploading metadata: {failed.Message}");
                return null;
            }

            return new UploadOutcome(failed.FromStore ? $"blob (key \"{key}\") (code={(failed.NotFound ? "NotFound" : "Unknown")}): {failed.Message}" : failed.Message);
        }
    }

    /// <summary>The files before the commit mark, in the order in which they are written.</summary>
    public static IEnumerable<(string File, byte[] Content)> Contents(StorkWork work, JsonObject backup, IReadOnlyList<SelectedResource> selected) =>
        [(Files[0], Bytes(Namespaces(work, backup))), (Files[1], Bytes(Definitions(work, selected))), (Files[2], Bytes(Resources(selected)))];

    /// <summary>The backup as metadata.json has it.</summary>
    public static JsonObject Final(StorkWork work, JsonObject backup)
    {
        var final = TypedResource.Of(backup);
        BackupLife.Finish(work, final);
        // The recorded file still carries the last update of the write before.
        final["status"]!["lastUpdateTimestamp"] = backup.Text("status", "lastUpdateTimestamp");
        return final;
    }

    public static byte[] Bytes(JsonNode? content) => content is null ? Encoding.UTF8.GetBytes("null") : JsonSerializer.SerializeToUtf8Bytes(content, KubernetesJson.OneSpace);

    private static JsonArray Namespaces(StorkWork work, JsonObject backup)
    {
        var list = new JsonArray();
        foreach (var name in backup.Items("spec", "namespaces").Select(n => n.ToString()))
        {
            if (work.Store.Find(BuiltInResources.Namespaces, "", name)?.Body() is not { } body) continue;
            body.Remove("apiVersion");
            body.Remove("kind");
            body.Child("metadata").Remove("resourceVersion");
            list.Add(body);
        }

        return list;
    }

    private static JsonArray? Definitions(StorkWork work, IReadOnlyList<SelectedResource> selected)
    {
        var names = selected.Where(s => s.Type.Custom).Select(s => s.Type.GroupResource).Distinct().ToList();
        if (names.Count == 0) return null;
        return new JsonArray([.. names.Select(n => work.Store.Find(BuiltInResources.Definitions, "", n)?.Body()).Where(d => d is not null)]);
    }

    private static JsonArray Resources(IReadOnlyList<SelectedResource> selected) => new([.. selected.Select(s => (JsonNode)Prepare(s))]);

    /// <summary>Of the metadata only name, namespace, labels and annotations stay; what belongs to the cluster it was in goes.</summary>
    private static JsonObject Prepare(SelectedResource selected)
    {
        var body = selected.Item.Body();
        var metadata = body.Child("metadata");
        foreach (var field in metadata.Select(f => f.Key).Where(f => f is not ("name" or "namespace" or "labels" or "annotations")).ToList()) metadata.Remove(field);
        if (selected.Type.Custom) body.Remove("status");
        if (selected.Type == BuiltInResources.Services)
        {
            var spec = body.Child("spec");
            if (spec.Text("clusterIP") != "None") (spec["clusterIP"], spec["clusterIPs"]) = ("", null);
            spec["loadBalancerIP"] = "";
        }

        return body;
    }
}
