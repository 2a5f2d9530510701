using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Lists;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Lists;

public sealed class ListGateTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ListGate _gate;

    public ListGateTests() => _gate = new(Options.Create(new ListLimits { MaxBytes = 50, MaxBytesAtOnce = 100, MaxWait = TimeSpan.FromSeconds(10) }), _time);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_finds_no_room_waits_until_somebody_leaves()
    {
        var first = await _gate.EnterAsync("ann", 50, Token);
        using var second = await _gate.EnterAsync("bob", 50, Token);
        var third = _gate.EnterAsync("cid", 10, Token);
        Assert.False(third.IsCompleted);

        first.Dispose();

        (await third).Dispose();
        Assert.Equal(50, _gate.Taken);
    }

    [Fact]
    public async Task One_user_takes_no_more_than_half_and_does_not_hold_up_another()
    {
        using var first = await _gate.EnterAsync("ann", 50, Token);
        var second = _gate.EnterAsync("ann", 50, Token);

        using var other = await _gate.EnterAsync("bob", 50, Token);

        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second).Dispose();
    }

    [Fact]
    public async Task Who_waits_too_long_is_told_to_ask_for_pages()
    {
        using var first = await _gate.EnterAsync("ann", 50, Token);
        var second = _gate.EnterAsync("ann", 50, Token);

        _time.Advance(TimeSpan.FromSeconds(10));

        var refusal = await Assert.ThrowsAsync<DomainException>(() => second);
        Assert.Equal(ErrorReason.LimitReached, refusal.Reason);
        Assert.Contains("max_objects", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_goes_away_while_waiting_takes_nothing()
    {
        using var gone = new CancellationTokenSource();
        using var first = await _gate.EnterAsync("ann", 50, Token);
        var second = _gate.EnterAsync("ann", 50, gone.Token);

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        first.Dispose();
        Assert.Equal(0, _gate.Taken);
    }

    [Fact]
    public async Task What_was_taken_in_excess_goes_back_and_what_is_given_back_twice_counts_once()
    {
        var lease = await _gate.EnterAsync("ann", 50, Token);

        lease.Correct(7);
        Assert.Equal(7, _gate.Taken);
        lease.Dispose();
        lease.Dispose();

        Assert.Equal(0, _gate.Taken);
        Assert.NotNull(_gate.TryEnter("ann", 50));
        Assert.Null(_gate.TryEnter("ann", 1));
    }
}
