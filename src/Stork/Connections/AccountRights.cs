using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Where a right of the account holds.</summary>
public enum RightScope
{
    /// <summary>The namespace in which Stork takes resources for several namespaces.</summary>
    AdminNamespace,

    /// <summary>The namespace in which Stork runs and keeps its settings.</summary>
    StorkNamespace,

    /// <summary>The whole cluster.</summary>
    Cluster,
}

/// <summary>A rule of <c>deploy/application-cluster/rbac.yaml</c>.</summary>
public sealed record GrantedRight
{
    /// <summary>The Role or ClusterRole that gives it, such as <c>Role pxbackup</c>.</summary>
    public required string Role { get; init; }

    /// <summary>Where it holds.</summary>
    public required RightScope Scope { get; init; }

    /// <summary>API group; empty for the core group.</summary>
    public required string Group { get; init; }

    /// <summary>Plural of the kind.</summary>
    public required string Resource { get; init; }

    /// <summary>Names that it is limited to; empty for all.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Verbs.</summary>
    public required IReadOnlyList<string> Verbs { get; init; }

    /// <summary>Without it the cluster is not used at all; the others only make something unknown.</summary>
    public bool IsRequired { get; init; }
}

/// <summary>The rights that this product uses on a cluster, all of them and no others: tests compare them with the calls that are made and with rbac.yaml.</summary>
public static class AccountRights
{
    /// <summary>The file that gives them.</summary>
    public const string File = "deploy/application-cluster/rbac.yaml";

    private const string StorkGroup = "stork.libopenstorage.org";

    private static readonly string[] Placed = ["get", "create", "patch", "delete"];

    /// <summary>All of them, in the file's order.</summary>
    public static IReadOnlyList<GrantedRight> All { get; } =
    [
        InAdminNamespace(StorkGroup, "applicationbackups", ["get", "list", "watch", "create", "patch", "delete"]),
        InAdminNamespace(StorkGroup, "applicationrestores", ["get", "list", "watch", "create", "delete"]),
        InAdminNamespace(StorkGroup, "backuplocations", Placed),
        InAdminNamespace("", "secrets", Placed),
        InAdminNamespace("", "events", ["list"]),
        OfStork("", "configmaps", "stork-controller-config", "stork-version"),
        OfStork("coordination.k8s.io", "leases", "stork"),
        OfStork("apps", "deployments", "stork"),
        InCluster("", "namespaces", "list") with { IsRequired = true },
        InCluster("", "namespaces", "get") with { Names = ["kube-system"] },
        InCluster(StorkGroup, "applicationregistrations", "list"),
    ];

    /// <summary>What gives the right that a call lacked, for a person: <c>Role pxbackup in namespace kube-system</c>; empty when no file of ours gives it.</summary>
    public static string Giver(KubernetesRight right)
    {
        foreach (var granted in All)
        {
            if (granted.Group == right.Group && granted.Resource == right.Resource && granted.Verbs.Contains(right.Verb) && (granted.Names.Count == 0 || granted.Names.Contains(right.Name)))
                return granted.Scope == RightScope.Cluster ? granted.Role : $"{granted.Role} in namespace {right.Namespace}";
        }

        return "";
    }

    private static GrantedRight InAdminNamespace(string group, string resource, string[] verbs) =>
        new() { Role = "Role pxbackup", Scope = RightScope.AdminNamespace, Group = group, Resource = resource, Verbs = verbs, IsRequired = true };

    private static GrantedRight OfStork(string group, string resource, params string[] names) =>
        new() { Role = "Role pxbackup-stork-settings", Scope = RightScope.StorkNamespace, Group = group, Resource = resource, Names = names, Verbs = ["get"] };

    private static GrantedRight InCluster(string group, string resource, string verb) =>
        new() { Role = "ClusterRole pxbackup", Scope = RightScope.Cluster, Group = group, Resource = resource, Verbs = [verb] };
}

/// <summary>What a call needs, in the words of Kubernetes' RBAC.</summary>
public readonly record struct KubernetesRight
{
    /// <summary>Such as <c>create</c>.</summary>
    public required string Verb { get; init; }

    /// <summary>API group; empty for the core group.</summary>
    public required string Group { get; init; }

    /// <summary>Plural of the kind.</summary>
    public required string Resource { get; init; }

    /// <summary>Namespace; empty for the whole cluster.</summary>
    public required string Namespace { get; init; }

    /// <summary>Name; empty for lists and creates.</summary>
    public required string Name { get; init; }

    /// <summary>The right that a request needs; null for paths that are no resource, which RBAC treats by the path.</summary>
    public static KubernetesRight? Of(HttpMethod method, string path)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(path);
        var query = path.IndexOf('?', StringComparison.Ordinal);
        var parts = (query < 0 ? path : path[..query]).Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, rest) = parts switch
        {
            ["api", _, .. var core] => ("", core),
            ["apis", var name, _, .. var grouped] => (name, grouped),
            _ => ("", []),
        };
        var space = "";
        if (rest is ["namespaces", var inside, _, ..])
            (space, rest) = (inside, rest[2..]);
        if (rest is not [var resource, .. var named])
            return null;
        var isWatch = query >= 0 && path.AsSpan(query).Contains("watch=true", StringComparison.Ordinal);
        return new KubernetesRight
        {
            Verb = method == HttpMethod.Get ? (named.Length > 0 ? "get" : isWatch ? "watch" : "list")
                : method == HttpMethod.Post ? "create" : method == HttpMethod.Patch ? "patch" : method == HttpMethod.Delete ? "delete" : "update",
            Group = group,
            Resource = resource,
            Namespace = space,
            Name = named is [var one, ..] ? Uri.UnescapeDataString(one) : "",
        };
    }

    /// <summary>Such as <c>create secrets in namespace kube-system</c>.</summary>
    public override string ToString() =>
        $"{Verb} {Resource}{(Group.Length == 0 ? "" : "." + Group)}{(Name.Length == 0 ? "" : $" {Name}")}{(Namespace.Length == 0 ? "" : $" in namespace {Namespace}")}";
}
