using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>One object that a backup takes.</summary>
internal sealed record SelectedResource(ResourceType Type, StoredObject Item);

/// <summary>Which objects of the cluster belong to a backup.</summary>
internal static class BackupSelection
{
    private static readonly HashSet<string> SystemNamespaces = ["kube-system", "kube-public", "kube-node-lease"];

    /// <summary>Kinds in the recorded order. Not taken: HorizontalPodAutoscaler, Pod, Lease, Event and everything else.</summary>
    private static readonly string[] Kinds =
    [
        "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota", "LimitRange", "Secret", "Service", "Endpoints", "ConfigMap", "ServiceAccount", "StatefulSet", "Deployment", "DaemonSet", "ReplicaSet",
        "CronJob", "Job", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole",
        "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
    ];

    private static readonly HashSet<string> SkippedNames =
        ["ConfigMap/kube-root-ca.crt", "ConfigMap/openshift-service-ca.crt", "ServiceAccount/default", "ServiceAccount/builder", "ServiceAccount/deployer", "Service/kubernetes"];

    private static readonly string[] SkippedSecrets = ["default-token-", "builder-token-", "deployer-token-", "builder-dockercfg-", "default-dockercfg-", "deployer-dockercfg-"];

    /// <summary>What <c>*</c> stands for: all but the system's namespaces.</summary>
    public static IReadOnlyList<string> Everything(ClusterStore store) => [.. store.List(BuiltInResources.Namespaces).Select(n => n.Name).Where(n => !SystemNamespaces.Contains(n))];

    public static IReadOnlyList<string> NamespacesOf(ClusterStore store, string selector)
    {
        var labels = LabelSelector.Parse(selector);
        return [.. store.List(BuiltInResources.Namespaces).Where(n => labels.Matches(n.Labels)).Select(n => n.Name)];
    }

    public static IReadOnlyList<SelectedResource> Collect(ClusterStore store, JsonObject backup)
    {
        var namespaces = backup.Items("spec", "namespaces").Select(n => n.ToString()).ToHashSet();
        var types = backup.Items("spec", "resourceTypes").Select(t => t.ToString()).ToHashSet();
        var failed = backup.Items("status", "volumes").Where(v => v.Text("status") == "Failed").ToList();
        var selected = new List<SelectedResource>();
        foreach (var type in Collected(store))
        {
            // Recorded: with a list of kinds no Job is taken, whether the list names it or not.
            if (types.Count > 0 && (type == BuiltInResources.Jobs || !types.Contains(type.Kind))) continue;
            foreach (var item in store.List(type))
            {
                if (type.Namespaced ? namespaces.Contains(item.Namespace) : BelongsTo(type, item.Body(), namespaces)) selected.Add(new SelectedResource(type, item));
            }
        }

        var kinds = selected.Select(s => s.Type.Kind).ToHashSet();
        // Recorded: with a list of kinds the ReplicaSets of Deployments are taken, too: nobody asks then who owns them.
        if (types.Count > 0) kinds.Clear();
        return [.. selected.Where(s => Takes(backup, s, kinds) && !failed.Exists(v => s.Type == BuiltInResources.Claims
            ? v.Text("persistentVolumeClaim") == s.Item.Name && v.Text("namespace") == s.Item.Namespace : s.Type == BuiltInResources.Volumes && v.Text("volume") == s.Item.Name))];
    }

    /// <summary>The bound claims whose data is backed up.</summary>
    public static IEnumerable<StoredObject> Claims(ClusterStore store, JsonObject backup) =>
        Collect(store, backup).Where(s => s.Type == BuiltInResources.Claims && s.Item.Body().Text("status", "phase") == "Bound").Select(s => s.Item);

    private static IEnumerable<ResourceType> Collected(ClusterStore store)
    {
        var types = store.Types;
        var builtIn = Kinds.SelectMany(kind => types.Where(t => t.Kind == kind && !t.Custom));
        // Custom resources of others: Stork registers every definition it sees. Its own are no application's.
        return builtIn.Concat(types.Where(t => t.Custom && t.Namespaced && t.Group is not (StorkResources.Group or "kdmp.portworx.com")));
    }

    private static bool Takes(JsonObject backup, SelectedResource selected, HashSet<string> kinds)
    {
        var (type, item) = selected;
        if (SkippedNames.Contains($"{type.Kind}/{item.Name}") || item.Name.StartsWith("system:", StringComparison.Ordinal)) return false;
        var body = item.Body();
        var annotations = body.Map("metadata", "annotations");
        if (annotations.GetValueOrDefault("stork.libopenstorage.org/skip-resource") == "true" || annotations.GetValueOrDefault("stork.libopenstorage.org/skipresource") == "true") return false;
        if (type.Kind == "Secret" && (SkippedSecrets.Any(p => item.Name.StartsWith(p, StringComparison.Ordinal)) || body.Text("type") == "kubernetes.io/service-account-token")) return false;
        if (type.Kind == "Endpoints" && annotations.ContainsKey("endpoints.kubernetes.io/last-change-trigger-time")) return false;
        if (type == BuiltInResources.Claims && body.Text("status", "phase") != "Bound") return false;
        if (!annotations.ContainsKey("stork.libopenstorage.org/skip-owner-ref-check") && body.Items("metadata", "ownerReferences").Any(o => kinds.Contains(o.Text("kind")))) return false;
        if (!backup.Map("spec", "selectors").All(s => item.Labels?.GetValueOrDefault(s.Key) == s.Value)) return false;
        return Included(backup.Items("spec", "includeResources").ToList(), type, item);
    }

    /// <summary>Of a backup: a namespace without any entry is taken whole, even when another one has entries.</summary>
    private static bool Included(List<JsonNode> entries, ResourceType type, StoredObject item)
    {
        var own = entries.Where(e => e.Text("namespace") == item.Namespace).ToList();
        return own.Count == 0 ? entries.Count == 0 || item.Namespace.Length > 0 : own.Exists(e => Names(e, type.Group, type.Version, type.Kind, item.Namespace, item.Name));
    }

    /// <summary>Of a restore: what is listed and nothing else, as soon as there is a list (recorded: the two differ).</summary>
    public static bool IsListed(IReadOnlyList<JsonNode> entries, string group, string version, string kind, string ns, string name) =>
        entries.Count == 0 || entries.Any(e => Names(e, group, version, kind, ns, name));

    private static bool Names(JsonNode entry, string group, string version, string kind, string ns, string name) =>
        entry.Text("namespace") == ns && entry.Text("name") == name && entry.Text("kind") == kind && entry.Text("version") == version
        && (entry.Text("group") == group || (group.Length == 0 && entry.Text("group") == "core"));

    /// <summary>Cluster-scoped objects come along when they serve something in the namespaces.</summary>
    private static bool BelongsTo(ResourceType type, JsonObject body, HashSet<string> namespaces) => type.Kind switch
    {
        "PersistentVolume" => namespaces.Contains(body.Text("spec", "claimRef", "namespace")),
        "ClusterRoleBinding" => body.Items("subjects").Any(s => namespaces.Contains(s.Text("namespace"))),
        "ClusterRole" => false,   // Stork takes those of collected bindings only; the clusters simulated here have none of their own.
        _ => body.Items("webhooks").Any(w => namespaces.Contains(w.Text("clientConfig", "service", "namespace"))),
    };
}
