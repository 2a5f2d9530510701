using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>What Stork checks before a backup begins. Some mistakes end the backup, others leave it where it is for ever, with an Event each time.</summary>
internal static class BackupChecks
{
    /// <summary>Seconds to wait when the backup names namespaces that only one in the admin namespace may name (checked before anything else), else null.</summary>
    public static double? ForeignNamespace(StorkWork work, JsonObject body)
    {
        var ns = body.Text("metadata", "namespace");
        if (ns == StorkConfig.AdminNamespace(work.Store) || ns == "kube-system" || body.Items("spec", "namespaces").All(n => n.ToString() == ns)) return null;
        work.Warn(body, "Spec.Namespaces should only contain the current namespace");
        return BackupLife.Requeue;
    }

    /// <summary>Seconds to wait when the backup cannot begin (0 after it was failed), null when it can.</summary>
    public static async Task<double?> RefuseAsync(StorkWork work, JsonObject body)
    {
        if (MissingRule(work, body, "preExecRule") is { } pre) return Stay($"Error getting PreExecRule {body.Text("spec", "preExecRule")}: {pre}");
        // The recorded message names the pre rule here, which is why it reads as if the name were missing.
        if (MissingRule(work, body, "postExecRule") is { } post) return Stay($"Error getting PostExecRule {body.Text("spec", "preExecRule")}: {post}");

        if (body.Text("spec", "backupObjectType") is not ("" or "All" or "VirtualMachine"))
        {
            const string Text = "backup Object Type value is invalid. Allowed value is either All or VirtualMachine";
            return await FailAsync("Error validating parameters: " + Text, Text);
        }

        foreach (var name in body.Items("spec", "namespaces").Select(n => n.ToString()))
        {
            if (work.Store.Find(BuiltInResources.Namespaces, "", name) is not null) continue;
            var text = $"namespaces \"{name}\" not found";
            return await FailAsync($"Error checking for namespace {name}: {text}", $"error getting namespace {name}: {text}");
        }

        return null;

        double Stay(string message)
        {
            work.Warn(body, message);
            return BackupLife.Requeue;
        }

        async Task<double?> FailAsync(string reason, string message)
        {
            work.Warn(body, message);
            return BackupLife.Next(await work.WriteAsync(body, 0.1, typed =>
            {
                BackupLife.SetStatus(typed, "Final", "Failed", reason);
                BackupLife.Touch(typed, work, "finishTimestamp");
                BackupLife.Touch(typed, work);
            }));
        }
    }

    private static string? MissingRule(StorkWork work, JsonObject body, string field)
    {
        var name = body.Text("spec", field);
        return name.Length == 0 || work.Store.Find(StorkResources.Rules, body.Text("metadata", "namespace"), name) is not null ? null : Refusals.NotFound(StorkResources.Rules, name).Message;
    }
}
