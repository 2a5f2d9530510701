using CsCheck;
using Xunit;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;

namespace PxBackup.Tests.InProcess.Clusters;

public sealed class AdmissionQueueTests
{
    [Fact]
    public void At_most_as_many_work_at_once_as_there_is_room_for()
    {
        var queue = Filled(2, Work("ann", 1), Work("ann", 2), Work("ann", 3));

        Assert.Equal([1, 2], Numbers(queue.Admit()));
        Assert.Empty(queue.Admit());
        Assert.Equal((2, 1), (queue.Running.Count, queue.WaitingCount));
    }

    [Fact]
    public void Owners_take_turns_and_each_owner_keeps_the_order_of_asking()
    {
        var queue = Filled(10, Work("ann", 1), Work("ann", 2), Work("ann", 3), Work("bob", 4), Work("bob", 5), Work("eve", 6));

        Assert.Equal([1, 4, 6, 2, 5, 3], Numbers(queue.Admit()));
    }

    [Fact]
    public void An_owner_of_thousands_does_not_keep_another_waiting()
    {
        var queue = new AdmissionQueue(1);
        for (var i = 0; i < 1000; i++)
            queue.Add(Work("ann", i));
        var first = queue.Admit();
        queue.Add(Work("bob", 5000));
        queue.Remove(first[0]);
        var second = queue.Admit();
        queue.Remove(second[0]);

        Assert.Contains(5000, Numbers([.. second, .. queue.Admit()]));
    }

    [Fact]
    public void Asking_twice_takes_one_place()
    {
        var queue = Filled(1, Work("ann", 1), Work("ann", 2), Work("ann", 2), Work("ann", 1));

        Assert.Equal([1], Numbers(queue.Admit()));
        queue.Add(Work("ann", 1));

        Assert.Equal(1, queue.WaitingCount);
    }

    [Fact]
    public void Work_that_already_runs_keeps_its_room_even_beyond_the_bound()
    {
        var queue = Filled(1, Work("ann", 1), Work("ann", 2), Work("bob", 3) with { Running = true }, Work("ann", 2) with { Running = true });

        Assert.Equal(2, queue.Running.Count);
        Assert.Empty(queue.Admit());
        Assert.Equal(1, queue.WaitingCount);
    }

    [Fact]
    public void Who_leaves_the_line_is_not_admitted()
    {
        var queue = Filled(1, Work("ann", 1), Work("bob", 2));
        queue.Remove(Work("ann", 1));

        Assert.Equal([2], Numbers(queue.Admit()));
    }

    [Fact]
    public void A_backup_and_a_restore_of_one_key_are_two()
    {
        var queue = Filled(5, Work("ann", 1), Work("ann", 1) with { Kind = ObjectKind.Restore });

        Assert.Equal(2, queue.Admit().Count);
    }

    /// <summary>Adds, removals and admissions in any order: never beyond the bound, nothing lost, nobody admitted twice, and all get their turn in the end.</summary>
    [Fact]
    public void No_history_loses_work_starves_an_owner_or_breaks_the_bound() =>
        Gen.Select(Gen.Int[1, 4], Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 11]).List[1, 60]).Sample(Holds, iter: 5_000);

    private static void Holds(int bound, List<(int Kind, int Owner, int Number)> history)
    {
        var queue = new AdmissionQueue(bound);
        var (waiting, running) = (new List<ClusterWork>(), new List<ClusterWork>());
        foreach (var (kind, owner, number) in history)
        {
            var work = Work("owner-" + owner, (owner * 100) + number);
            switch (kind)
            {
                case 0 or 1 or 2:
                    queue.Add(work);
                    if (!waiting.Contains(work) && !running.Contains(work))
                        waiting.Add(work);
                    break;
                case 3:
                    queue.Remove(work);
                    waiting.Remove(work);
                    running.Remove(work);
                    break;
                case 4:
                    Admit(queue, bound, waiting, running);
                    break;
                default:
                    queue.Add(work with { Running = true });
                    waiting.Remove(work);
                    if (!running.Contains(work))
                        running.Add(work);
                    break;
            }

            Assert.Equal((waiting.Count, running.Count), (queue.WaitingCount, queue.Running.Count));
        }

        // As work ends, everybody who waits is admitted, and an owner waits for at most one of each other owner.
        var rounds = 0;
        while (waiting.Count > 0)
        {
            Assert.True(rounds++ < 200, $"{waiting.Count} wait for ever");
            foreach (var ended in running)
                queue.Remove(ended);
            running.Clear();
            Admit(queue, bound, waiting, running);
        }
    }

    private static void Admit(AdmissionQueue queue, int bound, List<ClusterWork> waiting, List<ClusterWork> running)
    {
        var owners = waiting.Select(work => work.Owner).Distinct().Count();
        var admitted = queue.Admit();
        Assert.Equal(Math.Min(waiting.Count, Math.Max(0, bound - running.Count)), admitted.Count);
        Assert.Equal(Math.Min(owners, admitted.Count), admitted.Take(owners).Select(work => work.Owner).Distinct().Count());
        foreach (var work in admitted)
        {
            Assert.Equal(waiting.First(other => other.Owner == work.Owner), work);
            Assert.True(queue.IsRunning(work));
            waiting.Remove(work);
            running.Add(work);
        }
    }

    private static AdmissionQueue Filled(int bound, params ClusterWork[] works)
    {
        var queue = new AdmissionQueue(bound);
        foreach (var work in works)
            queue.Add(work);
        return queue;
    }

    private static ClusterWork Work(string owner, int number) => new() { Kind = ObjectKind.Backup, Key = new("default", number.ToString()), Owner = owner };

    private static int[] Numbers(IEnumerable<ClusterWork> works) => [.. works.Select(work => int.Parse(work.Key.Uid))];
}
