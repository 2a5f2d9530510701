using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>One page of a list: the objects, the version they stand for and where the next page starts.</summary>
internal sealed record ListPage(IReadOnlyList<StoredObject> Items, long Version, string? NextKey, int Remaining);

/// <summary>Lists at a version, and reads of what changed after one.</summary>
internal sealed partial class ClusterStore
{
    /// <summary>Objects as they were at the version (now when 0), after the key, at most so many.</summary>
    /// <exception cref="KubernetesStatusException">410: the version was compacted; 504: it lies in the future.</exception>
    public ListPage Page(ResourceType type, string ns, long version, string afterKey, int limit, Func<StoredObject, bool> matches)
    {
        lock (_gate)
        {
            var table = Table(type);
            if (version > _version) throw Refusals.VersionTooLarge(version, _version);
            if (version > 0 && version < table.Compacted) throw Refusals.ContinueExpired();
            var at = version == 0 ? _version : version;
            var all = AsOf(table, at).Where(o => (ns.Length == 0 || o.Namespace == ns) && string.CompareOrdinal(o.Key, afterKey) > 0 && matches(o)).ToList();
            if (limit <= 0 || all.Count <= limit) return new ListPage(all, at, null, 0);
            return new ListPage(all[..limit], at, all[limit - 1].Key, all.Count - limit);
        }
    }

    public WatchSignal Join(ResourceType type)
    {
        var signal = new WatchSignal();
        lock (_gate) Table(type).Join(signal);
        return signal;
    }

    public void Leave(ResourceType type, WatchSignal signal)
    {
        lock (_gate) Table(type).Leave(signal);
        signal.Dispose();
    }

    /// <summary>The changes after a version and the version that the reader then stands at.</summary>
    /// <exception cref="KubernetesStatusException">410: some of them were compacted.</exception>
    public (IReadOnlyList<Change> Changes, long Version) ChangesAfter(ResourceType type, long version)
    {
        lock (_gate)
        {
            var table = Table(type);
            if (version < table.Compacted) throw Refusals.Expired(version, table.Compacted);
            // Newest last: walk back, watches are nearly always at the end.
            var first = table.Changes.Count;
            while (first > 0 && table.Changes[first - 1].Version > version) first--;
            return (table.Changes.GetRange(first, table.Changes.Count - first), Math.Max(version, _version));
        }
    }

    /// <summary>Forgets the past of every resource: watches and continue tokens older than now get 410.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            foreach (var table in _tables.Values) table.Compact(_version);
        }
    }

    /// <summary>A picture of everything, as an etcd snapshot.</summary>
    public JsonObject Snapshot()
    {
        lock (_gate)
        {
            var tables = new JsonObject();
            foreach (var table in _tables.Values)
                tables[$"{table.Type.Group}/{table.Type.Version}/{table.Type.Plural}"] = new JsonArray([.. table.Objects.Values.Select(o => (JsonNode)o.Body())]);
            return new JsonObject { ["version"] = _version, ["tables"] = tables };
        }
    }

    /// <summary>Puts a picture back: the resource version goes backwards, as when etcd is restored from a backup.</summary>
    public void Restore(JsonObject snapshot)
    {
        lock (_gate)
        {
            foreach (var (path, rows) in snapshot.Child("tables").OrderByDescending(t => t.Key.Contains("customresourcedefinitions", StringComparison.Ordinal)))
            {
                var steps = path.Split('/');
                if (TypeOf(steps[0], steps[1], steps[2]) is not { } type) continue;
                var table = Table(type);
                table.Objects.Clear();
                foreach (var body in rows.Items().Select(r => r.AsObject()))
                {
                    var stored = StoredObject.From(body.Copy(), long.Parse(body.Text("metadata", "resourceVersion")));
                    table.Objects[stored.Key] = stored;
                    if (type == BuiltInResources.Definitions) Define(body);
                }
            }

            foreach (var table in _tables.Values)
            {
                if (snapshot.At("tables", $"{table.Type.Group}/{table.Type.Version}/{table.Type.Plural}") is null) Seed(table);   // First used after the picture was taken.
                table.Forget();
            }

            _version = long.Parse(snapshot.Text("version"));
        }
    }

    private static SortedDictionary<string, StoredObject>.ValueCollection AsOf(ResourceTable table, long version)
    {
        if (table.Changes.Count == 0 || table.Changes[^1].Version <= version) return table.Objects.Values;
        var past = new SortedDictionary<string, StoredObject>(table.Objects, StringComparer.Ordinal);
        for (var i = table.Changes.Count - 1; i >= 0 && table.Changes[i].Version > version; i--)
        {
            if (table.Changes[i].Before is { } before) past[before.Key] = before;
            else past.Remove(table.Changes[i].After.Key);
        }

        return past.Values;
    }
}
