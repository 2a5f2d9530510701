using System.Text.Json;

namespace PxBackup.Gateway.Access;

/// <summary>
/// What the JOSE header may say. Members that bring keys along (<c>jwk</c>, <c>jku</c>, <c>x5u</c>, <c>x5c</c>) are not read: keys come
/// from the issuer only.
/// </summary>
internal sealed record TokenHeader(string Algorithm, string? KeyId)
{
    /// <summary>Signatures by a key pair. No <c>none</c>, no shared secret: with HS256 a public key would be the secret.</summary>
    public static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];

    // Keycloak writes JWT, RFC 9068 at+jwt; some write no typ at all.
    private static readonly string[] Types = ["JWT", "at+jwt", "application/at+jwt"];

    private const int LongestKeyId = 256;

    /// <exception cref="TokenException">Malformed, or another kind of token.</exception>
    public static TokenHeader Read(JsonElement header)
    {
        var algorithm = TokenParts.Text(header, "alg");
        if (algorithm is null || !Algorithms.Contains(algorithm, StringComparer.Ordinal))
            throw TokenException.Malformed("its algorithm is not one of " + string.Join(", ", Algorithms));
        if (TokenParts.Text(header, "typ") is { } type && !Types.Contains(type, StringComparer.OrdinalIgnoreCase))
            throw new TokenException(TokenFault.NotAccessToken, "this is not an access token ('typ' must be JWT or at+jwt)");
        if (header.TryGetProperty("crit", out _) || header.TryGetProperty("zip", out _) || header.TryGetProperty("b64", out _))
            throw TokenException.Malformed("its header asks for an extension that is not supported");
        if (TokenParts.Text(header, "cty") is { } content && content.EndsWith("JWT", StringComparison.OrdinalIgnoreCase))
            throw TokenException.Malformed("a token inside a token is not supported");
        var keyId = TokenParts.Text(header, "kid");
        return keyId?.Length > LongestKeyId
            ? throw TokenException.Malformed($"its 'kid' is longer than {LongestKeyId} characters")
            : new(algorithm, keyId);
    }
}
