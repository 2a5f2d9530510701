using Orleans.Concurrency;
using PxBackup.Api;

namespace PxBackup.Benchmarks.Inspect;

/// <summary>The least that a grain can do: hand out a message that is there.</summary>
[Alias("px.bench.IFloorGrain")]
public interface IFloorGrain : IGrainWithStringKey
{
    [Alias("Read")]
    Task<Immutable<BackupObject>> ReadAsync();
}

[GrainType("bench-floor")]
internal sealed class FloorGrain(BackupObject reply) : Grain, IFloorGrain
{
    private readonly BackupObject _reply = reply.Clone();

    public Task<Immutable<BackupObject>> ReadAsync() => Task.FromResult(new Immutable<BackupObject>(_reply));
}
