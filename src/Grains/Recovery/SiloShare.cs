using Orleans.Runtime;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Which part of the sweep is this silo's: every grain belongs to exactly one of the silos that are active now, by rendezvous
/// hashing, so that one silo more or less moves only that silo's part. It decides who wakes a grain, not where it lives.
/// </summary>
internal sealed class SiloShare(IClusterMembershipService membership, ILocalSiloDetails local)
{
    /// <summary>The silos that are active now.</summary>
    public IReadOnlyCollection<SiloAddress> Active =>
        [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress)];

    /// <summary>Whether this silo looks after the grain.</summary>
    /// <param name="grain">The grain.</param>
    /// <param name="active">As <see cref="Active"/> was at the sweep's begin.</param>
    public bool IsMine(GrainId grain, IReadOnlyCollection<SiloAddress> active)
    {
        // A silo that does not see itself yet, or no longer, takes everything: waking twice is harmless, waking nothing is not.
        if (!active.Contains(local.SiloAddress))
            return true;
        var hash = grain.GetUniformHashCode();
        return active.MaxBy(silo => Weight(hash, silo))!.Equals(local.SiloAddress);
    }

    /// <summary>Tells each time that the set of active silos has become smaller.</summary>
    public async IAsyncEnumerable<int> LossesAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IReadOnlyCollection<SiloAddress> before = [];
        await foreach (var _ in membership.MembershipUpdates.WithCancellation(cancellationToken))
        {
            var now = Active;
            var lost = before.Except(now).Count();
            before = now;
            if (lost > 0)
                yield return lost;
        }
    }

    // Mixes grain and silo; the last steps of MurmurHash3 spread every bit over the whole.
    private static uint Weight(uint grain, SiloAddress silo)
    {
        var h = grain ^ (unchecked((uint)silo.GetConsistentHashCode()) * 0x9e3779b1);
        h = (h ^ (h >> 16)) * 0x85ebca6b;
        h = (h ^ (h >> 13)) * 0xc2b2ae35;
        return h ^ (h >> 16);
    }
}
