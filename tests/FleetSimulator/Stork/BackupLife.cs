using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The life of an ApplicationBackup, row by row as recorded (times are those of the recording ok-1). Each step starts from what the object says.</summary>
internal static class BackupLife
{
    /// <summary>Seconds after which Stork looks again at an object it could not take further.</summary>
    public const double Requeue = 10;

    private const string InProgress = "Application resources backup is in progress";

    public static async Task<double?> StepAsync(StorkWork work, JsonObject body)
    {
        if (body.At("metadata", "deletionTimestamp") is not null) return await BackupDeletion.StepAsync(work, body);
        return body.Text("status", "stage") switch
        {
            "" => await BeginAsync(work, body),
            "PreExecRule" => await RunPreRuleAsync(work, body),
            "Volumes" => await BackUpVolumesAsync(work, body),
            "Applications" => await BackUpResourcesAsync(work, body),
            _ => null,   // Final
        };
    }

    public static void SetStatus(JsonObject body, string stage, string status, string reason)
    {
        var now = body.Child("status");
        now["stage"] = stage;
        now["status"] = status;
        now["reason"] = reason;
    }

    public static void Touch(JsonObject body, StorkWork work, string field = "lastUpdateTimestamp") => body.Child("status")[field] = KubernetesJson.Stamp(work.Store.Clock.GetUtcNow());

    private static async Task<double?> BeginAsync(StorkWork work, JsonObject body)
    {
        if (!body.Items("metadata", "finalizers").Any(f => f.ToString() == StorkResources.Finalizer))
            return Next(await work.WriteAsync(body, 0.01, AddFinalizer));
        if (BackupChecks.ForeignNamespace(work, body) is { } foreign) return foreign;
        if (body.Text("status", "triggerTimestamp").Length == 0) return Next(await work.WriteAsync(body, 0.01, typed => Trigger(work, typed)));
        if (body.Items("spec", "namespaces").Any(n => n.ToString() == "*")) return Next(await work.WriteAsync(body, 0.01, typed => typed["spec"]!["namespaces"] = KubernetesJson.ArrayOf(BackupSelection.Everything(work.Store))));

        if (await BackupChecks.RefuseAsync(work, body) is { } wait) return wait;
        await BackupBuckets.PrepareAsync(work, body);
        if (body.Text("spec", "preExecRule").Length > 0)
        {
            await work.WriteAsync(body, 0.09, typed =>
            {
                SetStatus(typed, "PreExecRule", "InProgress", "Pre-Exec rules are being executed");
                Touch(typed, work);
            });
            return 0;
        }

        return Next(await work.WriteAsync(body, 0.09, typed =>
        {
            SetStatus(typed, "Volumes", "Pending", "");
            Touch(typed, work);
        }));
    }

    private static async Task<double?> RunPreRuleAsync(StorkWork work, JsonObject body)
    {
        var failure = await RuleExecution.RunAsync(work, body, "preExecRule", "PreExecRule", background: true);
        if (failure is null)
        {
            return Next(await work.WriteAsync(body, 0.01, typed =>
            {
                SetStatus(typed, "Volumes", "InProgress", "Starting the Volume backups");
                Touch(typed, work);
            }));
        }

        var reason = "Error running PreExecRule: " + failure;
        work.Warn(body, reason);
        return Next(await work.WriteAsync(body, 0.01, typed =>
        {
            SetStatus(typed, "Final", "Failed", reason);   // finishTimestamp stays null: recorded so.
            Touch(typed, work);
        }));
    }

    private static async Task<double?> BackUpVolumesAsync(StorkWork work, JsonObject body)
    {
        if (body.Text("status", "status") == "Pending")
        {
            // Recorded: with NFS this row comes a turn later.
            return Next(await work.WriteAsync(body, work.Run.Buckets.IsNfs(body) ? Requeue : 0.01, typed => SetStatus(typed, "Volumes", "InProgress", "Starting the Volume backups")));
        }


        return await BackupVolumes.StepAsync(work, body);
    }

