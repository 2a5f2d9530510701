using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Where a record is counted: with the others that the same readers see, and of about the same time of creation.</summary>
/// <param name="Audience">Short hash of the readers.</param>
/// <param name="Bucket">Time of creation in steps of <see cref="Step"/>.</param>
internal readonly record struct Place(string Audience, long Bucket)
{
    /// <summary>2^25 ms, 9.3 hours: a year has 940 buckets (15 KB for each audience), a million records a year make 1,060 in each.</summary>
    private const int StepBits = 25;

    /// <summary>Length of a bucket in milliseconds.</summary>
    public const long Step = 1L << StepBits;

    /// <summary>The place of a record.</summary>
    /// <param name="readers">All its readers, sorted.</param>
    /// <param name="created">Milliseconds since 1970.</param>
    public static Place Of(IEnumerable<string> readers, long created) =>
        new(Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(readers)).AsSpan(0, 12)), created >> StepBits);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static Place? Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && long.TryParse(text.AsSpan(slash + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var bucket)
            ? new Place(text[..slash], bucket)
            : null;
    }

    /// <summary>The organization and kind that a counter belongs to.</summary>
    public static string ScopeOf(ObjectKind kind, string org) => $"{kind.Slug()}/{org}";

    /// <summary>First millisecond of a bucket.</summary>
    public static long StartOf(long bucket) => bucket << StepBits;

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Audience}/{Bucket}");
}
