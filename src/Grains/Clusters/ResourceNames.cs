using System.Text;

namespace PxBackup.Grains.Clusters;

/// <summary>Names that people choose freely, made fit for Kubernetes.</summary>
internal static class ResourceNames
{
    /// <summary>Lower case, anything but letters, digits, '-' and '.' replaced by '-', letters or digits at both ends, at most 200 characters.</summary>
    public static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (var c in name.ToLowerInvariant())
            clean.Append(c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '.' ? c : '-');
        var text = clean.ToString().Trim('-', '.');
        if (text.Length > 200)
            text = text[..200].TrimEnd('-', '.');
        return text.Length == 0 ? "x" : text;
    }
}
