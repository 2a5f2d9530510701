using System.Text;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// A query's conditions as SQL text and values: which filter becomes which condition is said here once, how a database spells
/// it in the derived classes. Values are always parameters, never text.
/// </summary>
internal abstract class RecordCondition(RecordQuery query)
{
    private readonly StringBuilder text = new();
    private readonly List<string> starts = [];

    /// <summary>Whether anything but kind, organization and readers restricts the list.</summary>
    public bool HasFilters { get; private set; }

    /// <summary>The conditions on the rows that lists read, joined by AND.</summary>
    public string Text => text.ToString();

    /// <summary>Conditions of labels and references, which name few records by an index of their own; all must hold.</summary>
    protected IReadOnlyList<string> Starts => starts;

    /// <summary>Adds a value; its placeholder.</summary>
    protected abstract string Parameter(string value);

    /// <summary>Adds a value; its placeholder.</summary>
    protected abstract string Parameter(long value);

    /// <summary>That a column is one of the values, or none of them.</summary>
    protected abstract string OneOf(string column, IReadOnlyCollection<string> values, bool not);

    /// <summary>That a column holds a text. With <paramref name="folded"/> the text is in lower case and the column's ASCII letters are to be folded.</summary>
    protected abstract string Contains(string column, string part, bool folded);

    /// <summary>That a record has a label with this value.</summary>
    protected abstract string Labelled(string key, string value);

    /// <summary>That a record refers to one of these; an empty group is met by nothing.</summary>
    protected abstract string Referring(IReadOnlyCollection<string> uids);

    /// <summary>Begins with the scope's condition and adds every filter that is set.</summary>
    protected void Build(string scope)
    {
        text.Append(scope);
        if (!string.IsNullOrEmpty(query.Name))
            And($"name={Parameter(query.Name)}");
        if (!string.IsNullOrEmpty(query.NameContains))
            And(Contains("name", AsciiLower(query.NameContains), folded: true));
        if (!string.IsNullOrEmpty(query.ClusterNameContains))
            And(Contains("cluster_name", AsciiLower(query.ClusterNameContains), folded: true));
        if (!string.IsNullOrEmpty(query.ClusterUidContains))
            And(Contains("cluster_uid", query.ClusterUidContains, folded: false));
        if (query.CreatedFrom is { } from)
            And($"created>={Parameter(from.UtcTicks)}");
        if (query.CreatedTo is { } to)
            And($"created<={Parameter(to.UtcTicks)}");
        AndOneOf("owner", query.Owners, not: false);
        AndOneOf("status", query.Statuses, not: false);
        AndOneOf("status", query.StatusesNot, not: true);
        AndOneOf("type", query.Types, not: false);
        foreach (var (key, value) in query.Labels ?? new Dictionary<string, string>())
            AndStart(Labelled(key, value));
        foreach (var group in query.References ?? [])
            AndStart(Referring(group));
    }

    private void AndOneOf(string column, IReadOnlyCollection<string>? values, bool not)
    {
        if (values is { Count: > 0 })
            And(OneOf(column, values, not));
    }

    private void AndStart(string condition)
    {
        HasFilters = true;
        starts.Add(condition);
    }

    private void And(string condition)
    {
        HasFilters = true;
        text.Append(" AND ").Append(condition);
    }

    private static string AsciiLower(string value) =>
        string.Create(value.Length, value, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
        });
}
