using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>The provider in this process: its key and its users, loaded or made when first asked for.</summary>
public sealed partial class EmbeddedIdentity
{
    // 24 bytes = 192 bits, 32 characters that need no quoting in a shell.
    private const int GeneratedPasswordBytes = 24;

    private static readonly (string Name, string Description)[] ProductRoles =
    [
        (CallerIdentity.SuperAdminRole, "Manages every object of every user"),
        ("px-backup-infra.admin", "Manages credentials, locations, policies, rules and roles"),
        ("px-backup-app.admin", "Manages locations, policies and rules"),
        ("px-backup-app.user", "Backs up and restores"),
    ];

    /// <summary>Loads key and users, or makes them on the first start.</summary>
    /// <exception cref="IdentityStartException">A file is there but cannot be used.</exception>
    public EmbeddedIdentity(IOptions<IdentityOptions> options, TimeProvider time, ILogger<EmbeddedIdentity> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        var embedded = options.Value.Embedded;
        var folder = Path.GetFullPath(embedded.Directory);
        try
        {
            PrivateFile.MakeFolder(folder);
            // Users first: if they are damaged, no new key is made either.
            var users = UserDirectory.Load(folder);
            (SigningKey, var made) = SigningKeyFile.LoadOrMake(folder);
            if (made && users is not null)
                NewKey(logger, SigningKeyFile.Name);
            if (users is not null && !string.IsNullOrEmpty(embedded.AdminPassword))
                PasswordIgnored(logger);
            Users = users ?? MakeUsers(folder, embedded, time);
            var existing = Users.State.Users.Select(user => user.Id).ToHashSet();
            Sessions = SessionBook.LoadOrMake(folder, existing, time, logger);
            KnownSources = new(folder, existing, time, logger);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new IdentityStartException($"'{folder}' cannot be written ({wrong.Message}): give this product's user access, or set Identity:Embedded:Directory", wrong);
        }
    }

    /// <summary>On the very first start: the administrator that was made. Null on every later one. Show it once, on the console.</summary>
    public FirstAdministrator? FirstStart { get; private set; }

    internal UserDirectory Users { get; }

    internal SessionBook Sessions { get; }

    internal KnownSources KnownSources { get; }

    internal RsaSecurityKey SigningKey { get; }

    private UserDirectory MakeUsers(string folder, EmbeddedIdentityOptions embedded, TimeProvider time)
    {
        var given = string.IsNullOrEmpty(embedded.AdminPassword) ? null : embedded.AdminPassword;
        var password = given ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(GeneratedPasswordBytes)).Replace('+', '-').Replace('/', '_');
        var group = new UserGroup { Id = Guid.NewGuid().ToString(), Name = CallerIdentity.AdminGroup };
        var roles = ProductRoles.Select(role => new RealmRole { Id = Guid.NewGuid().ToString(), Name = role.Name, Description = role.Description }).ToArray();
        var users = UserDirectory.Make(folder, new()
        {
            Format = DirectoryState.CurrentFormat,
            Groups = [group],
            Roles = [.. roles],
            Users =
            [
                new()
                {
                    Id = Guid.NewGuid().ToString(),
                    Username = embedded.AdminUsername.ToLowerInvariant(),
                    FirstName = "First",
                    LastName = "Administrator",
                    CreatedAt = time.GetUtcNow(),
                    Password = PasswordHash.Of(password),
                    Groups = [group.Id],
                    Roles = [roles[0].Id],
                },
            ],
        });
        FirstStart = new(embedded.AdminUsername.ToLowerInvariant(), given is null ? password : null);
        return users;
    }

    [LoggerMessage(LogLevel.Warning, "A new signing key was made because {File} was missing: tokens issued so far are void")]
    private static partial void NewKey(ILogger logger, string file);

    [LoggerMessage(LogLevel.Information, "The first administrator exists already; the password given by setting or environment is not used")]
    private static partial void PasswordIgnored(ILogger logger);
}

/// <summary>The administrator made on the first start.</summary>
public sealed class FirstAdministrator
{
    internal FirstAdministrator(string username, string? generatedPassword)
    {
        Username = username;
        GeneratedPassword = generatedPassword;
    }

    /// <summary>The name to sign in with.</summary>
    public string Username { get; }

    /// <summary>The generated password (192 random bits), kept nowhere else in clear. Null if one was given by setting or environment.</summary>
    public string? GeneratedPassword { get; }
}
