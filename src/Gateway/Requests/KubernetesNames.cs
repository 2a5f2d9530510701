using System.Buffers;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>Names that end up in Kubernetes, by its rules (RFC 1123).</summary>
internal static class KubernetesNames
{
    // 253 less '-' and 7 characters of the uid that the resource's name carries, with room for what Stork appends to it.
    private const int LongestResource = 200;

    private static readonly SearchValues<char> LabelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> QualifiedCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>The name of a backup or restore: its resource on the cluster is named after it.</summary>
    public static void Resource(string field, string name)
    {
        Fields.Required(field, name);
        if (name.Length > LongestResource || !IsSubdomain(name))
            throw DomainException.InvalidField(field, $"must be at most {LongestResource} lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit: a Kubernetes resource is named after it");
    }

    /// <summary>A namespace's name.</summary>
    public static void Namespace(string field, string name)
    {
        if (!IsLabel(name))
            throw DomainException.InvalidField(field, $"'{Shown(name)}' is not a namespace's name: 1-63 lower-case letters, digits and '-', beginning and ending with a letter or digit");
    }

    /// <summary>The name of any object in Kubernetes.</summary>
    public static void Subdomain(string field, string name)
    {
        if (!IsSubdomain(name))
            throw DomainException.InvalidField(field, $"'{Shown(name)}' is not a Kubernetes name: 1-253 lower-case letters, digits, '-' and '.'");
    }

    /// <summary>A label's key: optional DNS prefix and <c>/</c>, then 1-63 characters.</summary>
    public static bool IsLabelKey(ReadOnlySpan<char> key)
    {
        var slash = key.IndexOf('/');
        return (slash < 0 || IsSubdomain(key[..slash])) && IsQualified(key[(slash + 1)..]);
    }

    /// <summary>A label's value: empty, or up to 63 characters.</summary>
    public static bool IsLabelValue(ReadOnlySpan<char> value) => value.IsEmpty || IsQualified(value);

    /// <summary>What of a wrong name is repeated in a message.</summary>
    public static string Shown(string name)
    {
        var shown = name.Length <= 80 ? name : name[..80] + "…";
        return string.Create(shown.Length, shown, static (text, from) =>
        {
            for (var i = 0; i < text.Length; i++)
                text[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
    }

    public static bool IsLabel(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= 63 && name[0] != '-' && name[^1] != '-' && !name.ContainsAnyExcept(LabelCharacters);

    public static bool IsSubdomain(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > 253)
            return false;
        foreach (var part in name.Split('.'))
            if (name[part] is not { Length: > 0 } label || label[0] == '-' || label[^1] == '-' || label.ContainsAnyExcept(LabelCharacters))
                return false;
        return true;
    }

    private static bool IsQualified(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1]) && !name.ContainsAnyExcept(QualifiedCharacters);
}
