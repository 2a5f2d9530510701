using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Interfaces.Organizations;

/// <summary>One organization. Key: system/name. The organization <c>default</c> exists from the first start.</summary>
[Alias("px.IOrganizationGrain"), GrainInterfaceType("px.IOrganizationGrain")]
public interface IOrganizationGrain : IGrainWithStringKey
{
    /// <summary>Creates the organization; administrators only.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.PermissionDenied"/></exception>
    [Alias("Create")]
    Task CreateAsync(OrganizationCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The organization.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/></exception>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<OrganizationObject> InspectAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Deletes the organization; refused for <c>default</c> and while it holds objects.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.WrongState"/>, <see cref="ErrorReason.NotFound"/></exception>
    [Alias("Delete")]
    Task DeleteAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Creates the organization <c>default</c> when it is not there; part of every start.</summary>
    [Alias("Ensure")]
    Task EnsureAsync(CancellationToken cancellationToken = default);
}
