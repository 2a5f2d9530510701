using System.Text.Json;

namespace PxBackup.Gateway.Access;

/// <summary>What the payload says, by the names that Keycloak and the product's clients use.</summary>
internal sealed record TokenClaims(string Issuer, DateTimeOffset Expires, DateTimeOffset? NotBefore, CallerIdentity Caller)
{
    // OpenID Connect Core, section 2: sub has at most 255 characters.
    private const int LongestSubject = 255;

    // 9999-12-31T23:59:59Z, the last second a DateTimeOffset has.
    private const double LastSecond = 253_402_300_799;

    /// <exception cref="TokenException">Malformed, or another kind of token.</exception>
    public static TokenClaims Read(JsonElement payload)
    {
        // Keycloak says in the payload what the token is for: Bearer, or ID, Refresh, Offline, Logout.
        if (TokenParts.Text(payload, "typ") is { } type && !type.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            throw new TokenException(TokenFault.NotAccessToken, "this is not an access token (its claim 'typ' is not Bearer)");
        var subject = TokenParts.Text(payload, "sub");
        if (string.IsNullOrWhiteSpace(subject) || subject.Length > LongestSubject || subject.AsSpan().ContainsAnyInRange('\0', '\u001f'))
            throw TokenException.Malformed("'sub' is missing or not a user's id");
        var expires = Instant(payload, "exp") ?? throw TokenException.Malformed("'exp' is missing");
        var groups = Texts(payload, "groups").Select(CallerIdentity.WithoutSlash).Distinct().ToArray();
        var realm = payload.TryGetProperty("realm_access", out var access) && access.ValueKind == JsonValueKind.Object
            ? Texts(access, "roles") : [];
        var roles = Texts(payload, "roles").Concat(realm).Distinct().ToArray();
        return new(
            TokenParts.Text(payload, "iss") ?? throw TokenException.Malformed("'iss' is missing"),
            expires,
            Instant(payload, "nbf"),
            new()
            {
                Subject = subject,
                PreferredUsername = TokenParts.Text(payload, "preferred_username") is { Length: > 0 } name ? name : subject,
                Email = TokenParts.Text(payload, "email") ?? "",
                Groups = groups,
                Roles = roles,
                Expires = expires,
                IssuedAt = Instant(payload, "iat") ?? DateTimeOffset.MinValue,
                Session = Short(payload, "sid"),
                Mark = Short(payload, "px_mark"),
                IsSuperAdmin = CallerIdentity.IsSuper(groups, roles),
            });
    }

    // Of another issuer these may be anything; only what we have written ourselves is looked at.
    private static string Short(JsonElement payload, string member) =>
        payload.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String && TokenParts.Decode(value) is { Length: <= 64 } text ? text : "";

    /// <summary>Strings of a list, or the one string that some providers write for a list of one. Anything else grants nothing.</summary>
    private static IEnumerable<string> Texts(JsonElement part, string member)
    {
        if (!part.TryGetProperty(member, out var value))
            return [];
        return value.ValueKind switch
        {
            JsonValueKind.String => [TokenParts.Decode(value)],
            JsonValueKind.Array => value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(TokenParts.Decode),
            _ => [],
        };
    }

    private static DateTimeOffset? Instant(JsonElement payload, string member)
    {
        if (!payload.TryGetProperty(member, out var value))
            return null;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var seconds) || seconds is not (>= 0 and <= LastSecond))
            throw TokenException.Malformed($"'{member}' is not a time in seconds since 1970");
        return DateTimeOffset.FromUnixTimeSeconds((long)seconds);
    }
}
