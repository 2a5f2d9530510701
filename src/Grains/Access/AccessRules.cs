using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;
using Level = PxBackup.Api.Ownership.Types.AccessType;

namespace PxBackup.Grains.Access;

/// <summary>
/// Who may do what with an object: the one pure function for ownership (DESIGN D9). Today the owner may everything and a
/// super administrator may everything with every object; shares of the object's ownership fit into <see cref="LevelOf"/>
/// and <see cref="ReadersOf"/>, nowhere else.
/// </summary>
internal static class AccessRules
{
    /// <summary>What the caller may do with an object of this metadata; <see cref="Level.Invalid"/> means it may not know of it.</summary>
    public static Level LevelOf(Metadata? metadata, Caller caller) =>
        metadata is not null && (caller.IsSuperAdmin || OwnerOf(metadata) == caller.UserId) ? Level.Admin : Level.Invalid;

    /// <summary>The owner's user id.</summary>
    public static string OwnerOf(Metadata metadata) => metadata.Ownership?.Owner ?? "";

    /// <summary>The principals that see an object in lists: kept in its index.</summary>
    public static IReadOnlyCollection<string> ReadersOf(Metadata metadata) => [UserPrincipal(OwnerOf(metadata))];

    /// <summary>The principals that a caller is; null sees everything.</summary>
    public static IReadOnlyCollection<string>? PrincipalsOf(Caller caller) =>
        caller.IsSuperAdmin ? null : [UserPrincipal(caller.UserId)];

    /// <summary>Secrets go only to those who may change the object.</summary>
    public static bool MaySeeSecrets(Metadata metadata, Caller caller) => LevelOf(metadata, caller) >= Level.Write;

    private static string UserPrincipal(string userId) => "u:" + userId;
}
