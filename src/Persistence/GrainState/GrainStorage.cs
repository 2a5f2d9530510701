using Orleans;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace PxBackup.Persistence.GrainState;

/// <summary>
/// What every grain storage of ours has in common: the forms of Orleans' methods without a token, which it still declares, go to
/// those with one; a state that is not there is a new one; a conflict names the grain.
/// </summary>
/// <param name="activators">Makes new states as Orleans does.</param>
public abstract class GrainStorage(IActivatorProvider activators) : IGrainStorage
{
    /// <inheritdoc />
    public abstract Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken);

#pragma warning disable CS1591 // Described above.
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);
#pragma warning restore CS1591

    /// <summary>The stored state is not the one that was read last.</summary>
    private protected static InconsistentStateException Inconsistent(string verb, string stateName, string id, string? stored, string? known) => new(
        $"state '{stateName}' of grain {id} was not {verb}: another activation changed it since it was read", stored ?? "no record", known ?? "no record");

    /// <summary>As if nothing had ever been stored.</summary>
    private protected void Reset<T>(IGrainState<T> grainState) =>
        (grainState.State, grainState.ETag, grainState.RecordExists) = (activators.GetActivator<T>().Create(), null, false);
}
