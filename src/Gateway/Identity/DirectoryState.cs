using System.Collections.Immutable;
using System.Text.Json.Serialization;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>A person or program that can sign in. Ids are UUIDs and never used again.</summary>
internal sealed record User
{
    public required string Id { get; init; }

    /// <summary>Lower case, as Keycloak keeps it.</summary>
    public required string Username { get; init; }

    public string Email { get; init; } = "";
    public string FirstName { get; init; } = "";
    public string LastName { get; init; } = "";
    public bool Enabled { get; init; } = true;
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary><see cref="PasswordHash"/>, or empty: cannot sign in yet.</summary>
    public string Password { get; init; } = "";

    public ImmutableArray<string> Groups { get; init; } = [];
    public ImmutableArray<string> Roles { get; init; } = [];

    [JsonIgnore]
    public string FullName => $"{FirstName} {LastName}".Trim();
}

/// <summary>A named set of users; its roles are theirs.</summary>
internal sealed record UserGroup
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public ImmutableArray<string> Roles { get; init; } = [];
}

/// <summary>A realm role.</summary>
internal sealed record RealmRole
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public string Description { get; init; } = "";
}

/// <summary>Everything in <c>users.json</c> at one moment. Users, groups and roles refer to each other by id.</summary>
internal sealed record DirectoryState
{
    public const int CurrentFormat = 1;

    public required int Format { get; init; }
    public ImmutableArray<User> Users { get; init; } = [];
    public ImmutableArray<UserGroup> Groups { get; init; } = [];
    public ImmutableArray<RealmRole> Roles { get; init; } = [];

    public User? UserById(string id) => Users.FirstOrDefault(user => user.Id == id);

    public User? UserByName(string username) => Users.FirstOrDefault(user => user.Username.Equals(username, StringComparison.OrdinalIgnoreCase));

    public UserGroup? GroupById(string id) => Groups.FirstOrDefault(group => group.Id == id);

    public RealmRole? RoleById(string id) => Roles.FirstOrDefault(role => role.Id == id);

    public RealmRole? RoleByName(string name) => Roles.FirstOrDefault(role => role.Name == name);

    public string[] GroupNames(User user) => [.. Groups.Where(group => user.Groups.Contains(group.Id)).Select(group => group.Name)];

    /// <summary>The user's own roles and those of the user's groups.</summary>
    public string[] RoleNames(User user)
    {
        var ids = user.Roles.Concat(Groups.Where(group => user.Groups.Contains(group.Id)).SelectMany(group => group.Roles)).ToHashSet();
        return [.. Roles.Where(role => ids.Contains(role.Id)).Select(role => role.Name)];
    }

    public bool IsAdministrator(User user) => user.Enabled && CallerIdentity.IsSuper(GroupNames(user), RoleNames(user));

    public DirectoryState With(User user) => this with { Users = [.. Users.Where(other => other.Id != user.Id), user] };

    public DirectoryState With(UserGroup group) => this with { Groups = [.. Groups.Where(other => other.Id != group.Id), group] };

    public DirectoryState Without(User user) => this with { Users = Users.Remove(user) };

    public DirectoryState Without(UserGroup group) => this with
    {
        Groups = Groups.Remove(group),
        Users = [.. Users.Select(user => user with { Groups = user.Groups.Remove(group.Id) })],
    };

    public DirectoryState Without(RealmRole role) => this with
    {
        Roles = Roles.Remove(role),
        Users = [.. Users.Select(user => user with { Roles = user.Roles.Remove(role.Id) })],
        Groups = [.. Groups.Select(group => group with { Roles = group.Roles.Remove(role.Id) })],
    };

    /// <summary>Null, or what contradicts itself (a file edited by hand).</summary>
    public string? Fault()
    {
        if (Format != CurrentFormat)
            return $"format {Format} is not {CurrentFormat}, the one this version writes";
        if (Users.IsDefault || Groups.IsDefault || Roles.IsDefault)
            return "users, groups or roles is null";
        if (Users.DistinctBy(user => user.Id).Count() != Users.Length || Users.DistinctBy(user => user.Username).Count() != Users.Length)
            return "two users have the same id or name";
        if (Users.Any(user => user.Groups.IsDefault || user.Roles.IsDefault) || Groups.Any(group => group.Roles.IsDefault))
            return "a user or group without its lists";
        var broken = Users.FirstOrDefault(user => user.Password.Length > 0 && !PasswordHash.IsWellFormed(user.Password));
        return broken is null ? null : $"the password hash of user '{broken.Username}' is not readable";
    }
}
