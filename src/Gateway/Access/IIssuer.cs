using Microsoft.IdentityModel.Tokens;

namespace PxBackup.Gateway.Access;

/// <summary>The party whose tokens are accepted.</summary>
internal interface IIssuer
{
    /// <summary>The exact value of <c>iss</c>.</summary>
    string Name { get; }

    /// <summary>
    /// A number that changes whenever a token checked earlier may be worth less: keys changed, a user removed. Called for
    /// every request: no I/O, no allocation; it may start a refresh in the background. Negative: nothing checked now may be kept.
    /// </summary>
    long VersionAt(DateTimeOffset now);

    /// <summary>The keys that may have signed a token with this <c>kid</c> (none given: only if there is one key at all).</summary>
    /// <exception cref="TokenException"><see cref="TokenFault.IssuerUnavailable"/></exception>
    ValueTask<IReadOnlyList<SigningKey>> FindKeysAsync(string? keyId);

    /// <summary>The caller as the issuer sees it now, or null if the user is gone. An issuer elsewhere cannot be asked: unchanged.</summary>
    /// <exception cref="TokenException"><see cref="TokenFault.SignedOut"/></exception>
    CallerIdentity? Current(CallerIdentity claimed);
}

/// <summary>A public key and the one algorithm it is for, if its publisher names one.</summary>
internal sealed record SigningKey(SecurityKey Key, string? Algorithm);
