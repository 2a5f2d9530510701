using System.Text;
using System.Text.Unicode;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PxBackup.Stork;

/// <summary>A value of a kubeconfig: text, list or mapping. Null reads as absent.</summary>
internal abstract record YamlValue
{
    /// <summary>Values in it, itself included, each alias counted as what it stands for.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Levels in it, itself included.</summary>
    public int Height { get; init; } = 1;
}

internal sealed record YamlText(string Text, bool IsNull) : YamlValue;

internal sealed record YamlList(IReadOnlyList<YamlValue> Items) : YamlValue;

internal sealed record YamlMapping(IReadOnlyDictionary<string, YamlValue> Fields) : YamlValue;

/// <summary>YAML (JSON is a part of it) from parser events, with what could hide or multiply content refused or bounded: tags, repeated keys, several
/// documents; aliases and merge keys count as often as they are used; depth, size.</summary>
internal sealed class YamlTree
{
    public const int MaxBytes = 1024 * 1024;
    private const int MaxDepth = 32;

    // The YAML scanner takes about 0.1 µs for a character and works through a scalar or a run of comments as one; with these bounds, checked first
    // over the bytes, no file takes longer than 50 ms. Long base64, such as a bundle of a few hundred authorities (600 KB), is taken out before.
    private const int MaxLineBytes = 256 * 1024;
    private const int MaxLines = 20_000;
    private const int MaxComments = 2_000;

    // A kubeconfig with a thousand contexts has about 15,000 values; parsing this many takes some 20 ms.
    private const int MaxValues = 20_000;

    // kubectl reads the first document of a file and no other; empty ones at the end are left over from joining files.
    private const int MaxDocuments = 16;

    private readonly IParser _parser;
    private readonly LongRuns _runs;
    private readonly Dictionary<string, YamlValue> _anchors = new(StringComparer.Ordinal);
    private int _values;

    private YamlTree(IParser parser, LongRuns runs) => (_parser, _runs) = (parser, runs);

    /// <exception cref="KubeconfigException">The text is refused.</exception>
    public static YamlMapping Read(ReadOnlySpan<byte> utf8)
    {
        var runs = new LongRuns();
        var text = Decode(utf8, runs);
        var parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
        try
        {
            return new YamlTree(parser, runs).Document();
        }
        // The parser's text could repeat content of the file; the position is enough. Beside its own exception it lets some of the base library's
        // through on broken input, which mean the same.
        catch (Exception e) when (e is YamlException or ArgumentException or InvalidOperationException or FormatException or OverflowException
            or IndexOutOfRangeException)
        {
            var at = e is YamlException yaml ? $" in line {yaml.Start.Line}" : "";
            throw Refused(KubeconfigError.Syntax, $"The kubeconfig is neither valid YAML nor JSON{at}. Send the file as kubectl uses it.");
        }
    }

