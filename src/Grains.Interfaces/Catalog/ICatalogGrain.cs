using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Interfaces.Catalog;

/// <summary>
/// Lists and name look-ups, answered from the record store with the caller's visibility inside the query (DESIGN D8).
/// Stateless: any silo answers, no object's grain is activated.
/// </summary>
[Alias("px.ICatalogGrain"), GrainInterfaceType("px.ICatalogGrain")]
public interface ICatalogGrain : IGrainWithIntegerKey
{
    /// <summary>Finds the one visible object with this name (and uid, when given).</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/>, <see cref="ErrorReason.AmbiguousName"/></exception>
    [Alias("Resolve")]
    Task<ResolvedObject> ResolveAsync(ObjectKind kind, string orgId, string name, string uid, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>All organizations.</summary>
    [Alias("EnumerateOrganizations")]
    Task<OrganizationEnumerateResponse> EnumerateAsync(OrganizationEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Cloud credentials that the caller may see.</summary>
    [Alias("EnumerateCloudCredentials")]
    Task<CloudCredentialEnumerateResponse> EnumerateAsync(CloudCredentialEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Backup locations that the caller may see.</summary>
    [Alias("EnumerateBackupLocations")]
    Task<BackupLocationEnumerateResponse> EnumerateAsync(BackupLocationEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Application clusters that the caller may see.</summary>
    [Alias("EnumerateClusters")]
    Task<ClusterEnumerateResponse> EnumerateAsync(ClusterEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Backups that the caller may see.</summary>
    [Alias("EnumerateBackups")]
    Task<BackupEnumerateResponse> EnumerateAsync(BackupEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Restores that the caller may see.</summary>
    [Alias("EnumerateRestores")]
    Task<RestoreEnumerateResponse> EnumerateAsync(RestoreEnumerateRequest request, Caller caller, CancellationToken cancellationToken = default);
}

/// <summary>What a name stands for.</summary>
[GenerateSerializer, Immutable, Alias("px.ResolvedObject")]
public sealed record ResolvedObject
{
    /// <summary>Organization and uid.</summary>
    [Id(0)]
    public required ObjectKey Key { get; init; }

    /// <summary>The object's name.</summary>
    [Id(1)]
    public required string Name { get; init; }

    /// <summary>The owner's user id.</summary>
    [Id(2)]
    public required string Owner { get; init; }
}
