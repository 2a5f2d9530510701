using Orleans;
using Orleans.Runtime;

namespace PxBackup.Persistence.Clustering;

/// <summary>Which entries of a membership table may go.</summary>
internal static class Defunct
{
    /// <summary>
    /// Whether a silo is not Active and nothing was heard of it or said about it since <paramref name="before"/>. A vote counts,
    /// as it does in Orleans: a silo that was declared dead just now stays visible, however long it was silent.
    /// </summary>
    public static bool Is(MembershipEntry silo, DateTimeOffset before) =>
        silo.Status != SiloStatus.Active
        && silo.StartTime < before.UtcDateTime
        && silo.IAmAliveTime < before.UtcDateTime
        && (silo.SuspectTimes ?? []).All(vote => vote.Item2 < before.UtcDateTime);
}
