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

    public EmbeddedIssuer(EmbeddedIdentity identity, IOptions<IdentityOptions> options)
    {
        Name = options.Value.Issuer;
        users = identity.Users;
        keyId = identity.SigningKey.KeyId;
        var verifyOnly = new RsaSecurityKey(identity.SigningKey.Rsa.ExportParameters(includePrivateParameters: false)) { KeyId = keyId };
        keys = [new(verifyOnly, SecurityAlgorithms.RsaSha256)];
    }

    public string Name { get; }

    public long VersionAt(DateTimeOffset now) => users.Version;

    public ValueTask<IReadOnlyList<SigningKey>> FindKeysAsync(string? wanted) =>
        new(wanted is null || wanted == keyId ? keys : []);

    public CallerIdentity? Current(CallerIdentity claimed)
    {
        var state = users.State;
        if (state.UserById(claimed.Subject) is not { Enabled: true } user)
            return null;
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
