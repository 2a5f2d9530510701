using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;

namespace PxBackup.Grains.Interfaces.Restores;

/// <summary>One restore: its request, its Stork resource and its outcome. Key: org/uid.</summary>
[Alias("px.IRestoreGrain"), GrainInterfaceType("px.IRestoreGrain")]
public interface IRestoreGrain : IObjectGrain
{
    /// <summary>Accepts the request: one durable write, then the answer. Asking again with the same request returns the same restore.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.BackupNotRestorable"/>, <see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.NotFound"/></exception>
    [Alias("Create")]
    Task<RestoreObject> CreateAsync(RestoreCreateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Changes the labels.</summary>
    [Alias("Update")]
    Task UpdateAsync(RestoreUpdateRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>The restore with its resources and volumes. The message belongs to nobody: it must not be changed.</summary>
    [AlwaysInterleave, Alias("Inspect"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<Immutable<RestoreObject>> InspectAsync(RestoreInspectRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>Removes the record; what was restored stays. Cancels it when it still runs.</summary>
    [Alias("Delete")]
    Task DeleteAsync(RestoreDeleteRequest request, Caller caller, CancellationToken cancellationToken = default);

    /// <summary>There is room on the cluster. False: it is not wanted (any more) and can be given to others.</summary>
    [Alias("Admitted")]
    Task<bool> AdmittedAsync(CancellationToken cancellationToken = default);

    /// <summary>Its cluster is being removed: ends it when it waits or runs. Asking again is harmless.</summary>
    /// <param name="reason">What the restore says of its end.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>True once nothing of it is left on the cluster, or there is no such restore.</returns>
    [Alias("Cancel")]
    Task<bool> CancelAsync(string reason, CancellationToken cancellationToken = default);

    /// <summary>What the cluster's watch says.</summary>
    [Alias("Observe")]
    Task ObserveAsync(StorkReport report, CancellationToken cancellationToken = default);

    /// <summary>Looks again at unfinished work, whatever was lost.</summary>
    [Alias("Wake")]
    Task WakeAsync(CancellationToken cancellationToken = default);
}
