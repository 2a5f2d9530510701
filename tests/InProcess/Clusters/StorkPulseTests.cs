using PxBackup.Grains.Clusters;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.InProcess.Clusters;

public class StorkPulseTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly StorkPulse _pulse = new(TimeSpan.FromSeconds(30));

    [Fact]
    public void A_lease_that_moves_is_a_Stork_that_works_whatever_times_it_writes()
    {
        Assert.Equal(StorkState.Unproven, See(0, Lease("1 1999-01-01T00:00:00Z")));
        Assert.Equal(StorkState.Works, See(20, Lease("2 1970-01-01T00:00:00Z")));
        Assert.Equal(StorkState.Works, See(40, Lease("3 2999-01-01T00:00:00Z")));
    }

    [Fact]
    public void A_lease_that_stands_still_for_too_long_is_silence_and_the_first_renewal_ends_it()
    {
        See(0, Lease("1"));
        See(20, Lease("2"));

        Assert.Equal(StorkState.Works, See(49, Lease("2")));
        Assert.Equal(StorkState.Silent, See(50, Lease("2")));
        Assert.Equal(ClusterFailure.StorkSilent, _pulse.Cause!.Cause);
        Assert.Equal(StorkState.Works, See(51, Lease("3")));
        Assert.Null(_pulse.Cause);
    }

    [Fact]
    public void A_lease_that_never_moved_is_unproven_and_then_silent()
    {
        Assert.Equal(StorkState.Unproven, See(0, Lease("1")));
        Assert.Equal(StorkState.Unproven, See(29, Lease("1")));
        Assert.Equal(StorkState.Silent, See(30, Lease("1")));
    }

    [Fact]
    public void The_Deployment_tells_why_the_lease_stands_still()
    {
        See(0, Lease("1"));

        Assert.Equal(StorkState.Silent, See(30, Lease("1") with { Deployment = new() { Wanted = 3, Ready = 0 } }));
        Assert.Equal(ClusterFailure.StorkNotRunning, _pulse.Cause!.Cause);
        Assert.Equal(StorkState.Silent, See(31, Lease("1") with { Deployment = new() { Wanted = 3, Ready = 3 } }));
        Assert.Equal(ClusterFailure.StorkSilent, _pulse.Cause!.Cause);
    }

    [Fact]
    public void Without_leader_election_a_lease_is_a_left_over()
    {
        var look = Lease("1") with { Deployment = new() { Wanted = 1, Ready = 1, WithoutLeaderElection = true } };

        Assert.All([0, 30, 300], at => Assert.Equal(StorkState.Works, See(at, look)));
    }

    [Fact]
    public void Without_a_lease_the_Deployment_counts_and_a_rollout_is_no_alarm()
    {
        var (ready, none) = (Bare() with { Deployment = new() { Wanted = 1, Ready = 1 } }, Bare() with { Deployment = new() { Wanted = 1, Ready = 0 } });

        Assert.Equal(StorkState.Works, See(0, ready));
        Assert.Equal(StorkState.Unproven, See(20, none));
        Assert.Equal(StorkState.Works, See(40, ready));
        Assert.Equal(StorkState.Unproven, See(60, none));
        Assert.Equal(StorkState.Silent, See(90, none));
        Assert.Equal(ClusterFailure.StorkNotRunning, _pulse.Cause!.Cause);
    }

    [Fact]
    public void A_Deployment_scaled_to_none_is_no_rollout() =>
        Assert.Equal((StorkState.Silent, ClusterFailure.StorkNotRunning), (See(0, Bare() with { Deployment = new() { Wanted = 0, Ready = 0 } }), _pulse.Cause!.Cause));

    [Fact]
    public void What_cannot_be_seen_is_no_alarm()
    {
        Assert.All([0, 30, 300], at => Assert.Equal(StorkState.Works, See(at, Bare() with { Denied = ["get leases"] })));
        Assert.Null(StorkPulse.AtFirstSight(Bare()));
        Assert.Null(StorkPulse.AtFirstSight(null));
    }

    private static StorkLook Bare() => new() { Namespace = "kube-system" };

    private static StorkLook Lease(string mark) => Bare() with { LeaseMark = mark };

    private StorkState See(int seconds, StorkLook look) => _pulse.See(look, Start.AddSeconds(seconds));
}
