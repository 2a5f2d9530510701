using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace PxBackup.Gateway.Access;

/// <summary>
/// The full check of one token. Reading is strict and ours; everything cryptographic is Microsoft.IdentityModel's. What costs
/// nothing is checked first, so that foreign and expired tokens neither reach the signature nor make us ask the issuer for keys.
/// </summary>
internal sealed class TokenVerification(IIssuer issuer, IdentityOptions options, TimeProvider time)
{
    private readonly JsonWebTokenHandler handler = new()
    {
        MapInboundClaims = false,
        MaximumTokenSizeInBytes = IdentityOptions.MaxTokenLength,
    };

    /// <summary>When a caller's token stops counting.</summary>
    public DateTimeOffset UsableUntil(CallerIdentity caller) => Later(caller.Expires, options.ClockSkew);

    /// <exception cref="TokenException">The token is refused, or the issuer cannot be asked.</exception>
    public async Task<CallerIdentity> VerifyAsync(string token)
    {
        using var parts = TokenParts.Parse(token);
        var header = TokenHeader.Read(parts.Header);
        var claims = TokenClaims.Read(parts.Payload);
        if (!string.Equals(claims.Issuer, issuer.Name, StringComparison.Ordinal))
            throw new TokenException(TokenFault.WrongIssuer, "the token was issued by somebody else than this server's identity provider");
        CheckLifetime(claims);

        var found = await issuer.FindKeysAsync(header.KeyId).ConfigureAwait(false);
        var keys = found.Where(key => key.Algorithm is null || key.Algorithm == header.Algorithm).Select(key => key.Key).ToArray();
        if (keys.Length == 0)
            throw new TokenException(TokenFault.UnknownKey, "the token is signed with a key that the identity provider does not publish; sign in again");

        var result = await handler.ValidateTokenAsync(token, Parameters(keys, claims)).ConfigureAwait(false);
        if (!result.IsValid)
            throw Refusal(result.Exception);
        return issuer.Current(claims.Caller)
            ?? throw new TokenException(TokenFault.UserGone, "the user of this token was removed or disabled");
    }

    private TokenValidationParameters Parameters(SecurityKey[] keys, TokenClaims claims) => new()
    {
        ValidIssuer = issuer.Name,
        ValidateAudience = !string.IsNullOrEmpty(options.Audience),
        ValidAudience = options.Audience,
        ValidAlgorithms = TokenHeader.Algorithms,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ClockSkew = options.ClockSkew,
        // The found keys and no others, whatever the token's header says.
        IssuerSigningKeyResolver = (_, _, _, _) => keys,
        LifetimeValidator = (_, _, _, _) => IsWithin(claims),
    };

    private bool IsWithin(TokenClaims claims)
    {
        var now = time.GetUtcNow();
        return now < Later(claims.Expires, options.ClockSkew) && !(claims.NotBefore > Later(now, options.ClockSkew));
    }

    private void CheckLifetime(TokenClaims claims)
    {
        if (IsWithin(claims))
            return;
        throw time.GetUtcNow() >= claims.Expires
            ? new TokenException(TokenFault.Expired, "the token has expired; sign in again")
            : new TokenException(TokenFault.NotYetValid, "the token is not valid yet ('nbf'); check the clocks");
    }

    private static TokenException Refusal(Exception? cause) => cause switch
    {
        SecurityTokenInvalidAudienceException => new(TokenFault.WrongAudience, "the token is for another audience", cause),
        SecurityTokenInvalidIssuerException => new(TokenFault.WrongIssuer, "the token was issued by somebody else than this server's identity provider", cause),
        SecurityTokenInvalidLifetimeException or SecurityTokenExpiredException => new(TokenFault.Expired, "the token has expired; sign in again", cause),
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException =>
            new(TokenFault.BadSignature, "the token's signature is wrong", cause),
        _ => TokenException.Malformed("it cannot be verified", cause),
    };

    private static DateTimeOffset Later(DateTimeOffset from, TimeSpan by) =>
        from > DateTimeOffset.MaxValue - by ? DateTimeOffset.MaxValue : from + by;
}
