namespace PxBackup.Stork.Resources;

/// <summary>How a kind is addressed on a Kubernetes API server.</summary>
public sealed record ResourceType
{
    private const string StorkGroup = "stork.libopenstorage.org";

    private ResourceType(string group, string version, string plural, string kind, bool namespaced)
    {
        Group = group;
        Version = version;
        Plural = plural;
        Kind = kind;
        IsNamespaced = namespaced;
    }

    /// <summary>API group; empty for the core group.</summary>
    public string Group { get; }

    /// <summary>Version.</summary>
    public string Version { get; }

    /// <summary>Plural, lower case, as in the path.</summary>
    public string Plural { get; }

    /// <summary>Kind.</summary>
    public string Kind { get; }

    /// <summary>False for cluster-scoped kinds.</summary>
    public bool IsNamespaced { get; }

    /// <summary>Value of <c>apiVersion</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    internal static ResourceType ApplicationBackup { get; } = Stork("applicationbackups", "ApplicationBackup");

    internal static ResourceType ApplicationRestore { get; } = Stork("applicationrestores", "ApplicationRestore");

    /// <summary>The address of <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException">The type is none of <c>PxBackup.Stork.Resources</c>.</exception>
    public static ResourceType Of<T>() where T : KubernetesResource => Known<T>.Type;

    /// <summary>Path of a collection, or of one object when a name is given.</summary>
    internal string Path(string? resourceNamespace, string? name = null)
    {
        var path = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        if (IsNamespaced && !string.IsNullOrEmpty(resourceNamespace))
            path += $"/namespaces/{ResourceName.Checked(resourceNamespace, "namespace")}";
        path += $"/{Plural}";
        return name is null ? path : $"{path}/{ResourceName.Checked(name, "name")}";
    }

    private static ResourceType Stork(string plural, string kind, bool namespaced = true) =>
        new(StorkGroup, "v1alpha1", plural, kind, namespaced);

    private static ResourceType Core(string plural, string kind, bool namespaced = true) =>
        new("", "v1", plural, kind, namespaced);

    private static class Known<T> where T : KubernetesResource
    {
        public static readonly ResourceType Type = typeof(T).Name switch
        {
            nameof(Resources.ApplicationBackup) => ApplicationBackup,
            nameof(Resources.ApplicationRestore) => ApplicationRestore,
            nameof(StorkBackupLocation) => Stork("backuplocations", "BackupLocation"),
            nameof(StorkRule) => Stork("rules", "Rule"),
            nameof(ApplicationRegistration) => Stork("applicationregistrations", "ApplicationRegistration", namespaced: false),
            nameof(Secret) => Core("secrets", "Secret"),
            nameof(ConfigMap) => Core("configmaps", "ConfigMap"),
            nameof(Namespace) => Core("namespaces", "Namespace", namespaced: false),
            nameof(Event) => Core("events", "Event"),
            nameof(Lease) => new("coordination.k8s.io", "v1", "leases", "Lease", true),
            nameof(Deployment) => new("apps", "v1", "deployments", "Deployment", true),
            nameof(SelfSubjectAccessReview) =>
                new("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
            var other => throw new NotSupportedException($"{other} is not a resource of PxBackup.Stork."),
        };
    }
}

/// <summary>Names as Kubernetes allows them in a path, so that no name can lead to another path.</summary>
internal static class ResourceName
{
    // DNS subdomain names (RFC 1123): at most 253 characters.
    private const int MaxLength = 253;

    public static string Checked(string name, string field) =>
        IsValid(name) ? name : throw new ArgumentException(
            $"The {field} is not a Kubernetes name: lower-case letters, digits, '-' and '.', at most {MaxLength} characters.", field);

    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > MaxLength || !IsEdge(name[0]) || !IsEdge(name[^1]))
            return false;
        foreach (var c in name)
        {
            if (!IsEdge(c) && c is not ('-' or '.'))
                return false;
        }

        return true;
    }

    private static bool IsEdge(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}