    private static async Task<double?> BackUpResourcesAsync(StorkWork work, JsonObject body)
    {
        if (work.Run.Buckets.Missing(body) is { } missing)
        {
            // Never ends: no write at all, only this Event every time.
            work.Warn(body, $"Error backing up resources: error getting backup location path for backup [{body.Text("metadata", "namespace")}/{body.Text("spec", "backupLocation")}]: {missing}");
            return Requeue;
        }

        if (work.Run.Buckets.IsNfs(body)) return await NfsBackup.StepAsync(work, body);
        if (!await work.WriteAsync(body, 0.32, typed => Touch(typed, work))) return Requeue;
        var selected = BackupSelection.Collect(work.Store, body);
        if (!await work.WriteAsync(body, 0.01, typed => ListResources(work, typed, selected))) return Requeue;

        if (await BackupUpload.RunAsync(work, body, selected) is not { } outcome) return Requeue;
        if (outcome.Failure is { } failure)
        {
            var reason = $"Error uploading resources: {failure}, namespace: {body.Text("metadata", "namespace")}";
            work.Warn(body, reason);
            return Next(await work.WriteAsync(body, 0.2, typed =>
            {
                SetStatus(typed, "Final", "Failed", reason);   // backupPath and finishTimestamp stay empty: recorded so.
                Touch(typed, work);
            }));
        }

        return Next(await work.WriteAsync(body, 0.1, typed => Finish(work, typed)));
    }

    /// <summary>The final fields: also what metadata.json in the bucket says.</summary>
    public static void Finish(StorkWork work, JsonObject body)
    {
        var failed = int.Parse(body.Text("status", "failedVolCount"));
        var selector = body.Text("spec", "namespaceSelector");
        var reason = failed > 0 ? "Some volumes and resources were not backed up"
            : selector.Length > 0 && !body.Items("spec", "namespaces").Any() ? $"Namespace label selector [{selector}] did not find any namespaces with selected labels for backup"
            : "Volumes and resources were backed up successfully";
        SetStatus(body, "Final", failed > 0 ? "PartialSuccess" : "Successful", reason);
        body.Child("status")["backupPath"] = BackupUpload.PathOf(body);
        body.Child("status")["totalSize"] = body.Items("status", "volumes").Sum(v => long.Parse(v.Text("totalSize")));
        Touch(body, work, "finishTimestamp");
        Touch(body, work);
    }

    /// <summary>Every row of the Applications stage says the same.</summary>
    public static void EnterApplications(JsonObject body) => SetStatus(body, "Applications", "InProgress", InProgress);

    public static void AddFinalizer(JsonObject typed) => typed["metadata"]!["finalizers"] =
        KubernetesJson.ArrayOf(typed.Items("metadata", "finalizers").Select(f => f.ToString()).Append(StorkResources.Finalizer));

    /// <summary>After a write go on at once; after one that was dropped look again later.</summary>
    public static double Next(bool written) => written ? 0 : Requeue;

    private static void Trigger(StorkWork work, JsonObject typed)
    {
        var spec = typed.Child("spec");
        if (spec.Text("reclaimPolicy").Length == 0) spec["reclaimPolicy"] = "Delete";
        if (spec.Text("namespaceSelector") is { Length: > 0 } selector)
        {
            var found = BackupSelection.NamespacesOf(work.Store, selector);
            spec["namespaces"] = found.Count == 0 ? null : KubernetesJson.ArrayOf(found);
        }

        typed.Child("status")["triggerTimestamp"] = typed.Text("metadata", "creationTimestamp");
    }

    public static void ListResources(StorkWork work, JsonObject typed, IReadOnlyList<SelectedResource> selected)
    {
        var status = typed.Child("status");
        status["resourceCount"] = selected.Count;
        status["resources"] = new JsonArray([.. selected.Select(r => (JsonNode)TypedResource.Element("ApplicationBackupResourceInfo",
            ("name", r.Item.Name), ("namespace", r.Item.Namespace), ("group", r.Type.Group.Length == 0 ? "core" : r.Type.Group), ("version", r.Type.Version), ("kind", r.Type.Kind)))]);
        if (System.Text.Encoding.UTF8.GetByteCount(typed.ToJsonString(KubernetesJson.Compact)) <= StorkConfig.LargeResourceLimit(work.Store)) return;
        status["resources"] = new JsonArray();
        status["largeResourceEnabled"] = true;
    }
}
