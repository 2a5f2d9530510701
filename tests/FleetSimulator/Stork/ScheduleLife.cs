using System.Globalization;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// The life of an ApplicationBackupSchedule with an interval policy, as recorded (sched-1): looked at every 10 s, one backup at a time. Daily, weekly and monthly
/// policies never trigger here. An interval is scaled as every other recorded time is.
/// </summary>
internal static class ScheduleLife
{
    private const string PolicyType = "Interval";
    private const string NameAnnotation = "stork.libopenstorage.org/applicationBackupScheduleName";
    private const string TypeAnnotation = "stork.libopenstorage.org/applicationBackupSchedulePolicyType";

    /// <summary>Backups kept when an interval policy does not say how many.</summary>
    private const int DefaultRetain = 10;

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        if (!await ObserveAsync(work, body)) return BackupLife.Requeue;
        if (body.Flag("spec", "suspend")) return BackupLife.Requeue;
        var name = body.Text("spec", "schedulePolicyName");
        var policy = work.Store.Find(StorkResources.SchedulePolicies, "", name) ?? work.Store.Find(StorkResources.NamespacedSchedulePolicies, body.Text("metadata", "namespace"), name);
        if (policy is null)
        {
            work.Warn(body, $"Error checking if backup should be triggered: schedulepolicy {name} not found in cache");
            return BackupLife.Requeue;
        }

