using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// Texts as PostgreSQL can hold them. It refuses U+0000, so that becomes a pair that begins with U+0001, and U+0001 another
/// pair: different texts stay different and keep their order. Other texts rest as they are.
/// </summary>
internal static class PostgresText
{
    private const char Lead = '\u0001', Nul = '\u0002', One = '\u0003';

    private static readonly SearchValues<char> Escaped = SearchValues.Create("\0\u0001");

    /// <summary>As it rests.</summary>
    public static string Write(string text)
    {
        text = WellFormed(text);
        return text.AsSpan().ContainsAny(Escaped)
            ? text.Replace("\u0001", $"{Lead}{One}", StringComparison.Ordinal).Replace("\0", $"{Lead}{Nul}", StringComparison.Ordinal)
            : text;
    }

    /// <summary>As it was.</summary>
    public static string Read(string stored) => stored.Contains(Lead, StringComparison.Ordinal)
        ? stored.Replace($"{Lead}{Nul}", "\0", StringComparison.Ordinal).Replace($"{Lead}{One}", "\u0001", StringComparison.Ordinal)
        : stored;

    /// <summary>For people: U+0000 as U+FFFD. Cannot be turned back.</summary>
    public static string Show(string text) => WellFormed(text).Replace('\0', '\uFFFD');

    /// <summary>
    /// Whether a part could be found in the middle of a pair, where it is not; then <see cref="Pattern"/> is to be used instead of a
    /// plain search.
    /// </summary>
    public static bool NeedsPattern(string part) => part.Length > 0 && part[0] is Nul or One;

    /// <summary>A regular expression that finds exactly this part, and not in the middle of a pair.</summary>
    public static string Pattern(string part)
    {
        var pattern = new StringBuilder("(?<!\\u0001)");
        foreach (var rune in Write(part).EnumerateRunes())
            pattern.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
        return pattern.ToString();
    }

    /// <summary>Sixteen bytes that stand for some texts in an index, whose entries must be short. Equal only for equal texts (SHA-256).</summary>
    public static Guid Digest(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BitConverter.TryWriteBytes(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return new Guid(digest[..16]);
    }

    /// <summary>Half of a surrogate pair becomes U+FFFD, as it does in the messages themselves; the driver would refuse it in the middle of a write.</summary>
    private static string WellFormed(string text) =>
        text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
}
