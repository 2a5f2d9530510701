using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>What the namespace and service account controllers do.</summary>
internal sealed partial class ClusterStore
{
    private const string System = "system:kube-controller-manager";

    private void RequireNamespace(ResourceType type, string ns, string name)
    {
        var found = Table(BuiltInResources.Namespaces).Objects.GetValueOrDefault(StoredObject.KeyOf("", ns)) ?? throw Refusals.NotFound(BuiltInResources.Namespaces, ns);
        if (found.Deleting && type != BuiltInResources.Events) throw Refusals.Terminating(type, name, ns);
    }

    private void AfterCreate(ResourceType type, StoredObject created, string caller)
    {
        if (type == BuiltInResources.Definitions) Define(created.Body());
        if (type != BuiltInResources.Namespaces || caller == System) return;
        foreach (var (kind, body) in Defaults.OfNamespace(created.Name)) Create(kind, created.Name, body, System);
    }

    private (StoredObject Last, bool Gone) DeleteNamespace(ResourceTable table, StoredObject before, JsonObject body, string caller)
    {
        if (before.Deleting) return (before, false);
        ObjectRules.MarkDeleting(body, clock.GetUtcNow());
        body.Child("status")["phase"] = "Terminating";
        var terminating = Commit(table, Change.Modified, before, body, "delete", caller);
        // Every resource, also those that nobody asked for so far: their seeded objects must not turn up afterwards.
        foreach (var other in Types.Where(t => t.Namespaced).Select(Table).ToList())
        {
            foreach (var item in other.Objects.Values.Where(o => o.Namespace == before.Name).ToList()) Delete(other.Type, item.Namespace, item.Name, System);
        }

        return (FinishNamespace(before.Name) ?? terminating, false);
    }

    private void AfterRemove(ResourceType type, StoredObject removed, string caller)
    {
        if (type == BuiltInResources.Definitions) Undefine(removed.Body(), caller);
        if (type.Namespaced) FinishNamespace(removed.Namespace);
    }

    /// <summary>A terminating namespace goes once nothing (with a finalizer) is left in it.</summary>
    private StoredObject? FinishNamespace(string name)
    {
        var table = Table(BuiltInResources.Namespaces);
        if (!table.Objects.TryGetValue(StoredObject.KeyOf("", name), out var ns) || !ns.Deleting) return null;
        if (_tables.Values.Any(t => t.Type.Namespaced && t.Objects.Values.Any(o => o.Namespace == name))) return null;
        return Remove(table, ns, System);
    }
}
