using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>The paths that tell a client what the server is and serves.</summary>
internal static class Discovery
{
    public static JsonNode? Answer(SimulatedCluster cluster, string[] path) => path switch
    {
        ["version"] => Version(cluster),
        ["healthz" or "livez" or "readyz"] => JsonValue.Create("ok"),
        ["api"] => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") },
        ["apis"] => Groups(cluster.Store),
        ["apis", var group] => Group(cluster.Store, group),
        ["api", "v1"] => Resources(cluster.Store, "", "v1"),
        ["apis", var group, var version] => Resources(cluster.Store, group, version),
        [] => new JsonObject { ["paths"] = new JsonArray("/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version") },
        _ => null,
    };

    private static JsonObject Version(SimulatedCluster cluster)
    {
        var parts = cluster.KubernetesVersion.TrimStart('v').Split('.');
        return new JsonObject
        {
            ["major"] = parts[0], ["minor"] = parts[1], ["gitVersion"] = cluster.KubernetesVersion, ["gitCommit"] = "", ["gitTreeState"] = "clean",
            ["buildDate"] = "2026-01-01T00:00:00Z", ["goVersion"] = "", ["compiler"] = "gc", ["platform"] = "linux/amd64",
        };
    }

    private static JsonObject Groups(ClusterStore store) => new()
    {
        ["kind"] = "APIGroupList", ["apiVersion"] = "v1",
        ["groups"] = new JsonArray([.. Served(store).Append(new("authorization.k8s.io", "v1")).Where(g => g.Group.Length > 0).GroupBy(g => g.Group).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => (JsonNode)GroupOf(g.Key, g.Select(v => v.Version).Distinct()))]),
    };

    private static JsonObject? Group(ClusterStore store, string name)
    {
        var versions = Served(store).Where(g => g.Group == name && name.Length > 0).Select(g => g.Version).Distinct().ToList();
        if (versions.Count == 0) return null;
        var group = GroupOf(name, versions);
        group["kind"] = "APIGroup";
        group["apiVersion"] = "v1";
        return group;
    }

    private static JsonObject GroupOf(string name, IEnumerable<string> versions)
    {
        var list = versions.Select(v => new JsonObject { ["groupVersion"] = $"{name}/{v}", ["version"] = v }).ToList();
        return new JsonObject { ["name"] = name, ["versions"] = new JsonArray([.. list]), ["preferredVersion"] = list[0].DeepClone() };
    }

    private static JsonObject? Resources(ClusterStore store, string group, string version)
    {
        var types = store.Types.Where(t => t.Group == group && t.Version == version).OrderBy(t => t.Plural, StringComparer.Ordinal).ToList();
        if (types.Count == 0) return null;
        return new JsonObject
        {
            ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = new JsonArray([.. types.Select(t => (JsonNode)new JsonObject
            {
                ["name"] = t.Plural, ["singularName"] = t.Kind.ToLowerInvariant(), ["namespaced"] = t.Namespaced, ["kind"] = t.Kind,
                ["verbs"] = new JsonArray("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),
            })]),
        };
    }

    private static IEnumerable<(string Group, string Version)> Served(ClusterStore store) => store.Types.Select(t => (t.Group, t.Version));
}
