using System.Text.Json;
using System.Text.RegularExpressions;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>A label selector: <c>a=b,c!=d,e,!f,g in (x,y),h notin (z)</c>.</summary>
internal sealed partial class LabelSelector
{
    private readonly List<(string Key, string Operator, string[] Values)> _terms = [];

    public bool IsEmpty => _terms.Count == 0;

    /// <exception cref="KubernetesStatusException">400: a term cannot be read.</exception>
    public static LabelSelector Parse(string? text)
    {
        var selector = new LabelSelector();
        if (string.IsNullOrWhiteSpace(text)) return selector;
        foreach (Match raw in Term().Matches(text))
        {
            var term = raw.Value.Trim();
            var set = SetTerm().Match(term);
            var equality = EqualityTerm().Match(term);
            if (set.Success) selector._terms.Add((set.Groups[1].Value, set.Groups[2].Value, [.. set.Groups[3].Value.Split(',').Select(v => v.Trim())]));
            else if (equality.Success) selector._terms.Add((equality.Groups[1].Value, equality.Groups[2].Value == "!=" ? "notin" : "in", [equality.Groups[3].Value]));
            else if (KeyTerm().IsMatch(term)) selector._terms.Add(term[0] == '!' ? (term[1..].Trim(), "absent", []) : (term, "exists", []));
            else throw Refusals.BadRequest($"unable to parse requirement: found '{term}' in the label selector");
        }
        return selector;
    }

    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        foreach (var (key, op, values) in _terms)
        {
            string? value = null;
            var present = labels is not null && labels.TryGetValue(key, out value);
            var ok = op switch { "in" => present && values.Contains(value), "notin" => !present || !values.Contains(value), "exists" => present, _ => !present };
            if (!ok) return false;
        }
        return true;
    }

    [GeneratedRegex(@"[^,(]+(\([^)]*\))?")]
    private static partial Regex Term();

    [GeneratedRegex(@"^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$")]
    private static partial Regex SetTerm();

    [GeneratedRegex(@"^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$")]
    private static partial Regex EqualityTerm();

    [GeneratedRegex(@"^!?\s*[\w./-]+$")]
    private static partial Regex KeyTerm();
}

/// <summary>A field selector: <c>metadata.name=x,involvedObject.uid=y,type!=Normal</c>.</summary>
internal sealed class FieldSelector
{
    private readonly List<(string[] Path, bool Equal, string Value)> _terms = [];

    public bool IsEmpty => _terms.Count == 0;

    /// <exception cref="KubernetesStatusException">400: a term cannot be read, or the resource cannot be selected by that field.</exception>
    public static FieldSelector Parse(string? text, ResourceType type)
    {
        var selector = new FieldSelector();
        if (string.IsNullOrWhiteSpace(text)) return selector;
        foreach (var term in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equal = !term.Contains("!=", StringComparison.Ordinal);
            var parts = term.Split(equal ? term.Contains("==", StringComparison.Ordinal) ? "==" : "=" : "!=", 2);
            if (parts.Length != 2) throw Refusals.BadRequest($"invalid selector: '{term}'; can't understand '{term}'");
            // Custom resources (and most built-in ones) can be selected by name and namespace only.
            if (type.Custom && parts[0] is not ("metadata.name" or "metadata.namespace")) throw Refusals.BadRequest($"field label not supported: {parts[0]}");
            selector._terms.Add((parts[0].Split('.'), equal, parts[1]));
        }
        return selector;
    }

    public bool Matches(StoredObject item)
    {
        foreach (var (path, equal, value) in _terms)
        {
            if ((FieldOf(item, path) == value) != equal) return false;
        }
        return true;
    }

    private static string FieldOf(StoredObject item, string[] path)
    {
        if (path is ["metadata", "name"]) return item.Name;
        if (path is ["metadata", "namespace"]) return item.Namespace;
        using var document = JsonDocument.Parse(item.Json);
        var element = document.RootElement;
        foreach (var step in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(step, out element)) return "";
        }
        return element.ToString();
    }
}
