using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Grains.Clusters;

/// <summary>How resources of ours are known on an application cluster. What does not carry these labels is never touched.</summary>
internal static class StorkLabels
{
    /// <summary>Kubernetes' recommended label for the tool that manages an object.</summary>
    public const string ManagedBy = "app.kubernetes.io/managed-by";

    /// <summary>Its value.</summary>
    public const string ManagedByValue = "pxbackup";

    /// <summary>Uid of the backup, restore or location that a resource was made for.</summary>
    public const string Uid = "pxbackup.io/uid";

    /// <summary>
    /// Annotation with the value <c>true</c> on everything that we place: Stork then leaves it out of every backup. A bucket's key does not
    /// belong into a backup, nor does work that would begin again where it is restored.
    /// </summary>
    public const string SkipResource = "stork.libopenstorage.org/skip-resource";

    /// <summary>Annotation of a backup's resource: the uid of its location, whose end decides whether data stays.</summary>
    public const string LocationUid = "pxbackup.io/location-uid";

    private const string HashPrefix = "sha256-";

    /// <summary>Selects our resources.</summary>
    public const string Selector = ManagedBy + "=" + ManagedByValue;

    /// <summary>The labels of a resource made for <paramref name="uid"/>.</summary>
    public static Dictionary<string, string> For(string uid) => new() { [ManagedBy] = ManagedByValue, [Uid] = ValueOf(uid) };

    /// <summary>
    /// The uid as a label's value. Clients may choose uids that Kubernetes does not take as one (longer than 63 characters, '-' at
    /// the end): then a hash stands for it. Reports of the watch do not find their way by a hash; such work is followed by looking.
    /// </summary>
    public static string ValueOf(string uid) =>
        uid.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(uid[0]) && char.IsAsciiLetterOrDigit(uid[^1]) && uid.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? uid
            : HashPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(uid)))[..56];

    /// <summary>The value stands for a uid that Kubernetes does not take as a label.</summary>
    public static bool IsHash(string value) => value.Length == HashPrefix.Length + 56 && value.StartsWith(HashPrefix, StringComparison.Ordinal);

    /// <summary>
    /// Name of everything that is made for an object: its name and the first seven characters of its uid, so that a repeat
    /// meets what an earlier attempt has made (DESIGN D3).
    /// </summary>
    public static string NameFor(string name, string uid)
    {
        var tail = "-" + ResourceNames.Clean(uid[..Math.Min(7, uid.Length)]);
        // 253 is Kubernetes' limit for the name of a custom resource.
        return name.Length + tail.Length <= 253 ? name + tail : name[..(253 - tail.Length)].TrimEnd('-', '.') + tail;
    }
}
