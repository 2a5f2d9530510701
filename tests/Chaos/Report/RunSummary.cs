using System.Text.Json;
using PxBackup.Chaos.Load;

namespace PxBackup.Chaos.Report;

/// <summary>Faults of one kind.</summary>
/// <param name="Happened">How many were carried out.</param>
/// <param name="Fired">How many of them demonstrably met something.</param>
/// <param name="Met">What they met: processes, connections, requests.</param>
/// <param name="Kills">Programs killed by them.</param>
internal sealed record FaultCount(int Happened, int Fired, long Met, int Kills);

/// <summary>Requests of one method.</summary>
internal sealed record RequestCount(int Total, int Errors, double P50Milliseconds, double P99Milliseconds, IReadOnlyDictionary<string, int> Codes);

/// <summary>What a run was, and what came of it. Written as JSON and told in words.</summary>
internal sealed record RunSummary
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public required int Seed { get; init; }

    public required int Rounds { get; init; }

    public required double Seconds { get; init; }

    public required int Kills { get; init; }

    public required IReadOnlyDictionary<string, FaultCount> Faults { get; init; }

    public required IReadOnlyList<string> FailPointsHit { get; init; }

    public required IReadOnlyList<string> FailPointsMissed { get; init; }

    /// <summary>Programs that ended by themselves, such as silos that others had declared dead.</summary>
    public required IReadOnlyDictionary<string, int> EndedThemselves { get; init; }

    public required int Requests { get; init; }

    public required IReadOnlyDictionary<string, RequestCount> RequestsByMethod { get; init; }

    /// <summary>Requests whose connection broke under them.</summary>
    public required int BrokenConnections { get; init; }

    public required int Backups { get; init; }

    public required IReadOnlyDictionary<string, int> BackupsByEnd { get; init; }

    public required int Restores { get; init; }

    public required int Locations { get; init; }

    /// <summary>From the kill of a silo until reads of what it held up were answered.</summary>
    public required int RecoveriesMeasured { get; init; }

    public required double RecoveryP50Seconds { get; init; }

    public required double RecoveryP99Seconds { get; init; }

    /// <summary>Later than 3 s after single silo kills.</summary>
    public required int AvailabilityReads { get; init; }

    public required int AvailabilityReadErrors { get; init; }

    public required int AvailabilityWrites { get; init; }

    public required int AvailabilityWriteErrors { get; init; }

    /// <summary>From the end of the last fault until every story was done.</summary>
    public required IReadOnlyList<double> HealedToQuietSeconds { get; init; }

    /// <summary>How long SIGTERM took; -1 for a program that had to be killed.</summary>
    public required IReadOnlyList<double> StopSeconds { get; init; }

    /// <summary>By program: MiB, open files, threads before the faults and after.</summary>
    public required IReadOnlyDictionary<string, string> Resources { get; init; }

    public required IReadOnlyList<Violation> Violations { get; init; }

    public void WriteTo(string file) => File.WriteAllText(file, JsonSerializer.Serialize(this, Json));

    public string Text()
    {
        var lines = new List<string>
        {
            "",
            $"chaos, seed {Seed}: {Rounds} round{(Rounds == 1 ? "" : "s")} in {Seconds:0} s, {Kills} kills, {Requests} requests, {Backups} backups, {Restores} restores, {Locations} locations",
            $"  {"fault",-34}{"happened",9}{"fired",7}{"met",8}{"kills",7}",
        };
        lines.AddRange(Faults.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"  {pair.Key,-34}{pair.Value.Happened,9}{pair.Value.Fired,7}{pair.Value.Met,8}{pair.Value.Kills,7}"));
        lines.Add($"  failpoints: {FailPointsHit.Count} hit{(FailPointsMissed.Count > 0 ? $", missed: {string.Join(", ", FailPointsMissed)}" : "")}");
        lines.Add($"  ended by themselves: {(EndedThemselves.Count == 0 ? "none" : string.Join(", ", EndedThemselves.Select(pair => $"{pair.Key} {pair.Value}×")))}");
        lines.Add($"  {"method",-34}{"requests",9}{"errors",8}{"p50 ms",9}{"p99 ms",9}  codes");
        lines.AddRange(RequestsByMethod.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"  {pair.Key,-34}{pair.Value.Total,9}{pair.Value.Errors,8}{pair.Value.P50Milliseconds,9:0}{pair.Value.P99Milliseconds,9:0}  {string.Join(" ", pair.Value.Codes.Select(code => $"{code.Key}:{code.Value}"))}"));
        lines.Add($"  backups: {string.Join(", ", BackupsByEnd.Select(pair => $"{pair.Value} {pair.Key}"))}");
        lines.Add($"  reads after a silo's kill: p50 {RecoveryP50Seconds:0.00} s, p99 {RecoveryP99Seconds:0.00} s of {RecoveriesMeasured} that were held up");
        lines.Add($"  later than 3 s after single kills: {AvailabilityReadErrors} of {AvailabilityReads} reads failed, {AvailabilityWriteErrors} of {AvailabilityWrites} writes");
        lines.Add($"  healed to quiet: {string.Join(", ", HealedToQuietSeconds.Select(seconds => $"{seconds:0.0} s"))}; SIGTERM took {string.Join(", ", StopSeconds.Select(seconds => seconds < 0 ? "too long" : $"{seconds:0.0} s"))}");
        lines.AddRange(Resources.Select(pair => $"  {pair.Key}: {pair.Value}"));
        lines.Add(Violations.Count == 0 ? "  no violation" : $"  {Violations.Count} VIOLATIONS");
        lines.AddRange(Violations.Take(60).Select(violation => $"  {violation.Invariant} {violation.Object}: {violation.What}"));
        return string.Join(Environment.NewLine, lines);
    }
}
