using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>Tells what the loop told, in order, as short texts.</summary>
internal sealed class RecordingObserver : IClusterObserver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    private int _running;

    /// <summary>Thrown out of the next call, once.</summary>
    public Exception? FailNext { get; set; }

    /// <summary>Two calls ran at the same time.</summary>
    public bool Overlapped { get; private set; }

    public Task OnListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, CancellationToken cancellationToken) =>
        TellAsync($"listed {kind} [{string.Join(' ', resources.Select(resource => $"{resource.Name}@{resource.ResourceVersion}"))}]");

    public Task OnChangedAsync(ResourceProjection resource, CancellationToken cancellationToken) =>
        TellAsync($"changed {resource.Name}@{resource.ResourceVersion} {resource.Stage}/{resource.Status} {resource.OwnerUid}".TrimEnd());

    public Task OnDeletedAsync(ResourceProjection resource, CancellationToken cancellationToken) =>
        TellAsync($"deleted {resource.Name}@{resource.ResourceVersion}");

    public Task OnConnectionStateAsync(ConnectionState state, CancellationToken cancellationToken) =>
        TellAsync(state.Connected ? "connected" : $"lost {state.Cause}");

    public async Task ExpectAsync(params string[] expected)
    {
        foreach (var text in expected)
            Assert.Equal(text, await NextAsync(text));
    }

    /// <summary>What the observer is told next.</summary>
    public async Task<string> NextAsync(string expected)
    {
        try
        {
            return await _told.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The observer was not told: {expected}.");
        }
    }

    public void ExpectNothingMore() => Assert.False(_told.Reader.TryRead(out var more), $"The observer was told more: {more}.");

    private async Task TellAsync(string text)
    {
        Overlapped |= Interlocked.Increment(ref _running) > 1;
        await Task.Yield();
        Interlocked.Decrement(ref _running);
        if (FailNext is { } failure)
        {
            FailNext = null;
            throw failure;
        }

        _told.Writer.TryWrite(text);
    }
}

/// <summary>A clock that stands still and tells when somebody begins to wait for a back-off: a timer of less than two minutes, which no other is in these tests.</summary>
internal sealed class SteppedTime : FakeTimeProvider
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(400);
    private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime < LongestBackoff)
            _waits.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Waits until a back-off begins, lets its time pass, and tells how long it was.</summary>
    public async Task<TimeSpan> PassBackoffAsync()
    {
        try
        {
            var wait = await _waits.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);
            Advance(wait);
            return wait;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException("No back-off began.");
        }
    }
}

/// <summary>One watched kind on a fake server under a clock that stands still.</summary>
internal sealed class WatchFixture : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly IClusterConnection _connection;
    private readonly Task _watch;

    private WatchFixture(FakeKubernetesApi api, IClusterConnection connection, SteppedTime time, RecordingObserver observer, StorkKind[] kinds)
    {
        (Api, Time, Observer, _connection) = (api, time, observer, connection);
        var request = new WatchRequest { Namespace = "kube-system", LabelSelector = "by=px,x!=y", UidLabel = "uid-label", Kinds = kinds };
        _watch = connection.WatchAsync(request, observer, _stop.Token);
    }

    public FakeKubernetesApi Api { get; }

    public SteppedTime Time { get; }

    public RecordingObserver Observer { get; }

    public static async Task<WatchFixture> StartAsync(IBearerTokenSource? tokens = null, params StorkKind[] kinds)
    {
        var api = await FakeKubernetesApi.StartAsync();
        var time = new SteppedTime();
        // Half jitter: watches of 450 s, a list again after 4 h, back-offs of 0.5 s, 1 s, 2 s …
        var options = new ClusterConnectionOptions { CallTimeout = Clusters.Never, ConnectTimeout = Clusters.Never, RelistInterval = TimeSpan.FromHours(4), WatchSilence = TimeSpan.FromMinutes(10) };
        return new WatchFixture(api, Clusters.Open(api.Endpoint, null, options, time, tokens), time, new RecordingObserver(), kinds.Length > 0 ? kinds : [StorkKind.ApplicationBackup]);
    }

    /// <summary>Lists at version 10 with one backup and accepts the watch.</summary>
    public async Task<FakeRequest> ConnectedAsync()
    {
        var list = await Api.NextAsync("the first list");
        await list.ListAsync("10", Backup("b-1", 5));
        var watch = await Api.NextAsync("the first watch");
        await watch.AcceptAsync();
        await Observer.ExpectAsync("listed ApplicationBackup [b-1@5]", "connected");
        return watch;
    }

    public static string Backup(string name, int version, string stage = "Volumes", string status = "Pending") =>
        $$$"""{"kind":"ApplicationBackup","metadata":{"name":"{{{name}}}","resourceVersion":"{{{version}}}","labels":{"uid-label":"u-{{{name}}}"}},"status":{"stage":"{{{stage}}}","status":"{{{status}}}"}}""";

    public static string Bookmark(int version) => $$$"""{"metadata":{"resourceVersion":"{{{version}}}"}}""";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.WaitAsync(TimeSpan.FromSeconds(20));
        await _connection.DisposeAsync();
        await Api.DisposeAsync();
        _stop.Dispose();
        Assert.False(Observer.Overlapped, "Two calls of the observer overlapped.");
    }
}
