namespace PxBackup.Stork;

/// <summary>The kinds of Kubernetes and OpenShift that Stork collects (FACTS §2). It collects no others of them, HorizontalPodAutoscaler and Pod among them.</summary>
public static class CollectedKinds
{
    /// <summary>The kind that a backup takes only when no kinds are named, and a restore only when it is named.</summary>
    public const string Job = "Job";

    /// <summary>The kind whose owned objects a backup takes as well as soon as kinds are named.</summary>
    public const string ReplicaSet = "ReplicaSet";

    /// <summary>The kind without which no volume is backed up.</summary>
    public const string Claim = "PersistentVolumeClaim";

    /// <summary>Kinds by API group; the core group is empty.</summary>
    public static IReadOnlyDictionary<string, string[]> ByGroup { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        [""] = [Claim, "PersistentVolume", "ConfigMap", "Service", "Secret", "ServiceAccount", "ResourceQuota", "LimitRange", "Endpoints"],
        ["apps"] = ["Deployment", "StatefulSet", "DaemonSet", ReplicaSet],
        ["batch"] = ["CronJob", Job],
        ["networking.k8s.io"] = ["Ingress", "NetworkPolicy"],
        ["extensions"] = ["Ingress"],
        ["policy"] = ["PodDisruptionBudget"],
        ["rbac.authorization.k8s.io"] = ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
        ["admissionregistration.k8s.io"] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        ["scheduling.k8s.io"] = ["PriorityClass"],
        ["apps.openshift.io"] = ["DeploymentConfig"],
        ["image.openshift.io"] = ["ImageStream"],
        ["route.openshift.io"] = ["Route"],
        ["template.openshift.io"] = ["Template"],
    };

    /// <summary>All of them, each once.</summary>
    public static IReadOnlyCollection<string> All { get; } = [.. ByGroup.Values.SelectMany(kinds => kinds).Distinct()];

    /// <summary>The group that a built-in kind is in; null when it is in more than one, or none of these.</summary>
    public static string? GroupOf(string kind) => ByGroup.Where(group => group.Value.Contains(kind)).Select(group => group.Key).ToArray() is [var only] ? only : null;
}
