using System.Text;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Tests.Adapters.Persistence;

internal sealed record ModelRow(RecordKey Key, RecordIndex Index);

/// <summary>The port's words about lists, as plainly as they can be written.</summary>
internal static class RecordModel
{
    public static List<ModelRow> Matches(IEnumerable<ModelRow> rows, RecordQuery query)
    {
        var matches = rows.Where(row => Match(row, query)).ToList();
        matches.Sort((a, b) =>
        {
            var order = Compare(a.Index, b.Index, query.SortBy);
            order = order == 0 ? Bytewise(a.Key.Uid, b.Key.Uid) : order;
            return query.Descending ? -order : order;
        });
        return matches;
    }

    private static bool Match(ModelRow row, RecordQuery q)
    {
        var index = row.Index;
        return row.Key.Kind == q.Kind && row.Key.OrgId == q.OrgId
            && (q.Readers is null || index.Readers.Intersect(q.Readers).Any())
            && (string.IsNullOrEmpty(q.Name) || index.Name == q.Name)
            && (string.IsNullOrEmpty(q.NameContains) || Lower(index.Name).Contains(Lower(q.NameContains), StringComparison.Ordinal))
            && (string.IsNullOrEmpty(q.ClusterNameContains) || Lower(index.ClusterName).Contains(Lower(q.ClusterNameContains), StringComparison.Ordinal))
            && (string.IsNullOrEmpty(q.ClusterUidContains) || index.ClusterUid.Contains(q.ClusterUidContains, StringComparison.Ordinal))
            && (q.Labels ?? new Dictionary<string, string>()).All(label => index.Labels.TryGetValue(label.Key, out var value) && value == label.Value)
            && (q.CreatedFrom is null || index.CreatedAt >= q.CreatedFrom)
            && (q.CreatedTo is null || index.CreatedAt <= q.CreatedTo)
            && In(q.Owners, index.Owner) && In(q.Statuses, index.Status) && In(q.Types, index.Type)
            && !(q.StatusesNot is { Count: > 0 } not && not.Contains(index.Status))
            && (q.References ?? []).All(group => group.Intersect(index.References).Any());
    }

    private static bool In(IReadOnlyCollection<string>? allowed, string value) => allowed is not { Count: > 0 } || allowed.Contains(value);

    private static string Lower(string text) => string.Concat(text.Select(c => char.IsAsciiLetterUpper(c) ? char.ToLowerInvariant(c) : c));

    private static int Compare(RecordIndex a, RecordIndex b, RecordSort sort) => sort switch
    {
        RecordSort.CreatedAt => a.CreatedAt.CompareTo(b.CreatedAt),
        RecordSort.UpdatedAt => a.UpdatedAt.CompareTo(b.UpdatedAt),
        RecordSort.Size => a.Size.CompareTo(b.Size),
        RecordSort.Name => Bytewise(a.Name, b.Name),
        RecordSort.ClusterName => Bytewise(a.ClusterName, b.ClusterName),
        _ => Bytewise(a.BackupName, b.BackupName),
    };

    // Ordinal means by code point here, which is the order of the UTF-8 bytes in every database.
    private static int Bytewise(string a, string b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b));
}

/// <summary>Records and questions from small sets of words, so that they meet often and tie often.</summary>
internal static class RandomRecords
{
    private static readonly string[] Words = ["alpha", "Alpha", "ALP_", "50%", "be ta", "Äther", "äther", "o'neil", "\"q\"", "🚀x", "\uFFFDz", "a\\b", "prod", "Prod-eu"];
    private static readonly string[] Statuses = ["Success", "Failed", "InProgress", "Pending", ""];
    private static readonly string[] Types = ["Generic", "Namespace", "VirtualMachine", ""];

    public static string Word(Random random) => Pick(random, Words);

    public static RecordIndex Index(Random random, string name, RecordIndex? onlyProgressOf = null)
    {
        var index = onlyProgressOf ?? new RecordIndex
        {
            Name = name,
            Owner = $"user{random.Next(4)}",
            CreatedAt = A.Noon.AddMinutes(random.Next(500)).AddMilliseconds(random.Next(3)),
            UpdatedAt = A.Noon,
            Type = Pick(random, Types),
            ClusterName = Word(random),
            ClusterUid = $"c-{Word(random)}",
            Size = random.Next(5) * 1_000_000_000_000L,
            BackupName = Word(random),
            Labels = Enumerable.Range(0, random.Next(3)).ToDictionary(i => $"k{i}", _ => $"v{random.Next(2)}"),
            References = [.. Enumerable.Range(0, random.Next(4)).Select(_ => $"ref{random.Next(8)}")],
            Readers = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Reader(random))],
        };
        return index with { UpdatedAt = A.Noon.AddMinutes(random.Next(100)), Status = Pick(random, Statuses) };
    }

    /// <summary>A question with one filter (0 to 13), or with any of them.</summary>
    public static RecordQuery Query(Random random, string org, int? only)
    {
        bool With(int filter) => only is { } one ? one == filter : random.Next(5) == 0;
        return new RecordQuery
        {
            Kind = ObjectKind.Cluster,
            OrgId = org,
            Readers = With(0) || (only is null && random.Next(2) == 0) ? [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Reader(random))] : null,
            Name = With(1) ? $"{Word(random)}-{random.Next(150)}" : null,
            NameContains = With(2) ? Pick(random, ["a", "LPH", "%", "_", "'", "Ä", "\"", "🚀", "-1", ""]) : null,
            ClusterNameContains = With(3) ? Pick(random, ["ALPHA", "ä", "\\", "0%", "rod"]) : null,
            ClusterUidContains = With(4) ? Pick(random, ["c-", "c-P", "PROD", "c-a"]) : null,
            Labels = With(5) ? Enumerable.Range(0, 1 + random.Next(2)).ToDictionary(i => $"k{i}", _ => $"v{random.Next(2)}") : null,
            CreatedFrom = With(6) ? A.Noon.AddMinutes(random.Next(500)) : null,
            CreatedTo = With(7) ? A.Noon.AddMinutes(random.Next(500)).AddMilliseconds(1) : null,
            Owners = With(8) ? [$"user{random.Next(5)}", $"user{random.Next(5)}"] : null,
            Statuses = With(9) ? [Pick(random, Statuses), Pick(random, Statuses)] : null,
            StatusesNot = With(10) ? [Pick(random, Statuses)] : null,
            Types = With(11) ? [Pick(random, Types)] : null,
            References = With(12) ? [.. Enumerable.Range(0, 1 + random.Next(2)).Select(_ => (string[])[$"ref{random.Next(9)}", $"ref{random.Next(9)}"])] : With(13) ? [[]] : null,
            SortBy = (RecordSort)random.Next(6),
            Descending = random.Next(2) == 0,
            Offset = random.Next(3) == 0 ? random.Next(60) : 0,
            Limit = random.Next(3) == 0 ? 0 : random.Next(30),
        };
    }

    private static string Reader(Random random) => Pick(random, ["u:user1", "u:user2", "g:dev", "g:ops", "*"]);

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];
}
