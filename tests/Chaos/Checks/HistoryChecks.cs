using System.Diagnostics;
using Grpc.Core;
using PxBackup.Chaos.Load;

namespace PxBackup.Chaos.Checks;

/// <summary>What the clients' own records say: which errors they saw (N16, N17), and in which order they saw states (N5, N9).</summary>
internal static class HistoryChecks
{
    private static readonly TimeSpan Own = Edge.Deadline - TimeSpan.FromMilliseconds(500);

    /// <summary>Errors that no client may see, whatever happens inside; alike ones together.</summary>
    public static IEnumerable<Violation> Errors(History history)
    {
        var deletedSince = history.Entries.Where(entry => entry.Rpc.EndsWith("/Delete", StringComparison.Ordinal)).GroupBy(entry => entry.Object).ToDictionary(group => group.Key, group => group.Min(entry => entry.Begin));
        return history.Entries.Where(entry => !IsAllowed(entry, deletedSince))
            .GroupBy(entry => (entry.Rpc, entry.Code, Kind: WithoutNames(entry)))
            .Select(group => new Violation("N17", group.First().Object,
                $"{group.Key.Rpc} was answered with {group.Key.Code} ({group.Count()} times): {group.First().Detail} [request {group.First().Number}, gateway {group.First().Gateway + 1}{(group.First().IsRest ? ", REST" : "")}]"));
    }

    /// <summary>Every observation of an object that began after another one had ended must show the same or a later state.</summary>
    public static IEnumerable<Violation> Order(History history, World world)
    {
        var inspected = history.Entries
            .Where(entry => entry.IsRead && entry.Object.Length > 0 && (entry.Code == StatusCode.OK || entry.Code == StatusCode.NotFound) && (entry.Rpc.StartsWith("Backup/", StringComparison.Ordinal) || entry.Rpc.StartsWith("Restore/", StringComparison.Ordinal)))
            .Select(entry => new Observation(entry.Object, $"{entry.Client}#{entry.Number}", entry.Gateway, entry.Begin, entry.End, entry.Code == StatusCode.OK ? entry.Seen : World.Gone));
        return inspected.Concat(world.Listed).GroupBy(seen => seen.Object).SelectMany(group => Order([.. group]));
    }

    /// <summary>Pending &lt; InProgress &lt; an end &lt; Deleting &lt; gone.</summary>
    internal static int Rank(string state) => state switch
    {
        "Invalid" or "Pending" => 1,
        "InProgress" or "Captured" => 2,
        "Deleting" or "DeletePending" => 4,
        World.Gone => 5,
        _ => 3,
    };

    private static IEnumerable<Violation> Order(List<Observation> seen)
    {
        var byEnd = seen.OrderBy(one => one.End).ToList();
        var (next, latest) = (0, (Observation?)null);
        foreach (var now in seen.OrderBy(one => one.Begin))
        {
            for (; next < byEnd.Count && byEnd[next].End < now.Begin; next++)
            {
                if (latest is null || Rank(byEnd[next].Seen) > Rank(latest.Seen))
                    latest = byEnd[next];
            }

            if (latest is null || (Rank(now.Seen) >= Rank(latest.Seen) && !(Rank(now.Seen) == 3 && Rank(latest.Seen) == 3 && now.Seen != latest.Seen)))
                continue;
            yield return new Violation(latest.Seen == World.Gone ? "N9" : "N5", now.Object,
                $"{now.Seen} was seen by {now.Reader} at gateway {now.Gateway + 1}, {Stopwatch.GetElapsedTime(latest.End, now.Begin).TotalMilliseconds:0} ms after {latest.Reader} at gateway {latest.Gateway + 1} had seen {latest.Seen}");
            yield break; // One for each object tells the story.
        }
    }

    private static bool IsAllowed(HistoryEntry entry, Dictionary<string, long> deletedSince) => entry switch
    {
        { IsTransport: true } => true,
        { Code: StatusCode.OK or StatusCode.Unavailable or StatusCode.Aborted } => true,
        { Code: StatusCode.DeadlineExceeded } => Stopwatch.GetElapsedTime(entry.Begin, entry.End) >= Own,
        { Code: StatusCode.NotFound } => deletedSince.TryGetValue(entry.Object, out var since) && since < entry.End,
        _ => false,
    };

    private static string WithoutNames(HistoryEntry entry) => new([.. entry.Detail.Replace(entry.Object.Length > 0 ? entry.Object : "\0", "…", StringComparison.Ordinal).Where(c => !char.IsAsciiHexDigit(c) && c != '-').Take(80)]);
}
