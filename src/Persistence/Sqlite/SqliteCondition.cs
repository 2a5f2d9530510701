using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;

namespace PxBackup.Persistence.Sqlite;

/// <summary>A query's conditions as SQLite spells them.</summary>
internal sealed class SqliteCondition : RecordCondition
{
    private readonly List<object?> values;

    public SqliteCondition(RecordQuery query)
        : base(query)
    {
        values = [(long)query.Kind, query.OrgId];
        ScopeValues = 2 + (query.Readers?.Distinct().Count() ?? 0);
        if (query.Readers is { } readers)
            AudienceScope = $"kind=$0 AND org=$1 AND reader IN ({Parameters(readers.Distinct())})";
        Build("kind=$0 AND org=$1");
        if (Starts.Count > 0)
            Start = string.Join(" INTERSECT ", Starts);
    }

    /// <summary>Condition on <c>audience_members</c> that selects what the caller may see; null when everything.</summary>
    public string? AudienceScope { get; }

    /// <summary>How many of <see cref="Values"/> kind, organization and readers take.</summary>
    public int ScopeValues { get; }

    /// <summary>A subquery for the rids to start from, when a filter names few records by index; else null.</summary>
    public string? Start { get; }

    /// <summary>Values of the parameters <c>$0</c> …</summary>
    public List<object?> Values => values;

    /// <summary>Ids of the audiences that the caller belongs to, as a subquery; evaluated once by SQLite.</summary>
    public string Audiences => AudienceScope is { } scope
        ? $"SELECT audience FROM audience_members WHERE {scope}"
        : "SELECT id FROM audiences WHERE kind=$0 AND org=$1";

    protected override string Parameter(string value) => Add(value);

    protected override string Parameter(long value) => Add(value);

    protected override string OneOf(string column, IReadOnlyCollection<string> values, bool not) =>
        $"{column}{(not ? " NOT" : "")} IN ({Parameters(values)})";

    protected override string Contains(string column, string part, bool folded) =>
        $"instr({(folded ? $"lower({column})" : column)}, {Parameter(part)})>0";

    protected override string Labelled(string key, string value) =>
        $"SELECT rid FROM labels WHERE key={Parameter(key)} AND value={Parameter(value)}";

    protected override string Referring(IReadOnlyCollection<string> uids) =>
        $"SELECT rid FROM refs WHERE uid IN ({Parameters(uids)})";

    private string Add(object value)
    {
        values.Add(value);
        return $"${values.Count - 1}";
    }

    private string Parameters(IEnumerable<string> all) => string.Join(',', all.Select(Parameter));
}
