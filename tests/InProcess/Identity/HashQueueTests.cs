using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class HashQueueTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_known_source_waits_two_turns_at_most_however_many_strangers_wait()
    {
        var queue = new HashQueue(1);
        var first = await queue.EnterAsync("s", "n", false, Cancel);
        for (var stranger = 0; stranger < 250; stranger++)
            _ = queue.EnterAsync($"s{stranger}", $"n{stranger}", false, Cancel).AsTask();

        var known = queue.EnterAsync("mine", "mine", true, Cancel);
        first!.Dispose();

        Assert.NotNull(await known);
    }

    [Fact]
    public async Task Strangers_keep_every_other_turn_while_known_sources_wait()
    {
        var queue = new HashQueue(1);
        var first = await queue.EnterAsync("s", "n", false, Cancel);
        var order = new List<string>();
        var stranger = Noted(queue.EnterAsync("s1", "n1", false, Cancel), "stranger", order);
        var known = Enumerable.Range(0, 3).Select(i => Noted(queue.EnterAsync($"k{i}", "k", true, Cancel), "known", order)).ToArray();

        first!.Dispose();
        await Task.WhenAll([stranger, .. known]);

        Assert.Equal(["known", "stranger", "known", "known"], order);
    }

    [Fact]
    public async Task A_source_has_few_places_and_a_full_lane_gives_the_crowds_place_to_who_comes_alone()
    {
        var queue = new HashQueue(1);
        using var first = await queue.EnterAsync("s", "n", false, Cancel);
        var own = Enumerable.Range(0, HashQueue.MaxOfSource + 1).Select(_ => queue.EnterAsync("one", "alone", false, Cancel).AsTask()).ToArray();
        Assert.Null(await own[^1]);

        var crowd = Enumerable.Range(0, HashQueue.MaxInLane).Select(i => queue.EnterAsync($"c{i}", "crowd", false, Cancel).AsTask()).ToArray();
        var newcomer = queue.EnterAsync("new", "new", false, Cancel).AsTask();

        Assert.Contains(crowd, place => place is { IsCompleted: true, Result: null });
        Assert.False(newcomer.IsCompleted);
        Assert.Null(await queue.EnterAsync("another of the crowd", "crowd", false, Cancel));
    }

    [Fact]
    public async Task Who_leaves_gives_the_place_and_never_the_turn_away()
    {
        var queue = new HashQueue(1);
        var first = await queue.EnterAsync("s", "n", false, Cancel);
        using var leaving = new CancellationTokenSource();
        var gone = queue.EnterAsync("a", "a", false, leaving.Token).AsTask();
        var stays = queue.EnterAsync("b", "b", false, Cancel).AsTask();

        await leaving.CancelAsync();
        first!.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        (await stays)!.Dispose();
        Assert.NotNull(await queue.EnterAsync("c", "c", false, Cancel));
    }

    private static async Task Noted(ValueTask<IDisposable?> place, string who, List<string> order)
    {
        using var turn = await place;
        order.Add(who);
    }
}
