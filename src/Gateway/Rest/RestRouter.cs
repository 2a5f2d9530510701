namespace PxBackup.Gateway.Rest;

/// <summary>
/// Finds the route of a path: a tree of segments for each verb. Both the literal and the parameter branch are followed, because the
/// first registered pattern answers, not the most literal one.
/// </summary>
internal sealed class RestRouter
{
    private readonly Dictionary<string, Node> _roots = new(StringComparer.Ordinal);

    public RestRouter(IEnumerable<RestRoute> routes)
    {
        foreach (var route in routes)
        {
            if (!_roots.TryGetValue(route.Verb, out var node))
                _roots.Add(route.Verb, node = new Node());
            foreach (var segment in route.Segments)
                node = node.Add(segment);
            // Two routes with the same shape: the later one can never answer over REST.
            node.Route ??= route;
        }
    }

    /// <summary>The route for the verb and the segments of the path, decoded; null when there is none.</summary>
    public RestRoute? Find(string verb, ReadOnlySpan<string> segments) =>
        _roots.TryGetValue(verb, out var root) ? root.Find(segments) : null;

    /// <summary>Tells whether any verb knows the path.</summary>
    public bool KnowsPath(ReadOnlySpan<string> segments)
    {
        foreach (var root in _roots.Values)
            if (root.Find(segments) is not null)
                return true;
        return false;
    }

    private sealed class Node
    {
        private readonly Dictionary<string, Node> _literals = new(StringComparer.Ordinal);
        private Node? _parameter;

        public RestRoute? Route { get; set; }

        public Node Add(string segment)
        {
            if (RestRoute.IsParameter(segment))
                return _parameter ??= new Node();
            if (!_literals.TryGetValue(segment, out var next))
                _literals.Add(segment, next = new Node());
            return next;
        }

        public RestRoute? Find(ReadOnlySpan<string> segments)
        {
            if (segments.IsEmpty)
                return Route;

            var literal = _literals.TryGetValue(segments[0], out var next) ? next.Find(segments[1..]) : null;
            var parameter = _parameter?.Find(segments[1..]);
            return literal is null || (parameter is not null && parameter.Order < literal.Order) ? parameter : literal;
        }
    }
}
