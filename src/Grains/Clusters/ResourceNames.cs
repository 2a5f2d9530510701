using System.Text;

namespace PxBackup.Grains.Clusters;

/// <summary>Names that people choose freely, made fit for Kubernetes.</summary>
internal static class ResourceNames
{
    /// <summary>It is a name that Kubernetes takes: a DNS subdomain of at most 253 characters.</summary>
    public static bool IsClean(string name) => name.Length is > 0 and <= 253 && IsEdge(name[0]) && IsEdge(name[^1]) && name.All(c => IsEdge(c) || c is '-' or '.');

    private static bool IsEdge(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');

    /// <summary>
    /// A DNS subdomain of at most 200 characters: lower case, anything but letters, digits, '-' and '.' replaced by '-', letters
    /// or digits at both ends of every part between dots.
    /// </summary>
    public static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (var c in name.ToLowerInvariant())
            clean.Append(c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '.' ? c : '-');
        var parts = clean.ToString().Split('.').Select(part => part.Trim('-')).Where(part => part.Length > 0);
        var text = string.Join('.', parts);
        if (text.Length > 200)
            text = text[..200].TrimEnd('-', '.');
        return text.Length == 0 ? "x" : text;
    }
}
