using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PxBackup.Gateway.Access;

/// <summary>
/// What the embedded provider tells other gateways about tokens that it has issued, so that sign-out, a new password and changed rights
/// count there as well. Users are named by a hash: the document is open to everybody.
/// </summary>
internal sealed class Standing
{
    /// <summary>The member of the discovery document that says where it is.</summary>
    public const string Endpoint = "px_standing_endpoint";

    /// <summary>10,000 users of 60 B and 10,000 ended sessions of 35 B, and room.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private readonly StandingDocument document;
    private readonly FrozenDictionary<string, string> users;
    private readonly FrozenSet<string> ended;

    private Standing(StandingDocument document)
    {
        this.document = document;
        users = document.Users.ToFrozenDictionary(StringComparer.Ordinal);
        ended = document.Ended.ToFrozenSet(StringComparer.Ordinal);
    }

    public string Version => document.Version;

    /// <exception cref="JsonException">It is none.</exception>
    public static Standing Parse(ReadOnlySpan<byte> json) => new(
        JsonSerializer.Deserialize(json, StandingJson.Default.StandingDocument) ?? throw new JsonException("the document is null"));

    /// <summary>The caller, or null: the user was removed or disabled.</summary>
    /// <exception cref="TokenException"><see cref="TokenFault.SignedOut"/></exception>
    public CallerIdentity? Judge(CallerIdentity claimed)
    {
        if (!users.TryGetValue(NameOf(claimed.Subject), out var entry) || entry.Split('.') is not [var mark, var rights, var unmarked])
            return null;
        var isCurrent = claimed.Mark.Length > 0 ? claimed.Mark == mark : unmarked.Length > 0 && claimed.IssuedAt.ToUnixTimeSeconds() < document.Since;
        if (!isCurrent || ended.Contains(claimed.Session))
            throw TokenException.SignedOut();
        return rights == RightsOf(claimed.Groups, claimed.Roles)
            ? claimed : throw new TokenException(TokenFault.SignedOut, "the user's groups or roles have changed since the token was issued; refresh it or sign in again");
    }

    public static string NameOf(string subject) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("px standing " + subject)).AsSpan(0, 11));

    public static string EntryOf(string mark, IEnumerable<string> groups, IEnumerable<string> roles, bool unmarkedCounts) =>
        $"{mark}.{RightsOf(groups, roles)}.{(unmarkedCounts ? "u" : "")}";

    private static string RightsOf(IEnumerable<string> groups, IEnumerable<string> roles)
    {
        var text = JsonSerializer.Serialize((string[][])[[.. groups.Order(StringComparer.Ordinal)], [.. roles.Order(StringComparer.Ordinal)]]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
    }
}

/// <summary>The document as it travels.</summary>
internal sealed record StandingDocument
{
    /// <summary>Changes with every change.</summary>
    public required string Version { get; init; }

    /// <summary>Seconds since 1970: tokens without a mark were issued before.</summary>
    public required long Since { get; init; }

    /// <summary>Enabled users.</summary>
    public required Dictionary<string, string> Users { get; init; }

    /// <summary>Ids of sessions that have ended and of which tokens would still live.</summary>
    public required string[] Ended { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StandingDocument))]
internal sealed partial class StandingJson : JsonSerializerContext;
