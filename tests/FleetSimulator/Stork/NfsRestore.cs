using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The Applications stage of a restore from NFS, as recorded (r-nfs): a Job makes the namespaces and the objects, without an Event for each of them.</summary>
internal static class NfsRestore
{
    public const string NamePrefix = "nfs-restore-resource";

    /// <summary>Recorded: Stork's late second look at a copy from before the final row.</summary>
    private const double SecondsToStaleLook = 1.6;

    /// <summary>Seconds between the writes from the first one to the Job's end.</summary>
    private static readonly double[] Looks = [0.8, 1.23, 0.02];

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body, JsonObject backup)
    {
        if (body.Text("spec", "replacePolicy").Length == 0 && !await work.WriteAsync(body, 0.19, typed => typed["spec"]!["replacePolicy"] = "Retain")) return BackupLife.Requeue;
        var ns = body.Text("metadata", "namespace");
        if (work.Store.Find(StorkResources.Locations, ns, backup.Text("spec", "backupLocation"))?.Body() is not { } location) return BackupLife.Requeue;
        var failure = NfsJob.Begin(work, body, location, NamePrefix);
        foreach (var pause in Looks)
        {
            if (!await work.WriteAsync(body, pause, typed => BackupLife.Touch(typed, work))) return BackupLife.Requeue;
        }

        await work.PauseAsync(1.6);
        JsonArray results = [];
        if (failure is null)
        {
            (failure, results) = await ExecuteAsync(work, body, backup);
            NfsJob.End(work, body, NamePrefix, failure);
        }

        return failure is null ? await FinishAsync(work, body, results) : await FailAsync(work, body, $"Error restoring resources: {ns}/{NfsJob.NameOf(body, NamePrefix)} transfer job failed: {failure}");
    }

    private static async Task<(string? Failure, JsonArray Results)> ExecuteAsync(StorkWork work, JsonObject body, JsonObject backup)
    {
        try
        {
            work.Run.Buckets.Export(backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"));
            var source = await RestoreSource.OpenAsync(work, backup);
            source.EnsureNamespaces(work, body.Map("spec", "namespaceMapping"));
            return (null, await ResourceRestorer.RestoreAsync(work, body, await source.ResourcesAsync(work), report: false));
        }
        catch (Exception blocked) when (blocked is RestoreBlockedException or BucketException)
        {
            return (blocked.Message, []);
        }
    }

    private static async Task<double?> FinishAsync(StorkWork work, JsonObject body, JsonArray results)
    {
        var counted = await work.WriteAsync(body, 0.1, typed =>
        {
            var status = typed.Child("status");
            (status["resources"], status["resourceCount"], status["restoredresourceCount"]) = (results.DeepClone(), results.Count, results.Count);
            BackupLife.Touch(typed, work);
        });
        if (!counted) return BackupLife.Requeue;
        var stale = body.Copy();
        if (!await work.WriteAsync(body, 0.02, typed => RestoreLife.Finish(work, typed, results))) return BackupLife.Requeue;
        NfsJob.Remove(work, body, NamePrefix);
        if (!await work.WriteAsync(stale, SecondsToStaleLook, typed => BackupLife.Touch(typed, work)) && work.Read() is not null)
            work.Warn(body, $"Error restoring resources: {Refusals.Conflict(StorkResources.Restores, body.Text("metadata", "name")).Message}");
        return 0;
    }

    /// <summary>Not recorded; worded as the failing backup is.</summary>
    private static async Task<double?> FailAsync(StorkWork work, JsonObject body, string reason)
    {
        work.Warn(body, reason);
        return BackupLife.Next(await work.WriteAsync(body, 0.1, typed =>
        {
            BackupLife.SetStatus(typed, "Final", "Failed", reason);
            BackupLife.Touch(typed, work, "finishTimestamp");
            BackupLife.Touch(typed, work);
        }));
    }
}
