using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>One open watch, as far as faults can reach it.</summary>
internal sealed class WatchConnection(ClusterFaults faults, string resource, Action wake) : IDisposable
{
    private readonly CancellationTokenSource _cut = new();
    private long _sent;

    public string Resource => resource;

    public CancellationToken Ended => _cut.Token;

    public bool Abruptly { get; private set; }

    public bool Silent => faults.WatchesSilent;

    /// <summary>There is something to send that no change brought.</summary>
    public void Wake() => wake();

    public void Cut(bool abruptly)
    {
        Abruptly = abruptly;
        _cut.Cancel();
    }

    public Task WhileSilentAsync(CancellationToken cancellationToken) => faults.WatchesSilent ? faults.UntilHeard().WaitAsync(cancellationToken) : Task.CompletedTask;

    public async Task WriteAsync(HttpResponse response, byte[] line, CancellationToken cancellationToken)
    {
        await WhileSilentAsync(cancellationToken);
        var left = faults.CutWatchesAfterBytes is { } limit ? Math.Max(0, limit - _sent) : long.MaxValue;
        var count = (int)Math.Min(line.Length, left);
        await response.Body.WriteAsync(line.AsMemory(0, count), cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
        _sent += count;
        if (count == line.Length) return;
        Cut(abruptly: true);
        cancellationToken.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        faults.WatchEnded(this);
        _cut.Dispose();
    }
}
