using Orleans.Runtime;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Which part of the sweep is this silo's: every record belongs to exactly one of the silos that are active now, by rendezvous
/// hashing, so that one silo more or less moves only that silo's part. It decides who wakes a grain, not where it lives.
/// </summary>
internal sealed class SiloShare(IClusterMembershipService membership, ILocalSiloDetails local)
{
    /// <summary>The silos that are active now.</summary>
    public IReadOnlyCollection<SiloAddress> Active =>
        [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress)];

    /// <summary>Whether this silo looks after the record's grain.</summary>
    /// <param name="key">The record.</param>
    /// <param name="active">As <see cref="Active"/> was at the sweep's begin.</param>
    public bool IsMine(RecordKey key, IReadOnlyCollection<SiloAddress> active)
    {
        // A silo that does not see itself yet, or no longer, takes everything: waking twice is harmless, waking nothing is not.
        if (!active.Contains(local.SiloAddress))
            return true;
        var hash = HashOf(key.ToString());
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

    // FNV-1a: the same in every process, unlike string.GetHashCode.
    private static uint HashOf(string text)
    {
        var hash = 2166136261;
        foreach (var character in text)
            hash = (hash ^ character) * 16777619;
        return hash;
    }

    // Mixes record and silo; the last steps of MurmurHash3 spread every bit over the whole.
    private static uint Weight(uint record, SiloAddress silo)
    {
        var h = record ^ (unchecked((uint)silo.GetConsistentHashCode()) * 0x9e3779b1);
        h = (h ^ (h >> 16)) * 0x85ebca6b;
        h = (h ^ (h >> 13)) * 0xc2b2ae35;
        return h ^ (h >> 16);
    }
}
