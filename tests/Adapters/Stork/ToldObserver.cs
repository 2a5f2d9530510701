using System.Threading.Channels;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.Adapters.Stork;

/// <summary>Keeps what a watch told, to wait for.</summary>
internal sealed class ToldObserver : IClusterObserver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Channel<(string What, ResourceProjection? Resource)> _told = Channel.CreateUnbounded<(string, ResourceProjection?)>();

    public Task OnListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, CancellationToken cancellationToken)
    {
        Tell("list", null);
        foreach (var resource in resources)
            Tell("listed", resource);
        return Tell($"listed {kind}", null);
    }

    public Task OnChangedAsync(ResourceProjection resource, CancellationToken cancellationToken) => Tell("changed", resource);

    public Task OnDeletedAsync(ResourceProjection resource, CancellationToken cancellationToken) => Tell("deleted", resource);

    public Task OnConnectionStateAsync(ConnectionState state, CancellationToken cancellationToken) =>
        Tell(state.Connected ? "connected" : $"lost {state.Cause}", null);

    /// <summary>Passes over everything up to the first that matches.</summary>
    /// <returns>What was passed over.</returns>
    public async Task<IReadOnlyList<string>> UntilAsync(string what, Func<ResourceProjection, bool>? matches = null)
    {
        var passed = new List<string>();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var (told, resource) = await _told.Reader.ReadAsync(patience.Token);
                if (told == what && (matches is null || (resource is not null && matches(resource))))
                    return passed;
                passed.Add($"{told} {resource?.Name} {resource?.Stage}");
            }
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"'{what}' was not told; told was: {string.Join(", ", passed)}.");
        }
    }

    private Task Tell(string what, ResourceProjection? resource)
    {
        _told.Writer.TryWrite((what, resource));
        return Task.CompletedTask;
    }
}

/// <summary>A watch that ends with the test.</summary>
internal sealed class RunningWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;

    public RunningWatch(IClusterConnection cluster, WatchRequest request) => _watch = cluster.WatchAsync(request, Told, _stop.Token);

    public ToldObserver Told { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.WaitAsync(TimeSpan.FromSeconds(30));
        _stop.Dispose();
    }
}
