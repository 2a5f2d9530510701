using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The life of an ApplicationRestore, row by row as recorded (times are those of the recording r-replace).</summary>
internal static class RestoreLife
{
    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        if (body.At("metadata", "deletionTimestamp") is not null)
        {
            if (!body.Items("metadata", "finalizers").Any(f => f.ToString() == StorkResources.Finalizer)) return null;
            await GoOnAsync(work, body);
            NfsJob.Remove(work, body, NfsRestore.NamePrefix);
            await work.WriteAsync(body, 0.1, BackupDeletion.RemoveFinalizer);   // Touches nothing that was restored.
            return work.Read() is null ? null : BackupLife.Requeue;
        }

        return body.Text("status", "stage") switch
        {
            "" => await BeginAsync(work, body),
            "Volumes" => await RestoreVolumes.StepAsync(work, body),
            "Applications" => await RestoreResourcesAsync(work, body),
            _ => await ResurrectAsync(work, body),
        };
    }

    /// <summary>Recorded: who deletes a restore that has begun does not stop it. Its objects are restored, then it goes.</summary>
    private static async Task GoOnAsync(StorkWork work, JsonObject body)
    {
        while (true)
        {
            var stage = body.Text("status", "stage");
            var goesOn = stage switch
            {
                "Volumes" => await RestoreVolumes.StepAsync(work, body),
                "Applications" => await RestoreResourcesAsync(work, body),
                _ => null,
            };
            // What cannot go on now (its bucket is away, its backup is gone) is not waited for.
            if (goesOn is null || body.Text("status", "stage") == stage && goesOn != 0) return;
        }
    }

    private static async Task<double?> BeginAsync(StorkWork work, JsonObject body)
    {
        if (!body.Items("metadata", "finalizers").Any(f => f.ToString() == StorkResources.Finalizer)) return BackupLife.Next(await work.WriteAsync(body, 0.01, BackupLife.AddFinalizer));
        var ns = body.Text("metadata", "namespace");
        var name = body.Text("spec", "backupName");
        var mapping = body.Map("spec", "namespaceMapping");
        if (work.Store.Find(StorkResources.Backups, ns, name)?.Body() is not { } backup)
        {
            // Recorded: with a mapping given there is not even an Event.
            if (mapping.Count == 0) work.Warn(body, $"error getting backup: {Refusals.NotFound(StorkResources.Backups, name).Message}");
            return BackupLife.Requeue;
        }

        if (mapping.Count == 0) mapping = backup.Items("spec", "namespaces").ToDictionary(n => n.ToString(), n => n.ToString());
        if (ns != StorkConfig.AdminNamespace(work.Store) && ns != "kube-system" && mapping.Values.Any(target => target != ns)) return Stay("Spec.Namespaces should only contain the current namespace");
        var nfs = work.Run.Buckets.IsNfs(backup);
        try
        {
            if (!nfs) (await RestoreSource.OpenAsync(work, backup)).EnsureNamespaces(work, mapping);   // With NFS the Job makes them.
        }
        catch (RestoreBlockedException blocked)
        {
            return Stay(blocked.Message);
        }

        return BackupLife.Next(await work.WriteAsync(body, nfs ? 0.01 : 2.3, typed =>
        {
            typed.Child("spec")["namespaceMapping"] = new JsonObject([.. mapping.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))]);
            BackupLife.SetStatus(typed, "Volumes", "InProgress", "Volume or Resource restores are in progress");
            BackupLife.Touch(typed, work);
        }));

        double Stay(string message)
        {
            work.Warn(body, message);
            return BackupLife.Requeue;
        }
    }

    private static async Task<double?> RestoreResourcesAsync(StorkWork work, JsonObject body)
    {
        var backup = BackupOf(work, body);
        if (backup is not null && work.Run.Buckets.IsNfs(backup)) return await NfsRestore.StepAsync(work, body, backup);
        if (!await work.WriteAsync(body, 3, typed => BackupLife.Touch(typed, work))) return BackupLife.Requeue;
        if (backup is null) return BackupLife.Requeue;
        JsonArray results;
        try
        {
            var source = await RestoreSource.OpenAsync(work, backup);
            results = await ResourceRestorer.RestoreAsync(work, body, await source.ResourcesAsync(work));
        }
        catch (RestoreBlockedException blocked)
        {
            work.Warn(body, $"Error restoring resources: {blocked.Message}");
            return BackupLife.Requeue;
        }

        await work.WriteAsync(body, 0.5, typed => Finish(work, typed, results));
        return BackupLife.Requeue;
    }

    public static void Finish(StorkWork work, JsonObject typed, JsonArray results)
    {
        var status = typed.Child("status");
        var partial = results.Any(r => r.Text("status") != "Successful") || status.Items("volumes").Any(v => v.Text("status") != "Successful");
        BackupLife.SetStatus(typed, "Final", partial ? "PartialSuccess" : "Successful",
            partial ? "Volumes were restored successfully. Some existing resources were not replaced" : "Volumes and resources were restored up successfully");
        status["resources"] = results;
        status["resourceCount"] = results.Count;
        status["restoredresourceCount"] = results.Count;
        status["totalSize"] = status.Items("volumes").Sum(v => long.Parse(v.Text("totalSize")));
        BackupLife.Touch(typed, work, "finishTimestamp");
        BackupLife.Touch(typed, work);
        if (System.Text.Encoding.UTF8.GetByteCount(typed.ToJsonString(KubernetesJson.Compact)) <= StorkConfig.LargeResourceLimit(work.Store)) return;
        status["resources"] = new JsonArray();
        status["largeResourceEnabled"] = true;
    }

    /// <summary>Recorded: as long as a finished restore exists its destination namespaces come back every 10 s, with their labels, without content.</summary>
    private static async Task<double?> ResurrectAsync(StorkWork work, JsonObject body)
    {
        NfsJob.Remove(work, body, NfsRestore.NamePrefix);
        if (body.Text("status", "status") == "Failed") return null;
        if (BackupOf(work, body) is { } backup)
        {
            if (work.Run.Buckets.IsNfs(backup)) return null;   // The namespaces of such a restore are the Job's.
            try
            {
                var source = await RestoreSource.OpenAsync(work, backup);
                source.EnsureNamespaces(work, body.Map("spec", "namespaceMapping"));
            }
            catch (RestoreBlockedException)
            {
                // The bucket is away: tried again at the next turn, nothing is reported about a finished restore.
            }
        }

        return BackupLife.Requeue;
    }

    private static JsonObject? BackupOf(StorkWork work, JsonObject restore) => work.Store.Find(StorkResources.Backups, restore.Text("metadata", "namespace"), restore.Text("spec", "backupName"))?.Body();
}
