using Google.Protobuf;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// How much of what a cluster lists in a status goes into a record: so many entries and so many bytes in all, so that one object never
/// makes a list larger than the 4 MiB that clients take. Counts stay true; what is left out is said.
/// </summary>
internal sealed class KeptEntries
{
    /// <summary>Most entries of one list. The largest applications seen in this field have some thousand resources.</summary>
    public const int MaxEntries = 10_000;

    /// <summary>Most bytes of all lists of an object together: half of what a gRPC client takes by default.</summary>
    public const int MaxBytes = 2 * 1024 * 1024;

    // Zones and driver's options of one volume; real ones have fewer than ten.
    private const int MaxFew = 64;

    private readonly List<string> _leftOut = [];
    private int _bytes;

    /// <summary>What was left out, as the end of a sentence; empty when nothing was.</summary>
    public string LeftOut => _leftOut.Count == 0 ? "" : $"; {string.Join(" and ", _leftOut)}";

    /// <summary>The short texts of one entry.</summary>
    public static IEnumerable<string> Few(IEnumerable<string> texts) => texts.Take(MaxFew).Select(text => OutsideText.OneLine(text));

    /// <summary>The options of one entry.</summary>
    public static Dictionary<string, string> Few(IEnumerable<KeyValuePair<string, string>> options)
    {
        var few = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in options.Take(MaxFew))
            few[OutsideText.OneLine(name)] = OutsideText.OneLine(value);
        return few;
    }

    /// <summary>The first entries, as far as there is room.</summary>
    public IReadOnlyList<TMessage> Of<TEntry, TMessage>(string what, IReadOnlyCollection<TEntry> entries, Func<TEntry, TMessage> map)
        where TMessage : IMessage
    {
        var kept = new List<TMessage>(Math.Min(entries.Count, MaxEntries));
        foreach (var entry in entries)
        {
            var message = map(entry);
            // A tag and a length go with each.
            var size = message.CalculateSize() + 6;
            if (kept.Count == MaxEntries || _bytes + size > MaxBytes)
            {
                _leftOut.Add($"only {kept.Count} of {entries.Count} {what} are listed here");
                break;
            }

            _bytes += size;
            kept.Add(message);
        }

        return kept;
    }
}
