using System.Buffers;
using System.Globalization;
using System.Text;

namespace PxBackup.Stork;

/// <summary>
/// Takes long runs of base64 out of a text before YAML's scanner works through them character by character, and puts them back into the values that it
/// finds: certificates are most of a kubeconfig's size and none of its structure.
/// </summary>
internal sealed class LongRuns
{
    // Shorter ones cost the scanner less than 1 ms together.
    private const int MinLength = 4 * 1024;

    // From the Private Use Area: plain characters to YAML, which no kubeconfig holds.
    private const char Open = '\uE000';
    private const char Close = '\uE001';

    private static readonly SearchValues<byte> Base64 = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);
    private readonly List<string> _runs = [];

    public ReadOnlySpan<byte> TakeOut(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length < MinLength || utf8.IndexOf(Encoding.UTF8.GetBytes([Open])) >= 0)
            return utf8;
        var rest = new ArrayBufferWriter<byte>();
        while (utf8.Length > 0)
        {
            var start = utf8.IndexOfAny(Base64);
            var run = start < 0 ? 0 : utf8[start..].IndexOfAnyExcept(Base64);
            var length = start < 0 ? utf8.Length : run < 0 ? utf8.Length - start : run;
            if (start < 0 || length < MinLength)
            {
                var taken = start < 0 ? utf8.Length : start + length;
                rest.Write(utf8[..taken]);
                utf8 = utf8[taken..];
                continue;
            }

            rest.Write(utf8[..start]);
            rest.Write(Encoding.UTF8.GetBytes($"{Open}{_runs.Count.ToString(CultureInfo.InvariantCulture)}{Close}"));
            _runs.Add(Encoding.ASCII.GetString(utf8.Slice(start, length)));
            utf8 = utf8[(start + length)..];
        }

        return rest.WrittenSpan;
    }

    public string PutBack(string text)
    {
        if (_runs.Count == 0 || text.IndexOf(Open, StringComparison.Ordinal) < 0)
            return text;
        var whole = new StringBuilder();
        var at = 0;
        while (text.IndexOf(Open, at) is var open && open >= 0 && text.IndexOf(Close, open) is var close && close >= 0)
        {
            whole.Append(text, at, open - at);
            whole.Append(_runs[int.Parse(text.AsSpan(open + 1, close - open - 1), CultureInfo.InvariantCulture)]);
            at = close + 1;
        }

        return whole.Append(text, at, text.Length - at).ToString();
    }
}
