namespace PxBackup.Gateway.Access;

/// <summary>Turns the authorization header of a call into the caller it proves.</summary>
public interface ITokenValidator
{
    /// <summary>Checks signature, issuer, audience and lifetime; a token checked before is answered from memory.</summary>
    /// <param name="authorizationHeader">The whole value, <c>bearer &lt;jwt&gt;</c>; the scheme's case does not matter.</param>
    /// <param name="cancellationToken">Stops waiting; the check itself goes on for others who wait for the same token.</param>
    /// <exception cref="TokenException">The token is refused, or nobody can tell because the issuer does not answer.</exception>
    ValueTask<CallerIdentity> ValidateAsync(string? authorizationHeader, CancellationToken cancellationToken = default);
}
