using PxBackup.Gateway.Access;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>Knows two users and a few ways to fail; the token is the user's name.</summary>
internal sealed class FakeTokens : ITokenValidator
{
    public const string User = "bearer alice";
    public const string Admin = "bearer root";
    public const string Expired = "bearer expired";
    public const string IssuerDown = "bearer down";

    public ValueTask<CallerIdentity> ValidateAsync(string? authorizationHeader, CancellationToken cancellationToken = default) => authorizationHeader switch
    {
        null => ValueTask.FromException<CallerIdentity>(TokenException.Missing()),
        User => new(Identity("alice", admin: false)),
        Admin => new(Identity("root", admin: true)),
        Expired => ValueTask.FromException<CallerIdentity>(new TokenException(TokenFault.Expired, "token expired")),
        IssuerDown => ValueTask.FromException<CallerIdentity>(new TokenException(TokenFault.IssuerUnavailable, "keys cannot be fetched")),
        _ => ValueTask.FromException<CallerIdentity>(TokenException.Malformed("test")),
    };

    private static CallerIdentity Identity(string name, bool admin) => new()
    {
        Subject = $"sub-{name}",
        PreferredUsername = name,
        Expires = DateTimeOffset.MaxValue,
        IsSuperAdmin = admin,
    };
}
