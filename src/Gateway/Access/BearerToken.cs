using System.Buffers;

namespace PxBackup.Gateway.Access;

/// <summary>Takes the token out of an authorization header.</summary>
internal static class BearerToken
{
    private const string Scheme = "bearer";

    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>Null and the token, or what is wrong. Scheme in any case (clients send both), blanks around the token allowed.</summary>
    public static TokenException? Read(string? header, out ReadOnlySpan<char> token)
    {
        token = default;
        var value = header.AsSpan().Trim(' ');
        if (value.IsEmpty)
            return TokenException.Missing();
        var blank = value.IndexOf(' ');
        var scheme = blank < 0 ? value : value[..blank];
        if (!scheme.Equals(Scheme, StringComparison.OrdinalIgnoreCase))
            return TokenException.Malformed("the authorization header's scheme must be 'bearer'");
        if (blank < 0)
            return TokenException.Missing();
        token = value[blank..].TrimStart(' ');
        if (token.Length > IdentityOptions.MaxTokenLength)
            return TokenException.Malformed($"it is longer than {IdentityOptions.MaxTokenLength} characters");
        if (token.Contains(','))
            return TokenException.Doubled();
        return token.ContainsAnyExcept(TokenCharacters) ? TokenException.Malformed("it holds characters that no JWT has") : null;
    }
}
