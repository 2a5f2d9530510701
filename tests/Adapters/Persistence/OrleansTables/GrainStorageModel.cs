using CsCheck;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>
/// Grain storage in a few lines: one record, and three activations of its grain of which each believes what it last read or
/// wrote. Every step is done to the storage and to the model, and both must answer alike.
/// </summary>
internal static class GrainStorageModel
{
    private const int Activations = 3, Steps = 25;
    private const long Histories = 60;

    private enum Kind
    {
        Read,
        Write,
        Clear,
    }

    private sealed record Step(Kind Kind, int Activation, int Value)
    {
        public override string ToString() => $"{Kind} by {Activation} ({Value})";
    }

    public static async Task CheckAsync(IGrainStorage storage, CancellationToken stop)
    {
        var steps = Gen.Select(Gen.Enum<Kind>(), Gen.Int[0, Activations - 1], Gen.Int[0, 1000], (kind, activation, value) => new Step(kind, activation, value)).List[1, Steps];
        await steps.SampleAsync(history => RunAsync(storage, history, stop), iter: Histories, threads: 2, print: history => string.Join(", ", history));
    }

    private static async Task RunAsync(IGrainStorage storage, List<Step> history, CancellationToken stop)
    {
        var grain = Given.Grain();
        var record = new Record();
        var activations = Enumerable.Range(0, Activations).Select(_ => new Activation()).ToArray();
        foreach (var step in history)
            await ApplyAsync(storage, grain, step, record, activations[step.Activation], stop);

        var last = new GrainState<SampleState> { State = new SampleState() };
        await storage.ReadStateAsync("model", grain, last, stop);
        Assert.Equal((record.Value is not null, record.Value ?? 0), (last.RecordExists, last.State?.Number ?? -1));
    }

    private static async Task ApplyAsync(IGrainStorage storage, GrainId grain, Step step, Record record, Activation activation, CancellationToken stop)
    {
        var state = activation.State;
        switch (step.Kind)
        {
            case Kind.Read:
                await storage.ReadStateAsync("model", grain, state, stop);
                Assert.Equal((record.Value is not null, record.Value ?? 0), (state.RecordExists, state.State?.Number ?? -1));
                activation.Seen = record.Life;
                break;

            // A storage may keep an empty record with an etag after a clear, or nothing at all. Who has seen neither the
            // clear nor the record may then write or not: both are right, and the model takes no side.
            case Kind.Write when record.Value is null && activation.Seen != record.Life && state.ETag is null:
            case Kind.Clear when record.Value is null && activation.Seen != record.Life:
                break;

            case Kind.Write when activation.Seen == record.Life:
                state.State = new SampleState { Number = step.Value };
                await storage.WriteStateAsync("model", grain, state, stop);
                Assert.True(state.RecordExists);
                activation.Seen = record.Change(step.Value);
                break;

            case Kind.Clear when activation.Seen == record.Life:
                await storage.ClearStateAsync("model", grain, state, stop);
                Assert.Equal((false, 0), (state.RecordExists, state.State?.Number ?? -1));
                activation.Seen = record.Change(null);
                break;

            case Kind.Write:
                state.State = new SampleState { Number = step.Value };
                await Assert.ThrowsAnyAsync<InconsistentStateException>(() => storage.WriteStateAsync("model", grain, state, stop));
                break;

            default:
                await Assert.ThrowsAnyAsync<InconsistentStateException>(() => storage.ClearStateAsync("model", grain, state, stop));
                break;
        }
    }

    private sealed class Record
    {
        /// <summary>What is stored, or nothing.</summary>
        public int? Value { get; private set; }

        /// <summary>Counts the changes: who has seen the current one may write.</summary>
        public int Life { get; private set; }

        public int Change(int? value)
        {
            Value = value;
            return ++Life;
        }
    }

    private sealed class Activation
    {
        public GrainState<SampleState> State { get; } = new() { State = new SampleState() };

        public int Seen { get; set; }
    }
}
