using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Interfaces.CloudCredentials;

/// <summary>One cloud account. Key: org/uid.</summary>
[Alias("px.ICloudCredentialGrain"), GrainInterfaceType("px.ICloudCredentialGrain")]
public interface ICloudCredentialGrain : IObjectGrain
{
    /// <summary>Creates the credential, owned by the caller. The same request again by the same owner under the same uid gives the same object.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.InvalidField"/></exception>
    [Alias("Create")]
    Task<CloudCredentialObject> CreateAsync(CloudCredentialCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Replaces the configuration (and labels, when given). The name does not change.</summary>
    [Alias("Update")]
    Task UpdateAsync(CloudCredentialUpdateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The credential; secrets blank unless asked for and allowed.</summary>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<CloudCredentialObject> InspectAsync(CloudCredentialInspectRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Deletes it; refused while a backup location or cluster refers to it.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.InUse"/></exception>
    [Alias("Delete")]
    Task DeleteAsync(CloudCredentialDeleteRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>
    /// The credential with its secrets, for the silos' own use on behalf of <paramref name="caller"/>, who is
    /// authorised again at each use (DESIGN D9). Never handed to a client.
    /// </summary>
    [Alias("Use")]
    Task<CloudCredentialObject> UseAsync(Caller caller, CancellationToken cancellationToken = default);
}
