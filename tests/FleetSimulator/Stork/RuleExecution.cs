using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Runs the rule of a backup in the pods of its namespaces; no command is really run.</summary>
internal static class RuleExecution
{
    /// <summary>A command that cannot be run is tried 12 times, 5 s apart (recorded: 57 s from the row to the failure).</summary>
    private const double CommandTimeout = 57;

    /// <summary>Null when all went well or no pod matched, else the error as Stork words it.</summary>
    public static async Task<string?> RunAsync(StorkWork work, JsonObject body, string field, string what, bool background)
    {
        var ns = body.Text("metadata", "namespace");
        var name = body.Text("spec", field);
        if (name.Length == 0 || work.Store.Find(StorkResources.Rules, ns, name)?.Body() is not { } rule) return null;
        foreach (var target in body.Items("spec", "namespaces").Select(n => n.ToString()))
        {
            foreach (var item in rule.Items("rules"))
            {
                if (await RunAsync(work, item, target, $"[{ns}] {name}", background) is { } failure) return $"error executing {what} for namespace {target}: {failure}";
            }
        }

        return null;
    }

    private static async Task<string?> RunAsync(StorkWork work, JsonNode item, string ns, string rule, bool background)
    {
        foreach (var action in item.Items("actions"))
        {
            if (action.Text("type") != "command") return $"unsupported action type: {action.Text("type")} in rule: {rule}";
            if (action.Flag("background") && !background) return "background actions are not supported for post exec rules";
        }

        var selector = item.Map("podSelector");
        var pod = work.Store.List(BuiltInResources.Pods, ns).FirstOrDefault(p => selector.All(s => p.Labels?.GetValueOrDefault(s.Key) == s.Value));
        if (pod is null || !work.Run.Faults.RuleCommandsFail) return null;
        await work.PauseAsync(CommandTimeout);
        return $"command: {item.Items("actions").First().Text("value")} failed in pod: [{ns}] {pod.Name} due to: timed out waiting for the condition";
    }
}
