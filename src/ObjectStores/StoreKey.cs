using System.Globalization;
using System.Text;

namespace PxBackup.ObjectStores;

/// <summary>Rules for the keys of objects. A bucket may be written by anybody who has its keys, so a listing is untrusted input.</summary>
public static class StoreKey
{
    /// <summary>Longest key, in bytes of UTF-8; S3's limit.</summary>
    public const int MaxBytes = 1024;

    /// <summary>
    /// Whether the key may become a path, a name or a line of text: not empty, at most <see cref="MaxBytes"/>, no empty,
    /// <c>.</c> or <c>..</c> segment (a URL parser folds those, and the request would reach another object), no backslash, no control,
    /// format or unpaired surrogate character. One '/' at the end, a folder's mark, is ordinary.
    /// </summary>
    public static bool IsOrdinary(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length == 0 || Encoding.UTF8.GetByteCount(key) > MaxBytes)
            return false;
        foreach (var rune in key.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar || rune.Value == '\\')
                return false;
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
                return false;
        }
        var segments = key.EndsWith('/') ? key[..^1].Split('/') : key.Split('/');
        return segments.All(segment => segment is not ("" or "." or ".."));
    }

    /// <summary>The key for a message or a log: control and format characters shown as their number, at most 200 characters.</summary>
    public static string ForDisplay(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var text = new StringBuilder();
        foreach (var rune in key.EnumerateRunes())
        {
            if (text.Length >= 200)
                return text.Append('…').ToString();
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator)
                text.Append("\\u{").Append(rune.Value.ToString("x", CultureInfo.InvariantCulture)).Append('}');
            else
                text.Append(rune);
        }
        return text.ToString();
    }
}
