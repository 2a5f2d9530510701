namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>One served resource: what its objects are called in paths, bodies and errors.</summary>
/// <param name="Group">API group, empty for the core group.</param>
/// <param name="Version">Served version, such as <c>v1alpha1</c>.</param>
/// <param name="Plural">Name in paths, such as <c>applicationbackups</c>.</param>
/// <param name="Kind">Kind in bodies, such as <c>ApplicationBackup</c>.</param>
/// <param name="Namespaced">False for cluster-scoped resources.</param>
/// <param name="Custom">True when a CustomResourceDefinition defines it: no strategic merge patch, no status subresource.</param>
public sealed record ResourceType(string Group, string Version, string Plural, string Kind, bool Namespaced, bool Custom = false)
{
    /// <summary>Name in errors and RBAC: <c>applicationbackups.stork.libopenstorage.org</c>, or <c>secrets</c> in the core group.</summary>
    public string GroupResource { get; } = Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>Value of <c>apiVersion</c> in bodies.</summary>
    public string ApiVersion { get; } = Group.Length == 0 ? Version : $"{Group}/{Version}";
}
