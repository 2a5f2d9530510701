using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Grains.Clusters;
using Xunit;

namespace PxBackup.Tests.InProcess.Clusters;

public sealed class ConnectGateTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _entered = [];

    [Fact]
    public async Task No_more_than_the_limit_begin_per_quarter_second()
    {
        var gate = Gate(2);

        Task[] all = [.. Enumerable.Range(0, 5).Select(i => EnterAsync(gate, $"{i}", false))];
        await Task.WhenAll(all[0], all[1]);
        Assert.Equal(2, all.Count(one => one.IsCompleted));
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await Task.WhenAll(all[2], all[3]);
        Assert.False(all[4].IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await all[4];

        Assert.Equal(["0", "1", "2", "3", "4"], _entered.Order()); // Those let in together may run in any order.
    }

    [Fact]
    public async Task A_cluster_that_gets_work_while_it_waits_goes_before_those_without()
    {
        var gate = Gate(1);
        var hasWork = false;
        Task[] all = [EnterAsync(gate, "first", false), EnterAsync(gate, "idle", false), gate.EnterAsync(() => hasWork, Token).ContinueWith(_ => Enter("working"), TaskScheduler.Default)];

        hasWork = true;
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await all[2];
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await Task.WhenAll(all);

        Assert.Equal(["first", "working", "idle"], _entered);
    }

    [Fact]
    public async Task Whoever_stops_waiting_takes_no_turn()
    {
        var gate = Gate(1);
        using var stop = new CancellationTokenSource();
        await EnterAsync(gate, "first", false);
        var gone = gate.EnterAsync(() => true, stop.Token);
        var waiting = EnterAsync(gate, "second", false);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        await waiting;

        Assert.Equal(["first", "second"], _entered);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ConnectGate Gate(int atOnce) => new(Options.Create(new ClusterOptions { ConnectAtOnce = atOnce }), _time);

    private async Task EnterAsync(ConnectGate gate, string name, bool urgent)
    {
        await gate.EnterAsync(() => urgent, Token);
        Enter(name);
    }

    private void Enter(string name)
    {
        lock (_entered)
            _entered.Add(name);
    }
}
