using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Tests.InProcess.BackupLocations;

public sealed class StoreGateTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_owner_with_many_stores_holds_up_nobody_else()
    {
        var gate = Gate(new() { AtOnce = 8, AtOncePerOwner = 2 });
        var mine = Enumerable.Range(0, 16).Select(i => gate.EnterAsync("eve", $"store-{i}", Token)).ToList();

        using var turn = await gate.EnterAsync("ann", "store", Token);

        Assert.Equal(2, mine.Count(one => one.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task A_store_with_many_owners_is_asked_by_a_few_at_once()
    {
        var gate = Gate(new() { AtOnce = 8, AtOncePerStore = 3 });
        var all = Enumerable.Range(0, 8).Select(i => gate.EnterAsync($"owner-{i}", "store", Token)).ToList();

        using var turn = await gate.EnterAsync("ann", "other", Token);

        Assert.Equal(3, all.Count(one => one.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task A_turn_that_is_given_back_lets_the_next_one_in()
    {
        var gate = Gate(new() { AtOnce = 1 });
        var first = await gate.EnterAsync("ann", "a", Token);
        var second = gate.EnterAsync("bob", "b", Token);
        Assert.False(second.IsCompleted);

        first.Dispose();
        first.Dispose();

        using var turn = await second;
        Assert.False(gate.EnterAsync("carl", "c", Token).IsCompleted);
    }

    [Fact]
    public async Task Who_waits_too_long_is_told_why()
    {
        var gate = Gate(new() { AtOnce = 1 });
        using var turn = await gate.EnterAsync("ann", "a", Token);
        var waiting = gate.EnterAsync("bob", "b", Token);

        _time.Advance(TimeSpan.FromSeconds(20));
        var refusal = await Assert.ThrowsAsync<DomainException>(() => waiting);

        Assert.Equal(ErrorReason.Unreachable, refusal.Reason);
        Assert.Contains("no turn within 00:00:20", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_leaves_the_line_takes_no_turn()
    {
        var gate = Gate(new() { AtOnce = 1 });
        var turn = await gate.EnterAsync("ann", "a", Token);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var waiting = gate.EnterAsync("bob", "b", leaving.Token);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        turn.Dispose();

        using var next = await gate.EnterAsync("carl", "c", Token);
        Assert.NotNull(next);
    }

    private StoreGate Gate(StoreLimits limits) => new(Options.Create(limits), _time);
}
