using System.Collections.Immutable;
using System.Net;
using NSubstitute;
using Orleans.Runtime;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using Xunit;

namespace PxBackup.Tests.InProcess.Records;

/// <summary>Which silo looks after which record.</summary>
public sealed class SiloShareTests
{
    private static readonly SiloAddress[] Silos = [.. Enumerable.Range(1, 5).Select(i => SiloAddress.New(IPAddress.Loopback, 11110 + i, i))];

    private static readonly RecordKey[] Records = [.. Enumerable.Range(0, 3000).Select(i => new RecordKey(ObjectKind.Cluster, "default", $"uid-{i}"))];

    [Fact]
    public void Every_record_belongs_to_exactly_one_silo_and_the_shares_are_even()
    {
        var shares = Silos[..3].Select(silo => Records.Where(record => Of(silo).IsMine(record, Silos[..3])).ToArray()).ToArray();

        Assert.Equal(Records.Length, shares.Sum(share => share.Length));
        Assert.Equal(Records.Length, shares.SelectMany(share => share).Distinct().Count());
        Assert.All(shares, share => Assert.InRange(share.Length, 850, 1150));
    }

    [Fact]
    public void A_lost_silo_moves_only_its_own_records()
    {
        var before = Records.Where(record => Of(Silos[0]).IsMine(record, Silos)).ToHashSet();
        var after = Records.Where(record => Of(Silos[0]).IsMine(record, Silos[..4])).ToHashSet();

        Assert.Superset(before, after);
        Assert.InRange(after.Count - before.Count, 80, 220); // A quarter of a fifth.
    }

    [Fact]
    public void A_silo_that_does_not_see_itself_as_active_takes_everything() =>
        Assert.All(Records, record => Assert.True(Of(Silos[4]).IsMine(record, Silos[..2])));

    [Fact]
    public async Task Only_a_loss_is_told_and_not_a_silo_that_joins()
    {
        var membership = Substitute.For<IClusterMembershipService>();
        ClusterMembershipSnapshot[] history = [Snapshot(1, Silos[..2]), Snapshot(2, Silos[..3]), Snapshot(3, Silos[..1]), Snapshot(4, Silos[..2])];
        membership.MembershipUpdates.Returns(Play());
        membership.CurrentSnapshot.Returns(history[0]);

        var losses = new List<int>();
        await foreach (var loss in new SiloShare(membership, Local(Silos[0])).LossesAsync(TestContext.Current.CancellationToken))
            losses.Add(loss);

        Assert.Equal([2], losses);

        async IAsyncEnumerable<ClusterMembershipSnapshot> Play()
        {
            foreach (var snapshot in history)
            {
                await Task.Yield();
                membership.CurrentSnapshot.Returns(snapshot);
                yield return snapshot;
            }
        }
    }

    private static SiloShare Of(SiloAddress silo) => new(Substitute.For<IClusterMembershipService>(), Local(silo));

    private static ILocalSiloDetails Local(SiloAddress silo)
    {
        var local = Substitute.For<ILocalSiloDetails>();
        local.SiloAddress.Returns(silo);
        return local;
    }

    private static ClusterMembershipSnapshot Snapshot(long version, SiloAddress[] active) =>
        new(active.ToImmutableDictionary(silo => silo, silo => new ClusterMember(silo, SiloStatus.Active, silo.ToString())), new MembershipVersion(version));
}
