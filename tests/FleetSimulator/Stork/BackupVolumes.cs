using System.Globalization;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The volumes of a backup: which driver takes a claim, how long it takes, which ones fail.</summary>
internal static class BackupVolumes
{
    /// <summary>Seconds that a snapshot and its upload take here. Not recorded: the recorded cluster had no volumes.</summary>
    private const double SecondsForVolumes = 6;

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        var wanted = body.Items("spec", "resourceTypes").Select(t => t.ToString()).ToList();
        var skipped = wanted.Count > 0 && !wanted.Contains("PersistentVolumeClaim");
        if (!body.Items("status", "volumes").Any())
        {
            if (work.Run.Buckets.Missing(body) is { } missing)
                work.Warn(body, $"Error backing up volumes: error getting backup location path for backup [{body.Text("metadata", "namespace")}/{body.Text("spec", "backupLocation")}]: {missing}");
            if (await RunPostRuleAsync(work, body) is { } wait) return wait;
            var volumes = skipped ? [] : BackupSelection.Claims(work.Store, body).Select(claim => Begin(work, body, claim)).ToList();
            if (volumes.Exists(v => v.Text("driverName") == "kdmp") && !HasPod(work))
            {
                // Recorded: the volumes that a Job would copy are left out, the backup is Successful, and this Event is all that tells.
                work.Warn(body, "stork namespace is empty");
                volumes.RemoveAll(v => v.Text("driverName") == "kdmp");
            }

            if (volumes.Count == 0) return await LeaveAsync(work, body, 0.02, skipped ? null : new JsonArray());
            return BackupLife.Next(await work.WriteAsync(body, 0.02, typed =>
            {
                BackupLife.SetStatus(typed, "Volumes", "InProgress", "Volume backups are in progress");
                typed.Child("status")["volumes"] = new JsonArray([.. volumes]);
                BackupLife.Touch(typed, work);
            }));
        }

        await work.PauseAsync(SecondsForVolumes);
        var ended = new JsonArray([.. body.Items("status", "volumes").Select(v => (JsonNode)End(work, v.DeepClone().AsObject()))]);
        var failed = ended.Count(v => v.Text("status") == "Failed");
        if (failed == ended.Count) return await FailAsync(work, body, "Volume backups failed", ended, failed);
        return await LeaveAsync(work, body, 0.02, ended, failed);
    }

    /// <summary>Jobs run beside Stork's own pod: one that runs outside of the cluster has none.</summary>
    private static bool HasPod(StorkWork work) => work.Store.List(BuiltInResources.Pods).Any(pod => pod.Labels?.GetValueOrDefault("name") == "stork");

    public static string DriverOf(string provisioner, string backupType)
    {
        if (provisioner is "pxd.portworx.com" or "kubernetes.io/portworx-volume") return "pxd";
        return backupType != "Generic" && provisioner.Contains("csi", StringComparison.Ordinal) ? "csi" : "kdmp";
    }

    private static async Task<double?> RunPostRuleAsync(StorkWork work, JsonObject body)
    {
        if (await RuleExecution.RunAsync(work, body, "postExecRule", "PostExecRule", background: false) is not { } failure) return null;
        // A command that fails in its pod does not fail the backup at this point (recorded: rp-post); a rule that is wrong does (rp-bgpost).
        if (failure.Contains("timed out waiting for the condition", StringComparison.Ordinal)) return null;
        var reason = "Error running PostExecRule for kdmp and mixed driver scenario: " + failure;
        work.Warn(body, reason);
        work.Warn(body, "Error backing up volumes: " + reason);
        return await FailAsync(work, body, reason, [], 0);
    }

    private static async Task<double?> LeaveAsync(StorkWork work, JsonObject body, double pause, JsonArray? volumes, int failed = 0) => BackupLife.Next(await work.WriteAsync(body, pause, typed =>
    {
        BackupLife.EnterApplications(typed);
        typed.Child("status")["volumes"] = volumes;
        typed.Child("status")["failedVolCount"] = failed;
        BackupLife.Touch(typed, work);
    }));

    private static async Task<double?> FailAsync(StorkWork work, JsonObject body, string reason, JsonArray volumes, int failed) => BackupLife.Next(await work.WriteAsync(body, 0.1, typed =>
    {
        BackupLife.SetStatus(typed, "Final", "Failed", reason);
        typed.Child("status")["volumes"] = volumes;
        typed.Child("status")["failedVolCount"] = failed;
        BackupLife.Touch(typed, work, "finishTimestamp");
        BackupLife.Touch(typed, work);
    }));

    private static JsonObject Begin(StorkWork work, JsonObject body, StoredObject item)
    {
        var claim = item.Body();
        var storageClass = claim.Text("spec", "storageClassName");
        var provisioner = work.Store.Find(BuiltInResources.StorageClasses, "", storageClass)?.Body().Text("provisioner") ?? "";
        var driver = DriverOf(provisioner, body.Text("spec", "backupType"));
        return TypedResource.Element("ApplicationBackupVolumeInfo",
            ("persistentVolumeClaim", item.Name), ("persistentVolumeClaimUID", item.Uid), ("namespace", item.Namespace), ("volume", claim.Text("spec", "volumeName")),
            ("backupID", driver == "csi" ? $"backup-{body.Text("metadata", "uid")[..13]}-{item.Uid[..8]}" : $"{body.Text("metadata", "uid")}-{item.Uid[..8]}"),
            ("driverName", driver), ("zones", driver == "csi" ? null : new JsonArray()), ("status", "InProgress"), ("reason", "Volume backup in progress"),
            ("storageClass", storageClass), ("provisioner", provisioner), ("totalSize", BytesOf(claim.Text("spec", "resources", "requests", "storage"))));
    }

    private static JsonObject End(StorkWork work, JsonObject volume)
    {
        if (work.Run.Faults.FailureOfVolume(volume.Text("namespace"), volume.Text("persistentVolumeClaim")) is { } failure)
        {
            (volume["status"], volume["reason"], volume["totalSize"]) = ("Failed", failure, 0);
            return volume;
        }

        (volume["status"], volume["reason"]) = ("Successful", "Backup successful for volume");
        volume["actualSize"] = long.Parse(volume.Text("totalSize")) / 4;
        return volume;
    }

    private static long BytesOf(string quantity)
    {
        var factor = quantity.EndsWith("Gi", StringComparison.Ordinal) ? 1L << 30 : quantity.EndsWith("Mi", StringComparison.Ordinal) ? 1L << 20 : quantity.EndsWith("Ki", StringComparison.Ordinal) ? 1L << 10 : 1;
        return double.TryParse(quantity.TrimEnd('G', 'M', 'K', 'i'), CultureInfo.InvariantCulture, out var number) ? (long)(number * factor) : 0;
    }
}
