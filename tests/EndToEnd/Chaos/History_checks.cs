using System.Diagnostics;
using Grpc.Core;
using PxBackup.Api;
using PxBackup.Chaos.Checks;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using Xunit;

namespace PxBackup.Tests.EndToEnd.Chaos;

/// <summary>The harness' judgement of what clients saw: it must find what it is there for, and nothing else.</summary>
public sealed class History_checks
{
    private readonly History _history = new();
    private readonly World _world = new() { Credential = new ObjectRef(), Location = new ObjectRef(), Clusters = [] };
    private long _clock;

    [Theory]
    [InlineData("Success", "InProgress", "N5")]
    [InlineData("InProgress", "Pending", "N5")]
    [InlineData("Success", "Failed", "N5")]
    [InlineData("Deleting", "Success", "N5")]
    [InlineData(World.Gone, "Success", "N9")]
    [InlineData(World.Gone, "Deleting", "N9")]
    public void A_state_from_before_seen_after_a_later_one_is_found(string first, string second, string invariant)
    {
        Look("one", 0, first);
        Look("one", 1, second);

        Assert.Equal(invariant, Assert.Single(HistoryChecks.Order(_history, _world)).Invariant);
    }

    [Fact]
    public void A_list_counts_as_much_as_an_inspection()
    {
        Look("one", 0, "Success");
        _world.Listed.Enqueue(new Observation("one", "lister", 1, ++_clock, ++_clock, "Pending"));

        Assert.Equal("N5", Assert.Single(HistoryChecks.Order(_history, _world)).Invariant);
    }

    [Fact]
    public void States_in_order_and_reads_that_overlap_are_good()
    {
        foreach (var state in (string[])["Pending", "Pending", "InProgress", "Success", "Success", "Deleting", World.Gone])
            Look("one", 0, state);
        var begin = ++_clock;
        Look("two", 0, "Success");
        Add("two", StatusCode.OK, "InProgress", begin, ++_clock); // It began before the other one had ended: both are right.

        Assert.Empty(HistoryChecks.Order(_history, _world));
    }

    [Theory]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.Cancelled)]
    [InlineData(StatusCode.AlreadyExists)]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.Unauthenticated)]
    [InlineData(StatusCode.DeadlineExceeded)]
    public void An_error_that_no_client_may_see_is_found(StatusCode code)
    {
        Add("one", code, "", ++_clock, ++_clock);

        Assert.Equal("N17", Assert.Single(HistoryChecks.Errors(_history)).Invariant);
    }

    [Fact]
    public void Passing_trouble_and_what_a_deletion_brings_are_good()
    {
        Add("one", StatusCode.Unavailable, "", ++_clock, ++_clock);
        Add("one", StatusCode.Aborted, "", ++_clock, ++_clock);
        Add("one", StatusCode.Internal, "", ++_clock, ++_clock, isTransport: true);
        Add("one", StatusCode.DeadlineExceeded, "", 0, (long)(Edge.Deadline.TotalSeconds * Stopwatch.Frequency));
        Add("one", StatusCode.OK, "", ++_clock, ++_clock, rpc: "Backup/Delete");
        Look("one", 0, World.Gone);

        Assert.Empty(HistoryChecks.Errors(_history));
    }

    [Fact]
    public void A_seed_repeats_its_faults_and_its_stories()
    {
        Assert.Equal(Told(7), Told(7));
        Assert.NotEqual(Told(7), Told(8));

        static string Told(int seed)
        {
            var plan = FaultPlan.Of(seed, 0, 20, ["a", "b", "c", "d", "e"], isShort: true, canKillDatabase: true, canElect: false);
            return string.Join('\n', plan.FailPoints.SelectMany(points => points).Concat(plan.Lanes.SelectMany(lane => lane).Select(fault => $"{fault}")).Concat(Enumerable.Range(0, 50).Select(number => $"{Story.Of(seed, number, 20)}")));
        }
    }

    private void Look(string name, int gateway, string state) =>
        Add(name, state == World.Gone ? StatusCode.NotFound : StatusCode.OK, state, ++_clock, ++_clock, gateway: gateway);

    private void Add(string name, StatusCode code, string seen, long begin, long end, bool isTransport = false, string rpc = "Backup/Inspect", int gateway = 0) => _history.Add(new HistoryEntry
    {
        Number = _history.Next(), Client = "reader", Gateway = gateway, IsRest = false, Rpc = rpc, IsRead = rpc.EndsWith("Inspect", StringComparison.Ordinal), Object = name,
        Begin = begin, End = end, Code = code, IsTransport = isTransport, Seen = seen,
    });
}
