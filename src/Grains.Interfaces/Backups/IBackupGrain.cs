using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;

namespace PxBackup.Grains.Interfaces.Backups;

/// <summary>One backup: its request, its Stork resource and its outcome. Key: org/uid.</summary>
[Alias("px.IBackupGrain"), GrainInterfaceType("px.IBackupGrain")]
public interface IBackupGrain : IObjectGrain
{
    /// <summary>Accepts the request: one durable write, then the answer. Asking again with the same request returns the same backup.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.WrongState"/>, <see cref="ErrorReason.NotFound"/></exception>
    [Alias("Create")]
    Task<BackupObject> CreateAsync(BackupCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Changes the cloud credential used for the backup's data, or its labels.</summary>
    [Alias("Update")]
    Task UpdateAsync(BackupUpdateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The backup with its resources and volumes. The message belongs to nobody: it must not be changed.</summary>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<Immutable<BackupObject>> InspectAsync(BackupInspectRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Deletes the backup and its data in the background; cancels it when it still runs.</summary>
    [Alias("Delete")]
    Task DeleteAsync(BackupDeleteRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Takes the backup out of the catalogue and leaves its data in the bucket, in the background: its location is being removed.</summary>
    [Alias("Forget")]
    Task ForgetAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The backup for a restore on behalf of the caller.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.BackupNotRestorable"/>, <see cref="ErrorReason.PermissionDenied"/></exception>
    [AlwaysInterleave, Alias("Use")]
    Task<Immutable<BackupObject>> UseAsync(Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Files of the finished backup were looked for in the bucket and are not there: it is CloudBackupMissing until they are found again.</summary>
    [Alias("FilesMissing")]
    Task FilesMissingAsync(string missing, CancellationToken cancellationToken = default);

    /// <summary>There is room on the cluster. False: it is not wanted (any more) and can be given to others.</summary>
    [Alias("Admitted")]
    Task<bool> AdmittedAsync(CancellationToken cancellationToken = default);

    /// <summary>Its cluster is being removed: ends it when it waits or runs. Asking again is harmless.</summary>
    /// <param name="reason">What the backup says of its end.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>True once nothing of it is left on the cluster, or there is no such backup.</returns>
    [Alias("Cancel")]
    Task<bool> CancelAsync(string reason, CancellationToken cancellationToken = default);

    /// <summary>What the cluster's watch says.</summary>
    [Alias("Observe")]
    Task ObserveAsync(StorkReport report, CancellationToken cancellationToken = default);

    /// <summary>Looks again at unfinished work, whatever was lost.</summary>
    [Alias("Wake")]
    Task WakeAsync(CancellationToken cancellationToken = default);
}
