using System.Globalization;
using System.Text;

namespace PxBackup.Grains.Interfaces;

/// <summary>
/// Texts from outside (a cluster, a bucket, an identity provider, a stored row) as one bounded, printable line, before they are kept, logged
/// or answered (docs/adr/0022).
/// </summary>
public static class OutsideText
{
    /// <summary>Longest text that is kept, UTF-16 units, the ellipsis included: Kubernetes cuts Event messages there, too.</summary>
    public const int MaxLength = 1024;

    /// <summary>
    /// One line: runs of white space and line breaks become one blank, other control, format and surrogate characters their <c>\uXXXX</c>,
    /// and what is longer than <paramref name="maxLength"/> ends in an ellipsis. A text that is already so comes back as it is.
    /// </summary>
    public static string OneLine(string? text, int maxLength = MaxLength)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        if (text.Length <= maxLength && IsOneLine(text))
            return text;
        var line = new StringBuilder(Math.Min(text.Length, maxLength));
        for (var at = 0; at < text.Length; at++)
        {
            var length = line.Length;
            if (!Append(line, text, ref at))
                continue;
            if (line.Length <= maxLength)
                continue;
            line.Length = Math.Min(length, maxLength - 1);
            if (line.Length > 0 && char.IsHighSurrogate(line[^1]))
                line.Length--;
            return line.Append('…').ToString();
        }

        return line.ToString().TrimEnd(' ');
    }

    private static bool IsOneLine(string text)
    {
        if (text[0] == ' ' || text[^1] == ' ')
            return false;
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] is >= '!' and <= '~' || (text[at] == ' ' && text[at - 1] != ' '))
                continue;
            if (char.IsWhiteSpace(text[at]) || !IsPrintable(text, at))
                return false;
            if (char.IsHighSurrogate(text[at]))
                at++;
        }

        return true;
    }

    /// <summary>Appends the character at <paramref name="at"/>; false when nothing was appended.</summary>
    private static bool Append(StringBuilder line, string text, ref int at)
    {
        var character = text[at];
        if (char.IsWhiteSpace(character))
        {
            if (line.Length == 0 || line[^1] == ' ')
                return false;
            line.Append(' ');
        }
        else if (!IsPrintable(text, at))
        {
            line.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
        }
        else
        {
            line.Append(character);
            if (char.IsHighSurrogate(character))
                line.Append(text[++at]);
        }

        return true;
    }

    // Format characters turn the reading direction or hide in a name; a lone half of a pair is no character.
    private static bool IsPrintable(string text, int at) => CharUnicodeInfo.GetUnicodeCategory(text, at) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse);
}
