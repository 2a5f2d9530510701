using System.Diagnostics;
using Grpc.Core;
using PxBackup.Chaos.Checks;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Report;

/// <summary>Puts a run's figures together.</summary>
internal sealed class SummaryOf(
    int seed, int rounds, TimeSpan took, FaultLedger ledger, History history, World world, Availability availability, IReadOnlyList<MemberEnd> ends, IReadOnlyList<TimeSpan?> stops, IReadOnlyList<double> quiet)
{
    public RunSummary Make(IReadOnlyDictionary<string, string> resources)
    {
        var hit = ends.Where(end => end.By == EndedBy.FailPoint).Select(end => end.FailPoint).Distinct().Order(StringComparer.Ordinal).ToList();
        var (reads, readErrors, writes, writeErrors) = availability.Figures;
        return new RunSummary
        {
            Seed = seed,
            Rounds = rounds,
            Seconds = Math.Round(took.TotalSeconds, 1),
            Kills = ledger.Kills,
            Faults = ledger.Entries.GroupBy(entry => entry.Kind).ToDictionary(
                group => group.Key, group => new FaultCount(group.Count(), group.Count(entry => entry.Fired > 0), group.Sum(entry => entry.Fired), group.Sum(entry => entry.Kills))),
            FailPointsHit = hit,
            FailPointsMissed = [.. Places.FailPoints().Except(hit)],
            EndedThemselves = ends.Where(end => end.By == EndedBy.Itself).GroupBy(end => end.Member).ToDictionary(group => group.Key, group => group.Count()),
            Requests = history.Entries.Count,
            RequestsByMethod = history.Entries.GroupBy(entry => entry.Rpc).ToDictionary(group => group.Key, Count),
            BrokenConnections = history.Entries.Count(entry => entry.IsTransport),
            Backups = world.Of(TrackedKind.Backup).Count(backup => backup.IsAccepted),
            BackupsByEnd = world.Of(TrackedKind.Backup).GroupBy(EndOf).ToDictionary(group => group.Key, group => group.Count()),
            Restores = world.Of(TrackedKind.Restore).Count(restore => restore.IsAccepted),
            Locations = world.Of(TrackedKind.Location).Count(location => location.IsAccepted),
            RecoveriesMeasured = availability.Recoveries.Count,
            RecoveryP50Seconds = Math.Round(Percentiles.Of(availability.Recoveries, 0.5).TotalSeconds, 2),
            RecoveryP99Seconds = Math.Round(Percentiles.Of(availability.Recoveries, 0.99).TotalSeconds, 2),
            AvailabilityReads = reads,
            AvailabilityReadErrors = readErrors,
            AvailabilityWrites = writes,
            AvailabilityWriteErrors = writeErrors,
            HealedToQuietSeconds = [.. quiet.Select(seconds => Math.Round(seconds, 1))],
            StopSeconds = [.. stops.Select(stop => stop is { } took ? Math.Round(took.TotalSeconds, 1) : -1)],
            Resources = resources,
            Violations = [],
        };
    }

    private static RequestCount Count(IEnumerable<HistoryEntry> entries)
    {
        var all = entries.ToList();
        var times = all.Where(entry => entry.Code == StatusCode.OK).Select(entry => Stopwatch.GetElapsedTime(entry.Begin, entry.End)).ToList();
        return new RequestCount(all.Count, all.Count(entry => entry.Code is not (StatusCode.OK or StatusCode.NotFound)), Math.Round(Percentiles.Of(times, 0.5).TotalMilliseconds), Math.Round(Percentiles.Of(times, 0.99).TotalMilliseconds),
            all.GroupBy(entry => entry.IsTransport ? "connection" : entry.Code.ToString()).OrderByDescending(group => group.Count()).ToDictionary(group => group.Key, group => group.Count()));
    }

    private static string EndOf(Tracked backup) => backup switch
    {
        { IsAccepted: false } => "not accepted",
        { IsGone: true, Ended.Length: 0 } => "cancelled",
        { IsGone: true } => "deleted",
        { Ended.Length: 0 } => "unknown",
        _ => backup.Ended,
    };
}
