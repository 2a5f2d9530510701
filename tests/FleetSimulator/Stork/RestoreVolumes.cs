using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The volumes of a restore: those of the backup whose namespace is mapped.</summary>
internal static class RestoreVolumes
{
    /// <summary>Seconds that volumes take here. Not recorded: the recorded cluster had none.</summary>
    private const double SecondsForVolumes = 6;

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        if (body.Items("status", "volumes").Any()) return await EndAsync(work, body);
        if (work.Store.Find(StorkResources.Backups, body.Text("metadata", "namespace"), body.Text("spec", "backupName"))?.Body() is not { } backup) return BackupLife.Requeue;
        var mapping = body.Map("spec", "namespaceMapping");
        var entries = body.Items("spec", "includeResources").ToList();
        var volumes = backup.Items("status", "volumes")
            .Where(v => v.Text("status") == "Successful" && mapping.ContainsKey(v.Text("namespace")) && BackupSelection.IsListed(entries, "", "v1", "PersistentVolumeClaim", v.Text("namespace"), v.Text("persistentVolumeClaim")))
            .Select(v => (JsonNode)TypedResource.Element("ApplicationRestoreVolumeInfo",
                ("persistentVolumeClaim", v.Text("persistentVolumeClaim")), ("persistentVolumeClaimUID", v.Text("persistentVolumeClaimUID")), ("sourceNamespace", v.Text("namespace")),
                ("sourceVolume", v.Text("volume")), ("restoreVolume", "pvc-" + Guid.NewGuid()), ("driverName", v.Text("driverName")), ("zones", v.At("zones")?.DeepClone()),
                ("status", "InProgress"), ("reason", "Volume restore is in progress"), ("totalSize", long.Parse(v.Text("totalSize")))))
            .ToList();
        if (volumes.Count == 0) return await LeaveAsync(work, body, work.Run.Buckets.IsNfs(backup) ? 0.01 : 1.4, []);
        return BackupLife.Next(await work.WriteAsync(body, 0.5, typed =>
        {
            typed.Child("status")["volumes"] = new JsonArray([.. volumes]);
            BackupLife.Touch(typed, work);
        }));
    }

    private static async Task<double?> EndAsync(StorkWork work, JsonObject body)
    {
        await work.PauseAsync(SecondsForVolumes);
        var mapping = body.Map("spec", "namespaceMapping");
        var replace = body.Text("spec", "replacePolicy") == "Delete";
        var ended = new JsonArray([.. body.Items("status", "volumes").Select(v => (JsonNode)End(work, v.DeepClone().AsObject(), mapping[v.Text("sourceNamespace")], replace))]);
        if (ended.Any(v => v.Text("status") != "Failed")) return await LeaveAsync(work, body, 0.1, ended);
        return BackupLife.Next(await work.WriteAsync(body, 0.1, typed =>
        {
            BackupLife.SetStatus(typed, "Final", "Failed", "Volume restores failed");
            typed.Child("status")["volumes"] = ended;
            BackupLife.Touch(typed, work, "finishTimestamp");
            BackupLife.Touch(typed, work);
        }));
    }

    private static JsonObject End(StorkWork work, JsonObject volume, string target, bool replace)
    {
        var claim = volume.Text("persistentVolumeClaim");
        if (work.Run.Faults.FailureOfVolume(target, claim) is { } failure) (volume["status"], volume["reason"]) = ("Failed", failure);
        else if (!replace && work.Store.Find(BuiltInResources.Claims, target, claim) is not null)
            (volume["status"], volume["reason"]) = ("Retained", "Skipped from volume restore as policy is set to Retain and pvc already exists");
        else (volume["status"], volume["reason"]) = ("Successful", "Restore successful for volume");
        return volume;
    }

    private static async Task<double?> LeaveAsync(StorkWork work, JsonObject body, double pause, JsonArray volumes) => BackupLife.Next(await work.WriteAsync(body, pause, typed =>
    {
        BackupLife.SetStatus(typed, "Applications", "InProgress", "Application resources restore is in progress");
        typed.Child("status")["volumes"] = volumes;
        BackupLife.Touch(typed, work);
    }));
}
