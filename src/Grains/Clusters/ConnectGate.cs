using Microsoft.Extensions.Options;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Spreads the start of connections of one silo over time: at most <see cref="ClusterOptions.ConnectAtOnce"/> begin per
/// quarter second, so that a start with thousands of clusters does not starve the API.
/// </summary>
internal sealed class ConnectGate(IOptions<ClusterOptions> options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Held = TimeSpan.FromMilliseconds(250);
    private readonly SemaphoreSlim _room = new(options.Value.ConnectAtOnce);

    /// <summary>Where the sessions of the silo run: beside the grains.</summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>Spreads their checks.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Waits for a turn. The place is given back by itself: a cluster that does not answer keeps nobody waiting.</summary>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        _ = ReleaseLaterAsync();
    }

    public void Dispose() => _room.Dispose();

    private async Task ReleaseLaterAsync()
    {
        await Task.Delay(Held, time, CancellationToken.None);
        try
        {
            _room.Release();
        }
        catch (ObjectDisposedException)
        {
            // The silo stops.
        }
    }
}
