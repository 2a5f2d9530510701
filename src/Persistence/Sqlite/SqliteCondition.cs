using System.Text;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>A query's conditions as SQL text and values. Values are always parameters, never text.</summary>
internal sealed class SqliteCondition
{
    private readonly StringBuilder text = new("kind=$0 AND org=$1");
    private readonly List<object?> values;
    private readonly RecordQuery query;

    public SqliteCondition(RecordQuery query)
    {
        this.query = query;
        values = [(long)query.Kind, query.OrgId];
        ScopeValues = 2 + (query.Readers?.Distinct().Count() ?? 0);
        if (query.Readers is { } readers)
            AudienceScope = $"kind=$0 AND org=$1 AND reader IN ({Parameters(readers.Distinct())})";
        AddFilters();
    }

    /// <summary>Condition on <c>audience_members</c> that selects what the caller may see; null when everything.</summary>
    public string? AudienceScope { get; }

    /// <summary>How many of <see cref="Values"/> kind, organization and readers take.</summary>
    public int ScopeValues { get; }

    /// <summary>Whether anything but kind, organization and readers restricts the list.</summary>
    public bool HasFilters { get; private set; }

    /// <summary>A subquery for the rids to start from, when a filter names few records by index; else null.</summary>
    public string? Start { get; private set; }

    /// <summary>Conditions on <c>records</c> without the readers.</summary>
    public string Text => text.ToString();

    /// <summary>Values of the parameters <c>$0</c> …</summary>
    public List<object?> Values => values;

    /// <summary>Ids of the audiences that the caller belongs to, as a subquery; evaluated once by SQLite.</summary>
    public string Audiences => AudienceScope is { } scope
        ? $"SELECT audience FROM audience_members WHERE {scope}"
        : "SELECT id FROM audiences WHERE kind=$0 AND org=$1";

    private void AddFilters()
    {
        if (!string.IsNullOrEmpty(query.Name))
            And($"name={Parameter(query.Name)}");
        if (!string.IsNullOrEmpty(query.NameContains))
            And($"instr(lower(name), {Parameter(AsciiLower(query.NameContains))})>0");
        if (!string.IsNullOrEmpty(query.ClusterNameContains))
            And($"instr(lower(cluster_name), {Parameter(AsciiLower(query.ClusterNameContains))})>0");
        if (!string.IsNullOrEmpty(query.ClusterUidContains))
            And($"instr(cluster_uid, {Parameter(query.ClusterUidContains)})>0");
        if (query.CreatedFrom is { } from)
            And($"created>={Parameter(from.UtcTicks)}");
        if (query.CreatedTo is { } to)
            And($"created<={Parameter(to.UtcTicks)}");
        AndIn("owner", query.Owners);
        AndIn("status", query.Statuses);
        AndIn("status NOT", query.StatusesNot);
        AndIn("type", query.Types);
        foreach (var (key, value) in query.Labels ?? new Dictionary<string, string>())
            AndStart($"SELECT rid FROM labels WHERE key={Parameter(key)} AND value={Parameter(value)}");
        // An empty group can be met by nothing, and meets nothing.
        foreach (var group in query.References ?? [])
            AndStart($"SELECT rid FROM refs WHERE uid IN ({Parameters(group)})");
    }

    private void AndIn(string left, IReadOnlyCollection<string>? right)
    {
        if (right is { Count: > 0 })
            And($"{left} IN ({Parameters(right)})");
    }

    private void AndStart(string rids)
    {
        HasFilters = true;
        Start = Start is null ? rids : $"{Start} INTERSECT {rids}";
    }

    private void And(string condition)
    {
        HasFilters = true;
        text.Append(" AND ").Append(condition);
    }

    private string Parameter(object value)
    {
        values.Add(value);
        return $"${values.Count - 1}";
    }

    private string Parameters(IEnumerable<string> all) => string.Join(',', all.Select(Parameter));

    private static string AsciiLower(string value) =>
        string.Create(value.Length, value, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
        });
}
