using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>
/// What etcd and the API machinery are to a cluster: objects by resource, one resource version counter, optimistic concurrency, finalizers,
/// generations and the changes that watches resume from. Tables (and the objects every cluster starts with) come to be when first used, so that an idle
/// cluster costs next to nothing.
/// </summary>
internal sealed partial class ClusterStore(TimeProvider clock, ClusterLog log, Func<ResourceType, IEnumerable<JsonObject>> seeds)
{
    /// <summary>Version of a cluster that was just set up; seeded objects are older.</summary>
    private const long FirstVersion = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResourceTable> _tables = new(StringComparer.Ordinal);
    private long _version = FirstVersion;

    /// <summary>Called inside the store's lock for every write: must be quick and must not call back.</summary>
    public event Action<Change>? Changed;

    public TimeProvider Clock => clock;

    public ClusterLog Log => log;

    public long Version
    {
        get { lock (_gate) return _version; }
    }

    /// <exception cref="KubernetesStatusException">404.</exception>
    public StoredObject Get(ResourceType type, string ns, string name) => Find(type, ns, name) ?? throw Refusals.NotFound(type, name);

    public StoredObject? Find(ResourceType type, string ns, string name)
    {
        lock (_gate) return Table(type).Objects.GetValueOrDefault(StoredObject.KeyOf(ns, name));
    }

    /// <summary>The objects of one namespace, or of all when it is empty.</summary>
    public IReadOnlyList<StoredObject> List(ResourceType type, string ns = "")
    {
        lock (_gate) return [.. Table(type).Objects.Values.Where(o => ns.Length == 0 || o.Namespace == ns)];
    }

    /// <exception cref="KubernetesStatusException">404, 409, 422, 403 as kube-apiserver.</exception>
    public StoredObject Create(ResourceType type, string ns, JsonObject body, string caller, bool dryRun = false)
    {
        lock (_gate)
        {
            var metadata = body.Child("metadata");
            if (metadata.Text("name").Length == 0 && metadata.Text("generateName") is { Length: > 0 } prefix) metadata["name"] = prefix + Random5();
            var name = metadata.Text("name");
            ObjectRules.CheckName(type, name);
            ObjectRules.CheckLabels(type, name, metadata);
            if (type.Namespaced) RequireNamespace(type, ns, name);
            var table = Table(type);
            if (table.Objects.ContainsKey(StoredObject.KeyOf(ns, name))) throw Refusals.AlreadyExists(type, name);
            ObjectRules.StampNew(type, body, ns, clock.GetUtcNow());
            Defaults.OnCreate(type, body, this);
            if (dryRun) return StoredObject.From(body, _version);
            var stored = Commit(table, Change.Added, null, body, "create", caller);
            AfterCreate(type, stored, caller);
            return stored;
        }
    }

