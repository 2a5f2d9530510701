namespace PxBackup.Gateway.Access;

/// <summary>Who calls, as the token says it. Lists hold no duplicates and are never changed after the check.</summary>
public sealed record CallerIdentity
{
    /// <summary>The group whose members manage everything (product up to 2.7).</summary>
    public const string AdminGroup = "px-admin-group";

    /// <summary>The role that manages everything (product from 2.8).</summary>
    public const string SuperAdminRole = "px-backup-super.admin";

    /// <summary>The user's id, claim <c>sub</c>: what <c>ownership.owner</c> and <c>collaborators[].id</c> hold.</summary>
    public required string Subject { get; init; }

    /// <summary>Claim <c>preferred_username</c>; the subject where the token has none. For display only.</summary>
    public required string PreferredUsername { get; init; }

    /// <summary>Claim <c>email</c>, or empty. For display only.</summary>
    public string Email { get; init; } = "";

    /// <summary>Claim <c>groups</c> without the leading slash that Keycloak's group paths have.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Role names: claim <c>roles</c> and <c>realm_access.roles</c> together.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Claim <c>exp</c>, UTC. Long-lived streams end here.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary>Member of <see cref="AdminGroup"/> or holder of <see cref="SuperAdminRole"/>.</summary>
    public bool IsSuperAdmin { get; init; }

    /// <summary>Claim <c>iat</c>, UTC; the earliest instant where the token has none.</summary>
    internal DateTimeOffset IssuedAt { get; init; }

    /// <summary>Claim <c>sid</c>: what sign-out ends; empty without.</summary>
    internal string Session { get; init; } = "";

    /// <summary>Claim <c>px_mark</c> of the embedded provider's tokens; empty without.</summary>
    internal string Mark { get; init; } = "";

    /// <summary>True for a group written with or without its leading slash; letters' case counts, as in Keycloak.</summary>
    /// <param name="group">A group's name or path.</param>
    public bool IsMemberOf(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return Groups.Contains(WithoutSlash(group), StringComparer.Ordinal);
    }

    internal static string WithoutSlash(string group) => group.StartsWith('/') ? group[1..] : group;

    internal static bool IsSuper(IEnumerable<string> groups, IEnumerable<string> roles) =>
        groups.Contains(AdminGroup, StringComparer.Ordinal) || roles.Contains(SuperAdminRole, StringComparer.Ordinal);
}
