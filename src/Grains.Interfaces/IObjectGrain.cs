using Orleans.Concurrency;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;

namespace PxBackup.Grains.Interfaces;

/// <summary>What the grain of every object answers that has a name, an owner and a uid of its own. Key: org/uid.</summary>
[Alias("px.IObjectGrain"), GrainInterfaceType("px.IObjectGrain")]
public interface IObjectGrain : IGrainWithStringKey
{
    /// <summary>What a reference by uid stands for, from memory.</summary>
    /// <param name="name">The name that came with the uid; empty when none did.</param>
    /// <param name="caller">Who refers to it.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/> also for another name, and when the caller may not see the object</exception>
    [AlwaysInterleave, Alias("Resolve"), ResponseTimeout(ReadTimeouts.FromMemory)]
    Task<ResolvedObject> ResolveAsync(string name, Caller caller, CancellationToken cancellationToken = default);
}