    /// <summary>A full replace, as PUT: the body's resourceVersion, when there is one, must be the stored one.</summary>
    /// <exception cref="KubernetesStatusException">404, 409, 422 as kube-apiserver.</exception>
    public StoredObject Replace(ResourceType type, string ns, string name, JsonObject body, string caller, string subresource = "", string verb = "update")
    {
        lock (_gate)
        {
            var table = Table(type);
            var key = StoredObject.KeyOf(ns, name);
            if (!table.Objects.TryGetValue(key, out var before)) throw Refusals.NotFound(type, name);
            var version = body.Text("metadata", "resourceVersion");
            if (version.Length == 0 && type.Custom) throw Refusals.Invalid(type, name, "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
            if (version.Length > 0 && version != before.Version.ToString()) throw Refusals.Conflict(type, name);
            var uid = body.Text("metadata", "uid");
            if (uid.Length > 0 && uid != before.Uid)
                throw Refusals.Conflict(type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {before.Uid}");
            return Update(table, before, body, caller, subresource, verb);
        }
    }

    /// <summary>A merge patch (RFC 7386), applied to what is stored now.</summary>
    /// <exception cref="KubernetesStatusException">404, 409 when the patch names another resourceVersion, 422.</exception>
    public StoredObject Patch(ResourceType type, string ns, string name, Func<JsonObject, JsonObject> patch, string caller, string subresource = "")
    {
        lock (_gate)
        {
            var table = Table(type);
            if (!table.Objects.TryGetValue(StoredObject.KeyOf(ns, name), out var before)) throw Refusals.NotFound(type, name);
            var after = patch(before.Body());
            if (after.Text("metadata", "resourceVersion") != before.Version.ToString()) throw Refusals.Conflict(type, name);
            if (after.Text("metadata", "uid") != before.Uid) throw Refusals.Conflict(type, name, $"Precondition failed: UID in precondition: {after.Text("metadata", "uid")}, UID in object meta: {before.Uid}");
            return Update(table, before, after, caller, subresource, "patch");
        }
    }

    /// <summary>Deletes, or marks as deleting while there are finalizers. Returns the last state and whether it is gone.</summary>
    /// <exception cref="KubernetesStatusException">404, or 409 when the uid precondition does not hold.</exception>
    public (StoredObject Last, bool Gone) Delete(ResourceType type, string ns, string name, string caller, string uid = "", string version = "")
    {
        lock (_gate)
        {
            var table = Table(type);
            if (!table.Objects.TryGetValue(StoredObject.KeyOf(ns, name), out var before)) throw Refusals.NotFound(type, name);
            if (uid.Length > 0 && uid != before.Uid) throw Refusals.Conflict(type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {before.Uid}");
            if (version.Length > 0 && version != before.Version.ToString())
                throw Refusals.Conflict(type, name, $"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {before.Version}");
            var body = before.Body();
            if (type == BuiltInResources.Namespaces) return DeleteNamespace(table, before, body, caller);
            if (body.At("metadata", "finalizers") is not JsonArray { Count: > 0 }) return (Remove(table, before, caller), true);
            if (before.Deleting) return (before, false);
            ObjectRules.MarkDeleting(body, clock.GetUtcNow());
            return (Commit(table, Change.Modified, before, body, "delete", caller), false);
        }
    }

    private StoredObject Update(ResourceTable table, StoredObject before, JsonObject after, string caller, string subresource, string verb)
    {
        var old = before.Body();
        after = ObjectRules.Reconcile(table.Type, old, after, subresource);
        ObjectRules.CheckLabels(table.Type, before.Name, after.Child("metadata"));
        if (JsonNode.DeepEquals(old, after)) return before;   // Nothing changed: kube-apiserver writes nothing either.
        if (before.Deleting && after.At("metadata", "finalizers") is not JsonArray { Count: > 0 } && table.Type != BuiltInResources.Namespaces)
            return Remove(table, before, caller);
        if (ObjectRules.BumpsGeneration(table.Type, old, after)) after["metadata"]!["generation"] = GenerationOf(old) + 1;
        return Commit(table, Change.Modified, before, after, verb, caller);
    }

    private StoredObject Remove(ResourceTable table, StoredObject before, string caller)
    {
        table.Objects.Remove(before.Key);
        var last = StoredObject.From(before.Body(), ++_version);
        Publish(table, new Change(table.Type, Change.Deleted, before, last, _version, caller), "delete");
        AfterRemove(table.Type, last, caller);
        return last;
    }

    private StoredObject Commit(ResourceTable table, string kind, StoredObject? before, JsonObject body, string verb, string caller)
    {
        var stored = StoredObject.From(body, ++_version);
        table.Objects[stored.Key] = stored;
        Publish(table, new Change(table.Type, kind, before, stored, _version, caller), verb);
        return stored;
    }

    private void Publish(ResourceTable table, Change change, string verb)
    {
        log.Add(change, verb, clock);
        table.Append(change);
        Changed?.Invoke(change);
    }

    private ResourceTable Table(ResourceType type)
    {
        if (_tables.TryGetValue(type.GroupResource, out var table)) return table;
        _tables[type.GroupResource] = table = new ResourceTable(type);
        Seed(table);
        return table;
    }

    private void Seed(ResourceTable table)
    {
        table.Objects.Clear();
        foreach (var seed in seeds(table.Type))
        {
            var stored = StoredObject.From(seed, table.Objects.Count + 1);
            table.Objects[stored.Key] = stored;
        }
    }

    private static long GenerationOf(JsonObject body) => long.TryParse(body.Text("metadata", "generation"), out var generation) ? generation : 0;

    private static string Random5() => Random.Shared.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
}
