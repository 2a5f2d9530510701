using System.Collections.Concurrent;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator;

/// <summary>
/// The rights that requests to one cluster needed, each once, as <c>get deployments.apps stork in kube-system</c>: names only where RBAC can limit to them and they are
/// not made up by the client. Refused requests count, too.
/// </summary>
public sealed class UsedRights
{
    private static readonly HashSet<string> Named = ["configmaps", "leases", "deployments", "namespaces", "nodes", "serviceaccounts"];
    private ConcurrentDictionary<string, byte>? _used;

    /// <summary>All of them, sorted.</summary>
    public IReadOnlyList<string> All => _used is null ? [] : [.. _used.Keys.Order(StringComparer.Ordinal)];

    internal void Add(string verb, RequestTarget target)
    {
        var name = target.Name.Length > 0 && Named.Contains(target.Type.Plural) ? " " + target.Name : "";
        var place = target.Type.Namespaced ? $" in {(target.Namespace.Length > 0 ? target.Namespace : "all namespaces")}" : "";
        (_used ??= new(StringComparer.Ordinal)).TryAdd($"{verb} {target.Type.GroupResource}{name}{place}", 0);
    }
}
