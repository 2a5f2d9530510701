namespace PxBackup.Gateway.Access;

/// <summary>Why a token was not accepted.</summary>
public enum TokenFault
{
    /// <summary>No authorization header, or one without a token.</summary>
    Missing,

    /// <summary>Not a signed JWT that this product reads: shape, size, algorithm, doubled members, required claims.</summary>
    Malformed,

    /// <summary>A token of the issuer that was not made for calling an API (an ID or refresh token).</summary>
    NotAccessToken,

    /// <summary><c>exp</c> has passed.</summary>
    Expired,

    /// <summary><c>nbf</c> has not come yet.</summary>
    NotYetValid,

    /// <summary><c>iss</c> is not the configured issuer.</summary>
    WrongIssuer,

    /// <summary><c>aud</c> does not hold the configured audience.</summary>
    WrongAudience,

    /// <summary>The issuer publishes no key with this <c>kid</c>.</summary>
    UnknownKey,

    /// <summary>The signature does not belong to the token.</summary>
    BadSignature,

    /// <summary>The user was removed or disabled after the token was issued.</summary>
    UserGone,

    /// <summary>The token was ended before its time: sign-out, a new password, a refresh token that came twice.</summary>
    SignedOut,

    /// <summary>The issuer's keys cannot be fetched: nothing is said about the token.</summary>
    IssuerUnavailable,
}

/// <summary>A token that was not accepted. The message is safe to send to the caller: no secret, no host, no key.</summary>
public sealed class TokenException : Exception
{
    internal TokenException(TokenFault fault, string message, Exception? cause = null) : base(message, cause) => Fault = fault;

    /// <summary>The reason, for codes and metrics.</summary>
    public TokenFault Fault { get; }

    /// <summary>True: answer UNAVAILABLE and let the client retry. False: answer UNAUTHENTICATED.</summary>
    public bool IsUnavailable => Fault == TokenFault.IssuerUnavailable;

    internal static TokenException Missing() =>
        new(TokenFault.Missing, "no token: send the header 'authorization: bearer <token>'");

    internal static TokenException Doubled() =>
        new(TokenFault.Malformed, "token malformed: more than one authorization header came: send exactly one, with one token");

    internal static TokenException SignedOut() =>
        new(TokenFault.SignedOut, "the token was ended by sign-out or a new password; sign in again");

    internal static TokenException Malformed(string what, Exception? cause = null) =>
        new(TokenFault.Malformed, $"token malformed: {what}", cause);
}
