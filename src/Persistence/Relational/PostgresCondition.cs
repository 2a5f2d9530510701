using Npgsql;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>A query's conditions as PostgreSQL spells them.</summary>
internal sealed class PostgresCondition : RecordCondition
{
    private readonly RecordQuery query;
    private readonly List<Func<NpgsqlParameter>> values = [];

    /// <param name="query">The question.</param>
    /// <param name="audiences">What the caller may see; null for everything.</param>
    public PostgresCondition(RecordQuery query, long[]? audiences)
        : base(query)
    {
        this.query = query;
        Add((short)query.Kind);
        Add(PostgresText.Write(query.OrgId));
        var scope = "kind=$1 AND org=$2";
        Build(audiences switch
        {
            null => scope,
            // Not as a list of one: for a single value the server walks the index by audience in the order of creation.
            [var one] => $"{scope} AND audience={Add(one)}",
            _ => $"{scope} AND audience=ANY({Add(audiences)})",
        });
        Where = Starts.Count == 0 ? Text : $"rid IN (SELECT rid FROM tags WHERE {string.Join(" AND ", Starts)}) AND {Text}";
    }

    /// <summary>It begins with a look-up of tags (references, labels).</summary>
    public bool StartsWithTags => Starts.Count > 0;

    /// <summary>The whole condition on <c>catalog</c>.</summary>
    public string Where { get; }

    /// <summary>A command with the values as <c>$1</c> …</summary>
    public NpgsqlCommand Command(NpgsqlConnection connection, string sql)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(value());
        return command;
    }

    protected override string Parameter(string value) => Add(PostgresText.Write(value));

    protected override string Parameter(long value) => Add(value);

    protected override string OneOf(string column, IReadOnlyCollection<string> values, bool not) =>
        $"{column}{(not ? "<>ALL" : "=ANY")}({Add(values.Select(PostgresText.Write).ToArray())})";

    protected override string Contains(string column, string part, bool folded)
    {
        var text = folded ? $"lower({column})" : column;
        return PostgresText.NeedsPattern(part) ? $"{text} ~ {Add(PostgresText.Pattern(part))}" : $"strpos({text}, {Parameter(part)})>0";
    }

    protected override string Labelled(string key, string value) =>
        $"tags @> {Add(new[] { RecordTags.OfLabel(query.Kind, query.OrgId, key, value) })}";

    protected override string Referring(IReadOnlyCollection<string> uids) =>
        $"tags && {Add(uids.Select(uid => RecordTags.OfReference(query.Kind, query.OrgId, uid)).ToArray())}";

    private string Add<T>(T value)
    {
        values.Add(() => new NpgsqlParameter<T> { TypedValue = value });
        return $"${values.Count}";
    }
}
