using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Interfaces.BackupLocations;

/// <summary>One backup location: a bucket with the credential that opens it. Key: org/uid.</summary>
[Alias("px.IBackupLocationGrain"), GrainInterfaceType("px.IBackupLocationGrain")]
public interface IBackupLocationGrain : IObjectGrain
{
    /// <summary>
    /// Creates the location and validates it: before the answer when <c>validate_cloud_credential</c> is set (a refusal
    /// leaves nothing behind), otherwise in the background. The same request again by the same owner gives the same object.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.Rejected"/> and <see cref="ErrorReason.Unreachable"/> with the
    /// object store's own text, <see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.InvalidField"/>,
    /// <see cref="ErrorReason.Unimplemented"/> for types other than S3</exception>
    [Alias("Create"), ResponseTimeout("00:01:00")]
    Task<BackupLocationObject> CreateAsync(BackupLocationCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Changes what is given, keeps what is not, and validates again.</summary>
    [Alias("Update"), ResponseTimeout("00:01:00")]
    Task UpdateAsync(BackupLocationUpdateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The location; secrets blank unless asked for and allowed.</summary>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<BackupLocationObject> InspectAsync(BackupLocationInspectRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Removes the location; with <c>delete_backups</c> its backups first.</summary>
    [Alias("Delete")]
    Task DeleteAsync(BackupLocationDeleteRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Starts a validation; the result is the object's status.</summary>
    [Alias("Validate")]
    Task ValidateAsync(BackupLocationValidateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>
    /// The location and its credential with secrets, for the silos' own use on behalf of the caller. Never handed to a client.
    /// <see cref="Caller.System"/> is served in any state: what the control plane cleans up lies in locations that go away.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/>, <see cref="ErrorReason.WrongState"/> when it is not valid or going away</exception>
    [Alias("Use")]
    Task<OpenLocation> UseAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>
    /// The location's copy is about to be made on a cluster: known from now on, so that its removal goes there and nowhere else. Asked
    /// before it is made; asking again is harmless.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/></exception>
    [Alias("ToBePlaced")]
    Task ToBePlacedAsync(string clusterUid, string clusterNamespace, CancellationToken cancellationToken = default);

    /// <summary>Work met a refusal of the store that speaks against the location itself: it is validated again, soon and not too often.</summary>
    [Alias("Doubt")]
    Task DoubtAsync(string why, CancellationToken cancellationToken = default);

    /// <summary>Looks again at unfinished work: validation under way, deletion waiting for backups.</summary>
    [Alias("Wake")]
    Task WakeAsync(CancellationToken cancellationToken = default);
}

/// <summary>What opens a bucket.</summary>
[GenerateSerializer, Immutable, Alias("px.OpenLocation")]
public sealed record OpenLocation
{
    /// <summary>The location, secrets included.</summary>
    [Id(0)]
    public required BackupLocationObject Location { get; init; }

    /// <summary>Its credential, secrets included; absent for locations without one.</summary>
    [Id(1)]
    public CloudCredentialObject? Credential { get; init; }

    /// <summary>Changes whenever location or credential changes: tells a cluster's copies whether they are current.</summary>
    [Id(2)]
    public required string Revision { get; init; }
}
