using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The Applications stage of a backup to NFS, as recorded (b-nfs2; with the Secret missing: b-nfs). A Job writes five files, Stork only looks every 10 s.</summary>
internal static class NfsBackup
{
    public const string NamePrefix = "nfs-backup";

    /// <summary>Recorded: from the list of resources to the Job.</summary>
    private const double SecondsToJob = 3;

    /// <summary>Recorded: finishTimestamp in metadata.json is about this much after the Job's start.</summary>
    private const double SecondsForJob = 4;

    private const string SnapshotsFile = "snapshots.json";
    private const string NoSnapshots = """{"volumeSnapshots":{},"volumeSnapshotContents":{},"volumeSnapshotClasses":{},"V1VolumeSnapshotRequired":false}""";

    /// <summary>Seconds between the writes from the Job's end to the final row.</summary>
    private static readonly double[] LooksAtSuccess = [3.2, 0.01];

    /// <summary>Seconds between the writes while the Job's pod fails again and again.</summary>
    private static readonly double[] LooksAtFailure = [3.2, 10.5, 10.2, 10.2, 10.3, 0.85, 0.45, 9, 10.4, 10.2, 0.3, 9.9, 10.5, 10.3, 0.01, 10.4];

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        var selected = BackupSelection.Collect(work.Store, body);
        if (!await work.WriteAsync(body, 0.25, typed => BackupLife.ListResources(work, typed, selected))) return BackupLife.Requeue;
        var (ns, name) = (body.Text("metadata", "namespace"), NfsJob.NameOf(body, NamePrefix));
        await work.PauseAsync(SecondsToJob);
        if (work.Store.Find(StorkResources.Locations, ns, body.Text("spec", "backupLocation"))?.Body() is not { } location) return BackupLife.Requeue;
        var failure = NfsJob.Begin(work, body, location, NamePrefix);
        if (failure is null)
        {
            await work.PauseAsync(SecondsForJob);
            failure = Execute(work, body, selected);
            foreach (var pause in LooksAtFailure)
            {
                if (failure is null) break;
                if (!await work.WriteAsync(body, pause, typed => BackupLife.Touch(typed, work))) return BackupLife.Requeue;
                failure = Execute(work, body, selected);   // The pod is started again.
            }

            NfsJob.End(work, body, NamePrefix, failure);
        }

        if (failure is not null) return await FailAsync(work, body, $"Error uploading resources: {ns}/{name} transfer job failed: {failure}, namespace: {ns}");
        foreach (var pause in LooksAtSuccess)
        {
            if (!await work.WriteAsync(body, pause, typed => BackupLife.Touch(typed, work))) return BackupLife.Requeue;
        }

        return BackupLife.Next(await work.WriteAsync(body, 0.44, typed => BackupLife.Finish(work, typed)));
    }

    /// <summary>What the Job's pod does; why it fails, or null.</summary>
    private static string? Execute(StorkWork work, JsonObject body, IReadOnlyList<SelectedResource> selected)
    {
        work.Killed.ThrowIfCancellationRequested();
        var path = BackupUpload.PathOf(body);
        try
        {
            var export = work.Run.Buckets.Export(body.Text("metadata", "namespace"), body.Text("spec", "backupLocation"));
            foreach (var (file, content) in BackupUpload.Contents(work, body, selected)) export.Write($"{path}/{file}", content);
            export.Write($"{path}/{SnapshotsFile}", Encoding.UTF8.GetBytes(NoSnapshots));
            if (work.Run.Faults.MetadataUploadFails) return $"write /mnt/nfs-target/{path}/metadata.json: input/output error";
            var final = BackupUpload.Final(work, body);
            final.Remove("apiVersion");   // Recorded: the executor writes neither of them.
            final.Remove("kind");
            export.Write($"{path}/metadata.json", BackupUpload.Bytes(final));
            return null;
        }
        catch (BucketException failed)
        {
            return failed.Message;
        }
    }

    private static async Task<double?> FailAsync(StorkWork work, JsonObject body, string reason)
    {
        work.Warn(body, reason);
        return BackupLife.Next(await work.WriteAsync(body, 0.01, typed =>
        {
            BackupLife.SetStatus(typed, "Final", "Failed", reason);
            BackupLife.Touch(typed, work, "finishTimestamp");
            BackupLife.Touch(typed, work);
        }));
    }
}