    private static string Decode(ReadOnlySpan<byte> utf8, LongRuns runs)
    {
        if (utf8.Length > MaxBytes)
            throw Refused(KubeconfigError.TooLarge, "The kubeconfig is larger than 1 MiB. Send only the cluster's context (kubectl config view --minify --flatten --raw).");
        if (utf8.StartsWith(Encoding.UTF8.Preamble))
            utf8 = utf8[Encoding.UTF8.Preamble.Length..];   // As Windows' editors write it.
        if (utf8.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            throw Refused(KubeconfigError.Empty, "The kubeconfig is empty. Send the file's content.");
        if (!Utf8.IsValid(utf8) || HasControls(utf8))
            throw Refused(KubeconfigError.Encoding, "The kubeconfig is not plain UTF-8 text. Save it as UTF-8 without control characters (PowerShell's > writes UTF-16: use Out-File -Encoding utf8).");
        utf8 = runs.TakeOut(utf8);
        CheckShape(utf8);
        if (utf8[0] == '%' || utf8.IndexOf("\n%"u8) >= 0)
            throw Refused(KubeconfigError.Tag, "The kubeconfig has a YAML directive. Remove lines that begin with %.");
        var text = Encoding.UTF8.GetString(utf8);
        // JSON may be indented by tabs, which YAML does not take for white space everywhere; inside JSON strings a bare tab is not allowed.
        return text.AsSpan().TrimStart()[0] == '{' ? text.Replace('\t', ' ') : text;
    }

    private static void CheckShape(ReadOnlySpan<byte> utf8)
    {
        var (lines, line, opened, comments, isIndent) = (0, 0, 0, 0, true);
        foreach (var b in utf8)
        {
            line = b == '\n' ? 0 : line + 1;
            lines += b == '\n' ? 1 : 0;
            comments += b == '#' && isIndent ? 1 : 0;
            isIndent = b == '\n' || (isIndent && b == ' ');
            // Brackets in a row nest; the scanner looks a thousand of them ahead before it hands out the first.
            if (b is (byte)'[' or (byte)'{')
                opened++;
            else if (b is not ((byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r'))
                opened = 0;
            if (opened > MaxDepth)
                throw Refused(KubeconfigError.TooDeep, $"The kubeconfig is nested deeper than {MaxDepth} in line {lines + 1}. Remove extensions.");
            if (line > MaxLineBytes || lines > MaxLines || comments > MaxComments)
            {
                throw Refused(KubeconfigError.TooLarge,
                    $"The kubeconfig has a line of more than {MaxLineBytes / 1024} KiB, or more than {MaxLines} lines or {MaxComments} comments. Send only the cluster's context.");
            }
        }
    }

    private static bool HasControls(ReadOnlySpan<byte> utf8)
    {
        foreach (var b in utf8)
        {
            if (b is < 0x20 and not ((byte)'\t' or (byte)'\n' or (byte)'\r') or 0x7F)
                return true;
        }

        return false;
    }

    private YamlMapping Document()
    {
        Next<StreamStart>();
        if (Next<ParsingEvent>() is not DocumentStart)
            throw Refused(KubeconfigError.Empty, "The kubeconfig holds only comments. Send the file's content.");
        var root = Value(1);
        Next<DocumentEnd>();
        for (var documents = 1; Next<ParsingEvent>() is not StreamEnd; documents++)
        {
            if (documents == MaxDocuments || Value(1) is not YamlText { IsNull: true })
                throw Refused(KubeconfigError.SeveralDocuments, "The kubeconfig has several YAML documents. Send one.");
            Next<DocumentEnd>();
        }

        return root as YamlMapping
            ?? throw Refused(KubeconfigError.Structure, "The kubeconfig is not a mapping. Send a file of apiVersion v1, kind Config.");
    }

    private YamlValue Value(int depth) => Value(Next<ParsingEvent>(), depth);

    private YamlValue Value(ParsingEvent item, int depth)
    {
        var line = item.Start.Line;
        if (depth > MaxDepth)
            throw Refused(KubeconfigError.TooDeep, $"The kubeconfig is nested deeper than {MaxDepth} in line {line}. Remove extensions.");
        if (item is AnchorAlias alias)
            return Aliased(alias, depth);
        Count(1);
        if (item is not NodeEvent node)
            throw Refused(KubeconfigError.Syntax, $"The kubeconfig is broken in line {line}. Send the file as kubectl uses it.");
        if (!node.Tag.IsEmpty)
            throw Refused(KubeconfigError.Tag, $"The kubeconfig has a YAML tag in line {line}. Remove it.");
        YamlValue value = node switch
        {
            Scalar scalar => Text(scalar),
            SequenceStart => List(depth),
            _ => Mapping(depth),
        };
        if (!node.Anchor.IsEmpty)
            _anchors[node.Anchor.Value] = value;   // Only now: nothing can hold itself.
        return value;
    }

    /// <summary>What an alias stands for counts each time, so that a short file cannot mean a long one.</summary>
    private YamlValue Aliased(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var value))
            throw Refused(KubeconfigError.Alias, $"The kubeconfig has a YAML alias in line {alias.Start.Line} for which there is no anchor before it. Write the value out.");
        if (depth + value.Height - 1 > MaxDepth)
            throw Refused(KubeconfigError.TooDeep, $"The kubeconfig is nested deeper than {MaxDepth} in line {alias.Start.Line}. Remove extensions.");
        Count(value.Count);
        return value;
    }

    private void Count(int values)
    {
        _values += values;
        if (_values > MaxValues)
            throw Refused(KubeconfigError.TooLarge, $"The kubeconfig has more than {MaxValues} values, aliases written out. Send only the cluster's context.");
    }

    private YamlText Text(Scalar scalar) =>
        new(_runs.PutBack(scalar.Value), scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null" or "Null" or "NULL");

    private YamlList List(int depth)
    {
        var before = _values;
        var items = new List<YamlValue>();
        for (var item = Next<ParsingEvent>(); item is not SequenceEnd; item = Next<ParsingEvent>())
            items.Add(Value(item, depth + 1));
        return new YamlList(items) { Count = 1 + _values - before, Height = 1 + HeightOf(items) };
    }

    private static int HeightOf(IEnumerable<YamlValue> values) => values.Select(value => value.Height).DefaultIfEmpty(0).Max();

    private YamlMapping Mapping(int depth)
    {
        var before = _values;
        var fields = new Dictionary<string, YamlValue>(StringComparer.Ordinal);
        var merged = new List<YamlMapping>();
        for (var item = Next<ParsingEvent>(); item is not MappingEnd; item = Next<ParsingEvent>())
        {
            var line = item.Start.Line;
            if (Value(item, depth + 1) is not YamlText { Text: var key })
                throw Refused(KubeconfigError.Structure, $"A key in line {line} of the kubeconfig is not text. Use plain keys.");
            if (key == "<<")
            {
                merged.AddRange(Merged(Value(depth + 1), line));
                continue;
            }

            if (!fields.TryAdd(key, Value(depth + 1)))
                throw Refused(KubeconfigError.Duplicate, $"A key occurs twice in one mapping, the second time in line {line} of the kubeconfig. Keep one.");
        }

        // What is written in the mapping itself wins, then the earlier of what is merged.
        foreach (var (name, value) in merged.SelectMany(mapping => mapping.Fields))
            fields.TryAdd(name, value);
        return new YamlMapping(fields) { Count = 1 + _values - before, Height = 1 + HeightOf(fields.Values) };
    }

    private static IEnumerable<YamlMapping> Merged(YamlValue value, long line) => value switch
    {
        YamlMapping one => [one],
        YamlList { Items: var several } when several.All(item => item is YamlMapping) => several.Cast<YamlMapping>(),
        _ => throw Refused(KubeconfigError.Alias, $"The kubeconfig has a YAML merge key in line {line} that names no mapping. Write the values out."),
    };

    private T Next<T>() where T : ParsingEvent =>
        _parser.MoveNext() && _parser.Current is T item ? item
            : throw Refused(KubeconfigError.Syntax, "The kubeconfig ends too early. Send the whole file.");

    private static KubeconfigException Refused(KubeconfigError reason, string message) => new(reason, "", message);
}
