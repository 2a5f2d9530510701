using Orleans;
using Orleans.Runtime;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>Counts the ticks of its reminder.</summary>
[Alias("px.test.ITickGrain")]
public interface ITickGrain : IGrainWithStringKey
{
    /// <summary>Registers the reminder.</summary>
    [Alias("Start")]
    Task StartAsync();

    /// <summary>How many ticks were counted, and the silo that answers.</summary>
    [Alias("Count")]
    Task<TickCount> CountAsync();

    /// <summary>Removes the reminder and the count.</summary>
    [Alias("Stop")]
    Task StopAsync();
}

/// <summary>Ticks so far.</summary>
[GenerateSerializer, Alias("px.test.TickCount")]
public sealed record TickCount
{
    [Id(0)]
    public int Ticks { get; init; }

    [Id(1)]
    public string Silo { get; init; } = "";
}

/// <summary>What the grain keeps.</summary>
[GenerateSerializer, Alias("px.test.TickState")]
public sealed class TickState
{
    [Id(0)]
    public int Ticks { get; set; }
}

public sealed class TickGrain(
    [PersistentState("ticks")] IPersistentState<TickState> state, ILocalSiloDetails silo) : Grain, ITickGrain, IRemindable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    public Task StartAsync() => this.RegisterOrUpdateReminder("tick", Period, Period);

    public Task<TickCount> CountAsync() => Task.FromResult(new TickCount { Ticks = state.State.Ticks, Silo = silo.Name });

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        state.State.Ticks++;
        await state.WriteStateAsync();
    }

    public async Task StopAsync()
    {
        if (await this.GetReminder("tick") is { } reminder)
            await this.UnregisterReminder(reminder);
        await state.ClearStateAsync();
    }
}
