using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Backups;

/// <summary>What a name that is not there was probably meant to be, for messages. Pure.</summary>
internal static class Candidates
{
    private const int MostNear = 3;
    private const int MostShown = 20;
    private const int LongestName = 126; // Twice a label's: a resource's kind, namespace and name.

    /// <summary>Such as <c>'configmaap' is …; did you mean ConfigMap?</c>, or what there is when nothing is near.</summary>
    public static string For(string asked, IEnumerable<string> there)
    {
        var names = there.Distinct().ToList();
        var near = names.Select(name => (Name: name, Distance: Distance(asked, name))).Where(one => one.Distance <= Math.Max(1, asked.Length / 3))
            .OrderBy(one => one.Distance).ThenBy(one => one.Name, StringComparer.Ordinal).ToList();
        near = [.. near.Where(one => one.Distance <= near[0].Distance + 1).Take(MostNear)]; // What is much farther off than the nearest was not meant.
        return near.Count > 0 ? $"did you mean {string.Join(" or ", near.Select(one => one.Name))}?" : names.Count > 0 ? $"there are {Listed(names, MostShown)}" : "there is nothing";
    }

    /// <summary>The first few of them and how many more there are, as one bounded line.</summary>
    public static string Listed(IReadOnlyCollection<string> names, int most = 5) =>
        string.Join(", ", names.Take(most).Select(name => OutsideText.OneLine(name, LongestName))) + (names.Count > most ? $" and {names.Count - most} more" : "");

    // Levenshtein's distance without regard to case; long names are compared by their beginning.
    private static int Distance(string left, string right)
    {
        var (a, b) = (Cut(left), Cut(right));
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }

        return row[b.Length];

        static string Cut(string name) => (name.Length > LongestName ? name[..LongestName] : name).ToUpperInvariant();
    }
}
