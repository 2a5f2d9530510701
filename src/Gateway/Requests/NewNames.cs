using System.Globalization;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// Names, uids and organizations that a create may give: whatever is accepted can be addressed by every route that carries it, and looks like
/// no other name. One rule for all kinds; kinds that Kubernetes names after them have its stricter rule (<see cref="KubernetesNames"/>).
/// Requests about objects that exist are not held to it: what an older release accepted stays reachable by gRPC.
/// </summary>
internal static class NewNames
{
    /// <summary>An object's name.</summary>
    public static void Name(string field, string name)
    {
        Fields.Name(field, name);
        NotDots(field, name);
        for (var at = 0; at < name.Length; at++)
        {
            if (name[at] == ':')
                throw DomainException.InvalidField(field, "must not contain ':': in a path of the REST API it begins a verb, so that the object could not be addressed");
            if (!IsVisible(name, at))
                throw DomainException.InvalidField(field, $"must not contain U+{CodePoint(name, at):X4} at character {at + 1}: it cannot be seen, or is no character, so that names would look alike");
            if (Composes(name[at]))
                throw DomainException.InvalidField(field, $"must not contain U+{(int)name[at]:X4} at character {at + 1}: it joins the character before it, and systems write such a pair in two ways; write the composed character (Unicode's form NFC)");
            if (char.IsHighSurrogate(name[at]))
                at++;
        }
    }

    /// <summary>A uid that the client chose, or none.</summary>
    public static void Uid(string field, string uid)
    {
        Fields.Uid(field, uid);
        NotDots(field, uid);
    }

    /// <summary>The name of an organization, which is the <c>org_id</c> of what it holds.</summary>
    public static void Organization(string field, string name)
    {
        Fields.Required(field, name);
        Fields.OrgOrDefault(name, field);
        NotDots(field, name);
    }

    // Clients and proxies take these out of a path before they send it, encoded or not (RFC 3986 section 5.2.4).
    private static void NotDots(string field, string text)
    {
        if (text is "." or "..")
            throw DomainException.InvalidField(field, $"must not be '{text}': in a path it means a directory, so that the object could not be addressed");
    }

    private static bool IsVisible(string text, int at) => text[at] != '\uFFFD' && CharUnicodeInfo.GetUnicodeCategory(text, at) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);

    // What composition (NFC) joins with a character before it: accents, the marks of Kana, vowels and finals of Hangul. The runtime's own test for
    // the form needs tables that this program is built without (invariant globalization): there every text passes it.
    private static bool Composes(char c) => c is (>= '\u0300' and <= '\u036F') or '\u3099' or '\u309A' or (>= '\u1161' and <= '\u1175') or (>= '\u11A8' and <= '\u11C2');

    private static int CodePoint(string text, int at) => char.IsSurrogatePair(text, at) ? char.ConvertToUtf32(text, at) : text[at];
}
