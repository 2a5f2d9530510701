using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Writes Events as client-go's recorder: the same message counts up, from the tenth different one on they are combined.</summary>
internal sealed class StorkEvents(ClusterStore store)
{
    /// <summary>client-go's aggregator combines after this many different messages.</summary>
    private const int DistinctMessages = 10;

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _messages = new(StringComparer.Ordinal);

    public void Warn(JsonObject about, string message) => Record(about, "Warning", "Failed", message);

    public void Record(JsonObject about, string type, string reason, string message)
    {
        string key;
        lock (_names)
        {
            var group = $"{about.Text("metadata", "uid")}/{type}/{reason}";
            if (!_messages.TryGetValue(group, out var seen)) _messages[group] = seen = new(StringComparer.Ordinal);
            var combined = seen.Add(message) ? seen.Count >= DistinctMessages : seen.Count >= DistinctMessages && !_names.ContainsKey($"{group}/{message}");
            if (combined) message = "(combined from similar events): " + message;
            key = combined ? group + "/combined" : $"{group}/{message}";
        }

        try
        {
            Write(about, type, reason, message, key);
        }
        catch (KubernetesStatusException) when (store.Find(BuiltInResources.Namespaces, "", about.Text("metadata", "namespace")) is null)
        {
            // The object's namespace is gone: its events have no place any more.
        }
    }

    private void Write(JsonObject about, string type, string reason, string message, string key)
    {
        var ns = about.Text("metadata", "namespace");
        var now = store.Clock.GetUtcNow();
        string? known;
        lock (_names) known = _names.GetValueOrDefault(key);
        if (known is not null && store.Find(BuiltInResources.Events, ns, known)?.Body() is { } body)
        {
            body["count"] = int.Parse(body.Text("count")) + 1;
            body["lastTimestamp"] = KubernetesJson.Stamp(now);
            body["message"] = message;
            store.Replace(BuiltInResources.Events, ns, known, body, SimulatedStork.Caller);
            return;
        }

        var name = $"{about.Text("metadata", "name")}.{now.ToUnixTimeMilliseconds() * 1_000_000 + Random.Shared.Next(1_000_000):x16}";
        store.Create(BuiltInResources.Events, ns, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns },
            ["involvedObject"] = new JsonObject
            {
                ["kind"] = about.Text("kind"), ["namespace"] = ns, ["name"] = about.Text("metadata", "name"), ["uid"] = about.Text("metadata", "uid"),
                ["apiVersion"] = about.Text("apiVersion"), ["resourceVersion"] = about.Text("metadata", "resourceVersion"),
            },
            ["reason"] = reason, ["message"] = message, ["source"] = new JsonObject { ["component"] = "stork" },
            ["firstTimestamp"] = KubernetesJson.Stamp(now), ["lastTimestamp"] = KubernetesJson.Stamp(now), ["count"] = 1, ["type"] = type,
            ["eventTime"] = null, ["reportingComponent"] = "", ["reportingInstance"] = "",
        }, SimulatedStork.Caller);
        lock (_names) _names[key] = name;
    }
}
