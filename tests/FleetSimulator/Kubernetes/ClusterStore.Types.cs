using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Which resources are served: the built-in ones, Stork's, and those of custom resource definitions made later.</summary>
internal sealed partial class ClusterStore
{
    private static readonly FrozenDictionary<string, ResourceType> Shared =
        BuiltInResources.All.Concat(Stork.StorkResources.All).ToFrozenDictionary(PathOf, StringComparer.Ordinal);

    private Dictionary<string, ResourceType>? _defined;
    private HashSet<string>? _undefined;

    public ResourceType? TypeOf(string group, string version, string plural)
    {
        var path = $"{group}/{version}/{plural}";
        lock (_gate)
        {
            if (_defined?.GetValueOrDefault(path) is { } defined) return defined;
            return _undefined?.Contains(path) == true ? null : Shared.GetValueOrDefault(path);
        }
    }

    public IReadOnlyList<ResourceType> Types
    {
        get
        {
            lock (_gate) return [.. Shared.Where(t => _undefined?.Contains(t.Key) != true).Select(t => t.Value), .. _defined?.Values ?? Enumerable.Empty<ResourceType>()];
        }
    }

    public ResourceType? TypeOfKind(string apiVersion, string kind) => Types.FirstOrDefault(t => t.ApiVersion == apiVersion && t.Kind == kind);

    private void Define(JsonObject definition)
    {
        foreach (var type in TypesOf(definition))
        {
            _undefined?.Remove(PathOf(type));
            if (!Shared.ContainsKey(PathOf(type))) (_defined ??= new(StringComparer.Ordinal))[PathOf(type)] = type;
        }
    }

    private void Undefine(JsonObject definition, string caller)
    {
        foreach (var type in TypesOf(definition))
        {
            // The objects go with their definition, finalizers or not: nobody can serve them any more.
            foreach (var item in Table(type).Objects.Values.ToList()) Remove(Table(type), item, caller);
            _defined?.Remove(PathOf(type));
            if (Shared.ContainsKey(PathOf(type))) (_undefined ??= new(StringComparer.Ordinal)).Add(PathOf(type));
        }
    }

    private static IEnumerable<ResourceType> TypesOf(JsonObject definition) => definition.Items("spec", "versions").Select(version => new ResourceType(
        definition.Text("spec", "group"), version.Text("name"), definition.Text("spec", "names", "plural"), definition.Text("spec", "names", "kind"),
        definition.Text("spec", "scope") == "Namespaced", Custom: true));

    private static string PathOf(ResourceType type) => $"{type.Group}/{type.Version}/{type.Plural}";
}
