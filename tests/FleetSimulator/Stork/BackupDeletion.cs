using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// The end of an ApplicationBackup: its files go when the policy says so, then its finalizer, also when the files could not be removed: they stay behind without
/// an error or an Event.
/// </summary>
internal static class BackupDeletion
{
    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        if (!body.Items("metadata", "finalizers").Any(f => f.ToString() == StorkResources.Finalizer)) return null;
        if (body.Text("status", "stage") == "Volumes" && await RuleExecution.RunAsync(work, body, "postExecRule", "PostExecRule", background: false) is { } blocked)
        {
            work.Warn(body, $"Error running PostExecRule: {blocked}");
            return BackupLife.Requeue;
        }

        await work.PauseAsync(0.1);
        if (NfsJob.Exists(work, body, NfsBackup.NamePrefix)) await work.PauseAsync(NfsJob.SecondsForRemoval);
        NfsJob.Remove(work, body, NfsBackup.NamePrefix);
        var succeeded = body.Text("status", "status") is "Successful" or "PartialSuccess";
        if ((body.Text("spec", "reclaimPolicy") != "Retain" || !succeeded) && body.Text("status", "backupPath") is { Length: > 0 } path) await RemoveFilesAsync(work, body, path);
        await work.WriteAsync(body, 0.1, typed => RemoveFinalizer(typed));
        return work.Read() is null ? null : BackupLife.Requeue;
    }

    public static void RemoveFinalizer(JsonObject typed) => typed["metadata"]!["finalizers"] =
        KubernetesJson.ArrayOf(typed.Items("metadata", "finalizers").Select(f => f.ToString()).Where(f => f != StorkResources.Finalizer));

    private static async Task RemoveFilesAsync(StorkWork work, JsonObject body, string path)
    {
        if (work.Run.Buckets.IsNfs(body)) return;   // Recorded: files on NFS stay for ever.
        try
        {
            using var bucket = work.Run.Buckets.Open(body.Text("metadata", "namespace"), body.Text("spec", "backupLocation"));
            foreach (var file in BackupUpload.Files) await bucket.DeleteAsync($"{path}/{file}", work.Killed);
        }
        catch (BucketException)
        {
            // Recorded: location gone, wrong keys, bucket down: the finalizer goes all the same and nobody is told.
        }
    }
}
