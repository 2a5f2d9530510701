using System.Buffers;
using System.Net;

namespace PxBackup.Gateway.BackupLocations;

/// <summary>How S3 names buckets.</summary>
internal static class BucketName
{
    public const string Rule = "3-63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit, no two dots together, not an IP address";

    private static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    public static bool IsValid(string name) =>
        name.Length is >= 3 and <= 63
        && !name.AsSpan().ContainsAnyExcept(Characters)
        && char.IsAsciiLetterOrDigit(name[0])
        && char.IsAsciiLetterOrDigit(name[^1])
        && !name.Contains("..", StringComparison.Ordinal)
        && !IPAddress.TryParse(name, out _);
}
