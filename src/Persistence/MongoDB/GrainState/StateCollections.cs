using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Persistence.MongoDB.GrainState;

/// <summary>The name of the collection of a service's states with one name: <c>grains.service.state</c>.</summary>
internal static class StateCollections
{
    /// <summary>
    /// Bytes of a part that are taken as they are; with the prefix and two parts a name stays under 120 bytes, which with the
    /// database's name is what MongoDB takes in every version.
    /// </summary>
    private const int LongestPart = 36;

    /// <summary>Bytes of the hash that stands for the rest of a longer name: 80 bits, so that two names never meet.</summary>
    private const int HashBytes = 10;

    private const string Plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    /// <summary>The collection. Different services and state names never share one.</summary>
    public static string NameOf(string prefix, string service, string state) => $"{prefix}.{Part(service)}.{Part(state)}";

    private static string Part(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var escaped = string.Concat(bytes.Select(b => Plain.Contains((char)b) ? ((char)b).ToString() : $"%{b:X2}"));
        // '~' occurs in no escaped name, so that a shortened one is never taken for a short one.
        return escaped.Length is > 0 and <= LongestPart
            ? escaped
            : $"{escaped[..Math.Min(escaped.Length, LongestPart - 1 - (2 * HashBytes))]}~{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, HashBytes))}";
    }
}
