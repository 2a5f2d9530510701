using System.Diagnostics;
using PxBackup.Api;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Checks;

/// <summary>
/// One silo of three is killed while nothing else is wrong: when do reads of what it had answer again, and how many requests fail
/// later than three seconds after it (N16).
/// </summary>
internal sealed class Availability(Edge edge, World world, History history, FaultLedger ledger)
{
    private const double ReadFloor = 0.001, WriteFloor = 0.01;
    private const int Probed = 60;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3), Window = TimeSpan.FromSeconds(6);

    /// <summary>Above it a read was held up by the kill: what lives elsewhere answers in a few milliseconds.</summary>
    private static readonly TimeSpan HeldUp = TimeSpan.FromMilliseconds(250);

    private readonly List<(long From, long To)> _windows = [];
    private readonly List<TimeSpan> _recoveries = [];

    /// <summary>From the kill until a read of a backup that it held up was answered.</summary>
    public IReadOnlyList<TimeSpan> Recoveries => _recoveries;

    public (int Reads, int ReadErrors, int Writes, int WriteErrors) Figures
    {
        get
        {
            var within = history.Entries.Where(entry => _windows.Exists(window => entry.Begin >= window.From && entry.Begin < window.To)).ToList();
            return (within.Count(entry => entry.IsRead), within.Count(entry => entry.IsRead && IsError(entry)), within.Count(entry => !entry.IsRead), within.Count(entry => !entry.IsRead && IsError(entry)));
        }
    }

    /// <summary>Kills the silo, holds its restart back, and watches.</summary>
    public async Task MeasureAsync(Member silo, CancellationToken cancellationToken)
    {
        var pause = silo.Pause;
        silo.Pause = Grace + Window;
        var kill = Stopwatch.GetTimestamp();
        ledger.Add("silo-kill", silo.Name, kill, await silo.KillAsync());
        var backups = world.Of(TrackedKind.Backup).Where(backup => backup is { IsAccepted: true, IsDeleteSent: false }).Take(Probed).ToList();
        var recoveries = await Task.WhenAll(backups.Select((backup, index) => AnsweredAsync(backup, index & 1, kill)));
        _recoveries.AddRange(recoveries.Where(recovery => recovery > HeldUp));
        var left = Grace + Window - Stopwatch.GetElapsedTime(kill);
        if (left > TimeSpan.Zero)
            await Task.Delay(left, cancellationToken);
        _windows.Add((kill + Ticks(Grace), kill + Ticks(Grace + Window)));
        silo.Pause = pause;
        await Task.Delay(1_000, cancellationToken);
        await silo.ReadyAsync(cancellationToken);
    }

    public IEnumerable<Violation> Check()
    {
        var (reads, readErrors, writes, writeErrors) = Figures;
        if (readErrors > Math.Max(1, reads * ReadFloor))
            yield return new("N16", "", $"{readErrors} of {reads} reads failed later than {Grace.TotalSeconds:0} s after a single silo was killed: {Examples(true)}");
        if (writeErrors > Math.Max(1, writes * WriteFloor))
            yield return new("N16", "", $"{writeErrors} of {writes} writes failed later than {Grace.TotalSeconds:0} s after a single silo was killed: {Examples(false)}");
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static bool IsError(HistoryEntry entry) => entry.Code is not (Grpc.Core.StatusCode.OK or Grpc.Core.StatusCode.NotFound);

    private string Examples(bool reads) => string.Join("; ", history.Entries
        .Where(entry => entry.IsRead == reads && IsError(entry) && _windows.Exists(window => entry.Begin >= window.From && entry.Begin < window.To))
        .GroupBy(entry => (entry.Rpc, entry.Code, entry.Detail.Length > 100 ? entry.Detail[..100] : entry.Detail)).Take(4).Select(group => $"{group.Count()}× {group.Key}"));

    private async Task<TimeSpan> AnsweredAsync(Tracked backup, int gateway, long kill)
    {
        while (true)
        {
            var reply = await edge.AskAsync("prober", gateway, byRest: false, Rpcs.InspectBackup, new BackupInspectRequest { OrgId = Requests.Org, Name = backup.Name, Uid = backup.Uid });
            var since = Stopwatch.GetElapsedTime(kill);
            if (!reply.IsRetryable || since > TimeSpan.FromSeconds(60))
                return since;
            await Task.Delay(20, CancellationToken.None);
        }
    }
}
