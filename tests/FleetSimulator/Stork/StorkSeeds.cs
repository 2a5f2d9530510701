using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>What Stork makes when it starts: its definitions, ConfigMaps, default policies and registrations.</summary>
internal static class StorkSeeds
{
    public static IEnumerable<JsonObject> Definitions() => StorkResources.All.Select(type => new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = type.GroupResource, ["generation"] = 1 },
        ["spec"] = new JsonObject
        {
            ["conversion"] = new JsonObject { ["strategy"] = "None" }, ["group"] = type.Group,
            ["names"] = new JsonObject { ["kind"] = type.Kind, ["listKind"] = type.Kind + "List", ["plural"] = type.Plural, ["singular"] = type.Kind.ToLowerInvariant() },
            ["scope"] = type.Namespaced ? "Namespaced" : "Cluster",
            ["versions"] = new JsonArray(new JsonObject
            {
                ["name"] = type.Version, ["schema"] = new JsonObject { ["openAPIV3Schema"] = new JsonObject { ["x-kubernetes-preserve-unknown-fields"] = true } }, ["served"] = true, ["storage"] = true,
            }),
        },
        ["status"] = new JsonObject
        {
            ["acceptedNames"] = new JsonObject { ["kind"] = type.Kind, ["listKind"] = type.Kind + "List", ["plural"] = type.Plural, ["singular"] = type.Kind.ToLowerInvariant() },
            ["conditions"] = new JsonArray(Condition("NamesAccepted", "NoConflicts", "no conflicts found"), Condition("Established", "InitialNamesAccepted", "the initial names have been accepted")),
            ["storedVersions"] = new JsonArray(type.Version),
        },
    });

    public static IEnumerable<JsonObject> ConfigMaps(FleetOptions options)
    {
        yield return Map("stork-version", ("version", options.StorkVersion));
        yield return Map("stork-controller-config", ("admin-ns", "kube-system"), ("service-account", "stork-account"), ("stork-deploy-ns", "kube-system"));
        yield return Map("kdmp-config");
        yield return Map("stork-objlock-config");
    }

    public static IEnumerable<JsonObject> SchedulePolicies()
    {
        yield return Policy("default-interval-policy", "interval", new JsonObject { ["intervalMinutes"] = 15, ["retain"] = 10 });
        yield return Policy("default-daily-policy", "daily", new JsonObject { ["time"] = "12:00am", ["retain"] = 7 });
        yield return Policy("default-weekly-policy", "weekly", new JsonObject { ["day"] = "Sunday", ["time"] = "12:00am", ["retain"] = 4 });
        yield return Policy("default-monthly-policy", "monthly", new JsonObject { ["date"] = 15, ["time"] = "12:00am", ["retain"] = 12 });
        yield return Policy("default-migration-policy", "interval", new JsonObject { ["intervalMinutes"] = 30 });
    }

    /// <summary>A registration for each definition, as Stork makes them by itself.</summary>
    public static IEnumerable<JsonObject> Registrations() => StorkResources.All.Select(type => new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = type.GroupResource.Replace('.', '-') },
        ["resources"] = new JsonArray(new JsonObject { ["group"] = type.Group, ["version"] = type.Version, ["kind"] = type.Kind, ["keepStatus"] = false }),
    });

    /// <summary>Stork's own Deployment and pod: clients look at them for its presence and image.</summary>
    public static IEnumerable<JsonObject> Workloads(ResourceType type)
    {
        if (type.GroupResource is not ("deployments.apps" or "pods")) yield break;
        var body = ClusterSeeds.Named(type.Kind == "Pod" ? "stork-5c9c7b6f4d-x7k2p" : "stork", "kube-system");
        body.Child("metadata")["labels"] = new JsonObject { ["name"] = "stork" };
        var container = new JsonObject { ["name"] = "stork", ["image"] = "openstorage/stork:25.2.0" };
        body["spec"] = type.Kind == "Pod" ? new JsonObject { ["containers"] = new JsonArray(container) } : new JsonObject
        {
            ["replicas"] = 1, ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["name"] = "stork" } },
            ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["name"] = "stork" } }, ["spec"] = new JsonObject { ["containers"] = new JsonArray(container) } },
        };
        body["status"] = type.Kind == "Pod" ? new JsonObject { ["phase"] = "Running" } : new JsonObject { ["replicas"] = 1, ["readyReplicas"] = 1, ["availableReplicas"] = 1 };
        yield return body;
    }

    private static JsonObject Map(string name, params (string Key, string Value)[] entries)
    {
        var map = ClusterSeeds.Named(name, "kube-system");
        map["data"] = new JsonObject([.. entries.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)e.Value))]);
        return map;
    }

    private static JsonObject Policy(string name, string kind, JsonObject rule)
    {
        var policy = new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["policy"] = new JsonObject { ["interval"] = null, ["daily"] = null, ["weekly"] = null, ["monthly"] = null } };
        policy["policy"]![kind] = rule;
        return policy;
    }

    private static JsonObject Condition(string type, string reason, string message) => new()
    {
        ["lastTransitionTime"] = "2026-01-05T08:01:00Z", ["message"] = message, ["reason"] = reason, ["status"] = "True", ["type"] = type,
    };
}
