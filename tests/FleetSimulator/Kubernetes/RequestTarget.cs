namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>What a resource path names.</summary>
internal sealed record RequestTarget(ResourceType Type, string Namespace, string Name, string Subresource)
{
    /// <summary>Reads <c>/api/v1/…</c> and <c>/apis/GROUP/VERSION/…</c>; null when no such resource is served.</summary>
    public static RequestTarget? Parse(ClusterStore store, string[] segments)
    {
        var core = segments[0] == "api";
        var prefix = core ? 2 : 3;
        if (segments.Length <= prefix) return null;
        var (group, version) = core ? ("", segments[1]) : (segments[1], segments[2]);
        var rest = segments.AsSpan(prefix);
        // "namespaces/NS/PLURAL" is a namespaced resource, "namespaces/NS[/status|finalize]" the namespace itself.
        if (rest[0] == "namespaces" && rest.Length >= 3 && rest[2] is not ("status" or "finalize"))
        {
            if (store.TypeOf(group, version, rest[2]) is not { Namespaced: true } type || rest.Length > 5) return null;
            return new RequestTarget(type, rest[1], rest.Length > 3 ? rest[3] : "", rest.Length > 4 ? rest[4] : "");
        }

        if (store.TypeOf(group, version, rest[0]) is not { } wide || rest.Length > 3) return null;
        if (wide.Namespaced && rest.Length > 1) return null;
        return new RequestTarget(wide, "", rest.Length > 1 ? rest[1] : "", rest.Length > 2 ? rest[2] : "");
    }
}
