using System.Globalization;
using System.Text;
using MongoDB.Bson;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>A list's question as a filter. Texts are always values or escaped, never operators.</summary>
internal static class QueryFilter
{
    /// <summary>The filter; null when nothing can match.</summary>
    public static BsonDocument? Of(RecordQuery query)
    {
        var all = new BsonDocument(Fields.Org, query.OrgId);
        if (query.Readers is null)
        {
            // Every record has this reader. Where a label or a reference finds the records it is left out: their indexes don't hold it, and
            // counting would open each record only to see it.
            if (query is not ({ Labels.Count: > 0 } or { References.Count: > 0 }))
                all[Fields.Readers] = RecordDocument.Everyone;
        }
        else
        {
            var readers = query.Readers.Where(reader => reader != RecordDocument.Everyone).Distinct(StringComparer.Ordinal).ToArray();
            if (readers.Length == 0)
                return null;
            all[Fields.Readers] = In(readers);
        }

        var more = new BsonArray();
        Equal(more, Fields.Name, query.Name);
        Contains(more, Fields.Name, query.NameContains, anyCase: true);
        Contains(more, Fields.ClusterName, query.ClusterNameContains, anyCase: true);
        Contains(more, Fields.ClusterUid, query.ClusterUidContains, anyCase: false);
        if (query.CreatedFrom is { } from)
            more.Add(new BsonDocument(Fields.Created, new BsonDocument("$gte", RecordDocument.Date(from))));
        if (query.CreatedTo is { } to)
            more.Add(new BsonDocument(Fields.Created, new BsonDocument("$lte", RecordDocument.Date(to))));
        Among(more, Fields.Owner, query.Owners);
        Among(more, Fields.Status, query.Statuses);
        Among(more, Fields.Type, query.Types);
        if (query.StatusesNot is { Count: > 0 } not)
            more.Add(new BsonDocument(Fields.Status, new BsonDocument("$nin", new BsonArray(not))));
        if (query.Labels is { Count: > 0 } labels)
            more.Add(new BsonDocument(Fields.Labels, new BsonDocument("$all", new BsonArray(labels.Select(label => RecordDocument.LabelOf(label.Key, label.Value))))));
        foreach (var group in query.References ?? [])
        {
            if (group.Count == 0)
                return null;
            more.Add(new BsonDocument(Fields.References, In(group)));
        }

        if (more.Count > 0)
            all["$and"] = more;
        return all;
    }

    /// <summary>Whether anything but kind, organization and readers restricts the list.</summary>
    public static bool HasConditions(BsonDocument filter) => filter.Contains("$and");

    private static BsonDocument In(IEnumerable<string> values) => new("$in", new BsonArray(values));

    private static void Equal(BsonArray more, string field, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            more.Add(new BsonDocument(field, new BsonDocument("$eq", value)));
    }

    private static void Among(BsonArray more, string field, IReadOnlyCollection<string>? values)
    {
        if (values is { Count: > 0 })
            more.Add(new BsonDocument(field, In(values)));
    }

    private static void Contains(BsonArray more, string field, string? part, bool anyCase)
    {
        if (!string.IsNullOrEmpty(part))
            more.Add(new BsonDocument(field, new BsonRegularExpression(Pattern(part, anyCase))));
    }

    /// <summary>
    /// A pattern for the text as it is. Letters that may be of either case become a class of both, because the option <c>i</c> would
    /// also fold letters outside ASCII.
    /// </summary>
    private static string Pattern(string text, bool anyCase)
    {
        var pattern = new StringBuilder(text.Length * 4);
        foreach (var c in text)
        {
            if (anyCase && char.IsAsciiLetter(c))
                pattern.Append('[').Append((char)(c & ~0x20)).Append((char)(c | 0x20)).Append(']');
            else if (char.IsAsciiLetterOrDigit(c) || c > '\x7F')
                pattern.Append(c);
            else
                pattern.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        }

        return pattern.ToString();
    }
}