        if (policy.Body().At("policy", "interval") is not JsonObject interval) return BackupLife.Requeue;
        if (Due(work, body, interval)) return await TriggerAsync(work, body);
        await PruneAsync(work, body, int.TryParse(interval.Text("retain"), out var retain) && retain > 0 ? retain : DefaultRetain);
        return BackupLife.Requeue;
    }

    /// <summary>What the API server's garbage collector does after a schedule: backups that it owns go.</summary>
    public static void CollectOrphans(ClusterStore store, string uid)
    {
        foreach (var backup in store.List(StorkResources.Backups).Where(b => b.Body().Items("metadata", "ownerReferences").Any(o => o.Text("uid") == uid)))
        {
            try
            {
                store.Delete(StorkResources.Backups, backup.Namespace, backup.Name, "garbage-collector", backup.Uid);
            }
            catch (KubernetesStatusException gone) when (gone.Code is 404 or 409)
            {
                // Somebody else was faster.
            }
        }
    }

    /// <summary>Copies the states of the backups into status.items; the time of the look is the finish time there.</summary>
    private static async Task<bool> ObserveAsync(StorkWork work, JsonObject body)
    {
        var items = Items(body).Select(i => i.DeepClone().AsObject()).ToList();
        var changed = false;
        foreach (var item in items.Where(i => !Ended(i)))
        {
            // A backup that could not be made, or was taken away, counts as failed.
            var status = work.Store.Find(StorkResources.Backups, body.Text("metadata", "namespace"), item.Text("name"))?.Body() is { } backup ? backup.Text("status", "status") : "Failed";
            if (status == item.Text("status")) continue;
            item["status"] = status;
            changed = true;
            if (!Ended(item)) continue;
            item["finishTimestamp"] = KubernetesJson.Stamp(work.Store.Clock.GetUtcNow());
            Report(work, body, item, status);
        }

        return !changed || await work.WriteAsync(body, 0.01, typed => SetItems(typed, items));
    }

    private static void Report(StorkWork work, JsonObject body, JsonObject item, string status)
    {
        work.Killed.ThrowIfCancellationRequested();
        var (name, ns) = (item.Text("name"), body.Text("metadata", "namespace"));
        if (status == "Failed") work.Warn(body, $"Scheduled backup ({name}) failed for namespace {ns}");   // Not recorded.
        else work.Run.Events.Record(body, "Normal", status, $"Scheduled backup ({name}) completed successfully for namespace {ns}");
    }

    private static bool Due(StorkWork work, JsonObject body, JsonObject interval)
    {
        if (Items(body).LastOrDefault() is not { } last) return true;
        if (!Items(body).All(Ended) || !double.TryParse(interval.Text("intervalMinutes"), CultureInfo.InvariantCulture, out var minutes)) return false;
        var now = work.Store.Clock.GetUtcNow();
        // The second condition holds with any real interval; scaled down, a name must still be another one.
        return now > DateTimeOffset.Parse(last.Text("creationTimestamp"), CultureInfo.InvariantCulture) + work.Run.Scaled(minutes * 60) && NameAt(body, now) != last.Text("name");
    }

    private static async Task<double?> TriggerAsync(StorkWork work, JsonObject body)
    {
        var now = work.Store.Clock.GetUtcNow();
        var name = NameAt(body, now);
        var item = new JsonObject { ["name"] = name, ["creationTimestamp"] = KubernetesJson.Stamp(now), ["finishTimestamp"] = null, ["status"] = "Pending" };
        if (!await work.WriteAsync(body, 0.01, typed => SetItems(typed, [.. Items(typed).Select(i => i.DeepClone().AsObject()), item]))) return BackupLife.Requeue;
        try
        {
            work.Store.Create(StorkResources.Backups, body.Text("metadata", "namespace"), BackupOf(body, name), SimulatedStork.Caller);
        }
        catch (KubernetesStatusException refused)
        {
            work.Warn(body, $"Error triggering backup: {refused.Message}");   // Not recorded.
            return BackupLife.Requeue;
        }

        // Recorded: both annotations leak into the schedule.
        if (!await work.WriteAsync(body, 0.06, typed => Annotate(typed, typed.Text("metadata", "name")))) return BackupLife.Requeue;
        return 0.01;
    }

    /// <summary>From the newest on: what is older than so many successful ones goes, failed ones among it too.</summary>
    private static async Task PruneAsync(StorkWork work, JsonObject body, int retain)
    {
        var items = Items(body).ToList();
        var (keep, successful) = (items.Count, 0);
        while (keep > 0 && successful < retain) successful += items[--keep].Text("status") == "Successful" ? 1 : 0;
        if (keep == 0) return;
        foreach (var old in items.Take(keep).Select(i => i.Text("name")))
        {
            if (work.Store.Find(StorkResources.Backups, body.Text("metadata", "namespace"), old) is { } backup) work.Store.Delete(StorkResources.Backups, backup.Namespace, old, SimulatedStork.PruningCaller);
        }

        await work.WriteAsync(body, 0.01, typed => SetItems(typed, [.. items.Skip(keep).Select(i => i.DeepClone().AsObject())]));
    }

    private static JsonObject BackupOf(JsonObject schedule, string name)
    {
        var metadata = new JsonObject { ["name"] = name, ["namespace"] = schedule.Text("metadata", "namespace") };
        foreach (var field in new[] { "labels", "annotations" })
        {
            if (schedule.At("metadata", field) is JsonObject map) metadata[field] = map.DeepClone();
        }

        var backup = TypedResource.Of(new JsonObject
        {
            ["apiVersion"] = schedule.Text("apiVersion"), ["kind"] = "ApplicationBackup", ["metadata"] = metadata, ["spec"] = schedule.At("spec", "template", "spec")!.DeepClone(),
        });
        Annotate(backup, schedule.Text("metadata", "name"));
        if (backup["spec"]!["options"] is null) backup["spec"]!["options"] = new JsonObject();
        if (schedule.Text("spec", "reclaimPolicy") == "Delete")
        {
            backup["metadata"]!["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = schedule.Text("apiVersion"), ["kind"] = schedule.Text("kind"), ["name"] = schedule.Text("metadata", "name"), ["uid"] = schedule.Text("metadata", "uid"),
            });
        }

        return backup;
    }

    /// <summary>In Stork's local time, which is UTC here.</summary>
    private static string NameAt(JsonObject schedule, DateTimeOffset now) => string.Create(CultureInfo.InvariantCulture, $"{schedule.Text("metadata", "name")}-interval-{now.UtcDateTime:yyyy-MM-dd-HHmmss}");

    private static void Annotate(JsonObject typed, string schedule)
    {
        var annotations = typed.Child("metadata").Child("annotations");
        (annotations[NameAnnotation], annotations[TypeAnnotation]) = (schedule, PolicyType);
    }

    private static void SetItems(JsonObject typed, IReadOnlyList<JsonObject> items)
    {
        if (typed.Text("spec", "reclaimPolicy").Length == 0) typed.Child("spec")["reclaimPolicy"] = "Retain";
        typed.Child("status")["items"] = new JsonObject { [PolicyType] = new JsonArray([.. items]) };
    }

    private static IEnumerable<JsonNode> Items(JsonObject body) => body.Items("status", "items", PolicyType);

    private static bool Ended(JsonNode item) => item.Text("status") is "Successful" or "PartialSuccess" or "Failed";
}
