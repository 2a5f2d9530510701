using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// The embedded provider seen by the validator: no HTTP, the key is here. Groups and roles are the user's present ones, not those of
/// the day the token was issued: a token may live for a year.
/// </summary>
internal sealed class EmbeddedIssuer : IIssuer
{
    private readonly SigningKey[] keys;
    private readonly string keyId;
    private readonly UserDirectory users;
    private readonly SessionBook sessions;

    public EmbeddedIssuer(EmbeddedIdentity identity, IOptions<IdentityOptions> options)
    {
        Name = options.Value.Issuer;
        users = identity.Users;
        sessions = identity.Sessions;
        keyId = identity.SigningKey.KeyId;
        var verifyOnly = new RsaSecurityKey(identity.SigningKey.Rsa.ExportParameters(includePrivateParameters: false)) { KeyId = keyId };
        keys = [new(verifyOnly, SecurityAlgorithms.RsaSha256)];
    }

    public string Name { get; }

    public long VersionAt(DateTimeOffset now) => users.Version + sessions.Version;

    public ValueTask<IReadOnlyList<SigningKey>> FindKeysAsync(string? wanted) =>
        new(wanted is null || wanted == keyId ? keys : []);

    public CallerIdentity? Current(CallerIdentity claimed)
    {
        var state = users.State;
        if (state.UserById(claimed.Subject) is not { Enabled: true } user)
            return null;
        var book = sessions.State;
        // Tokens of releases before 3.0 bear no mark: they count until all of the user's tokens are ended.
        var isCurrent = claimed.Mark.Length > 0
            ? claimed.Mark == book.MarkOf(user) : claimed.IssuedAt < book.Since && !book.Epochs.ContainsKey(user.Id);
        if (!isCurrent || book.IsEnded(claimed.Session))
            throw TokenException.SignedOut();
        var groups = state.GroupNames(user);
        var roles = state.RoleNames(user);
        return claimed with
        {
            PreferredUsername = user.Username,
            Email = user.Email,
            Groups = groups,
            Roles = roles,
            IsSuperAdmin = CallerIdentity.IsSuper(groups, roles),
        };
    }
}
