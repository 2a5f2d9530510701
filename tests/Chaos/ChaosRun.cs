using System.Diagnostics;
using PxBackup.Chaos.Checks;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;
using PxBackup.Chaos.Report;

namespace PxBackup.Chaos;

/// <summary>
/// A run: start everything, then rounds of load, single kills with measured availability, faults of all kinds at once, healing and
/// checking.
/// </summary>
internal sealed class ChaosRun(ChaosOptions options)
{
    private const int ShortKills = 62, ShortBackups = 200;

    /// <summary>Stories begun a second: 200 backups in less than two minutes.</summary>
    private const double StoriesPerSecond = 2.2;

    /// <summary>Stories at once at most: more would only wait for each other.</summary>
    private const int OpenStories = 48;

    /// <summary>When the faults of a short run are broken off. On an idle machine of two cores they are done in a quarter of it; one that is overloaded ends here, and says what it did not get to.</summary>
    private static readonly TimeSpan ShortStorm = TimeSpan.FromMinutes(12);

    /// <summary>How long healing may take: the goals' bound.</summary>
    private static readonly TimeSpan QuietLimit = TimeSpan.FromMinutes(2);

    private readonly FaultLog _log = new(Path.Combine(options.Folder, "chaos.log"));
    private readonly FaultLedger _ledger = new();
    private readonly History _history = new();
    private readonly List<Violation> _violations = [];
    private readonly List<double> _quiet = [];
    private readonly List<TimeSpan?> _stops = [];
    private readonly List<MemberEnd> _ends = [];
    private int _stories;

    public async Task<RunSummary> RunAsync(CancellationToken cancellationToken)
    {
        var (since, rounds) = (Stopwatch.StartNew(), 0);
        await using var installation = await Installation.StartAsync(options, Ended, cancellationToken);
        _log.Say("database, silos and gateways are up");
        using var edge = await Edge.SignInAsync(installation, _history, cancellationToken);
        var world = await new Beginning(installation, edge).MakeAsync(cancellationToken);
        _log.Say($"{world.Clusters.Count} clusters are online");
        var before = Resources.Of(installation);
        var availability = new Availability(edge, world, _history, _ledger);
        await using (var readers = new Readers(edge, world))
        {
            await using var kept = new Written(_history, Path.Combine(options.Folder, "history.jsonl"));
            readers.Start();
            do
            {
                await RoundAsync(rounds++, installation, edge, world, readers, availability, cancellationToken);
            }
            while (options is { IsShort: false, Upgrade: "" } && since.Elapsed < options.Length && !cancellationToken.IsCancellationRequested);
            readers.PerSecond = 5;
            foreach (var (_, about, what) in world.Violations)
                _log.Say($"seen by a client: {about}: {what}");
            _violations.AddRange(await new Aftermath(installation, edge, world, _log).CheckAsync(options.Seed, rounds, before, cancellationToken));
        }

        _violations.AddRange(world.Violations);
        _violations.AddRange(HistoryChecks.Errors(_history));
        _violations.AddRange(HistoryChecks.Order(_history, world));
        _violations.AddRange(availability.Check());
        var summary = new SummaryOf(options.Seed, rounds, since.Elapsed, _ledger, _history, world, availability, _ends, _stops, _quiet).Make(Resources.Compare(before, Resources.Of(installation)));
        _violations.AddRange(_stops.Where(stop => stop is null).Select(_ => new Violation("run", "", "a stop by SIGTERM took longer than 12 s")));
        _violations.AddRange(Missing(summary));
        foreach (var (invariant, about, what) in _violations)
            _log.Say($"{invariant} {about}: {what}");
        return summary with { Violations = _violations };
    }

    private async Task RoundAsync(int round, Installation installation, Edge edge, World world, Readers readers, Availability availability, CancellationToken cancellationToken)
    {
        var plan = FaultPlan.Of(options.Seed, round, options.Clusters, Places.FailPoints(), options.IsShort, installation.Database.IsOurs, installation.Database.CanElect).AtMost(options.Faults);
        using var giveUp = new CancellationTokenSource();
        using var storm = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var telling = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var teller = new StoryTeller(edge, world, installation.StoreEndpoint, giveUp.Token);
        var playing = TellAsync(teller, telling.Token);

        await Task.Delay(TimeSpan.FromSeconds(options.IsShort ? 5 : 15), cancellationToken);
        if (options.Upgrade.Length > 0)
        {
            var upgrade = new RollingUpgrade(installation, _ledger, _log);
            await upgrade.RunAsync(options.Upgrade, cancellationToken);
            _stops.AddRange(upgrade.Stops);
            await telling.CancelAsync();
            await QuietAsync(teller, await playing, giveUp, installation, cancellationToken);
            return;
        }

        (readers.PerSecond, readers.WritesPerSecond) = (60, 8);
        foreach (var silo in plan.MeasuredKills.Take(options.IsShort ? 2 : 3))
            await availability.MeasureAsync(installation.SiloMembers[silo], cancellationToken);
        (readers.PerSecond, readers.WritesPerSecond) = (20, 2);
        _log.Say($"round {round + 1}: reads after single kills p99 {Percentiles.Of(availability.Recoveries, 0.99).TotalSeconds:0.00} s; all faults from here");

        var lanes = new FaultLanes(installation, teller, _ledger, _log);
        if (options.IsShort)
            storm.CancelAfter(ShortStorm);
        await lanes.RunAsync(plan, storm.Token);
        if (options is { IsShort: true, Faults: int.MaxValue })
            await lanes.TopUpAsync(ShortKills, storm.Token);
        while (teller.Count.Begun < options.Stories && !storm.IsCancellationRequested)
            await Task.Delay(200, CancellationToken.None);
        await telling.CancelAsync();
        lanes.Heal();
        _stops.AddRange(lanes.Stops);
        await QuietAsync(teller, await playing, giveUp, installation, cancellationToken);
    }

    // Stories begin at a steady rate, whatever becomes of the earlier ones.
    private async Task<List<Task>> TellAsync(StoryTeller teller, CancellationToken cancellationToken)
    {
        var open = new List<Task>();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1 / StoriesPerSecond));
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (teller.Count.Begun - teller.Count.Done < OpenStories)
                    open.Add(teller.PlayAsync(Story.Of(options.Seed, _stories++, options.Clusters)));
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }

        return open;
    }

    private async Task QuietAsync(StoryTeller teller, List<Task> stories, CancellationTokenSource giveUp, Installation installation, CancellationToken cancellationToken)
    {
        var since = Stopwatch.StartNew();
        _log.Say($"healed; {teller.Count.Begun - teller.Count.Done} of {teller.Count.Begun} stories are still to end");
        await Task.WhenAll(installation.Members.Select(member => member.ReadyAsync(cancellationToken)));
        giveUp.CancelAfter(QuietLimit - since.Elapsed);
        await Task.WhenAll(stories);
        _quiet.Add(since.Elapsed.TotalSeconds);
        _log.Say($"quiet {since.Elapsed.TotalSeconds:0.0} s after healing");
    }

    private IEnumerable<Violation> Missing(RunSummary summary)
    {
        if (options is not { IsShort: true, Faults: int.MaxValue })
            yield break;
        if (summary.Kills < 60)
            yield return new("run", "", $"only {summary.Kills} kills instead of 60");
        if (summary.Backups < ShortBackups)
            yield return new("run", "", $"only {summary.Backups} backups instead of {ShortBackups}");
        if (summary.FailPointsMissed.Count > 0)
            yield return new("run", "", $"failpoints that nobody came to: {string.Join(", ", summary.FailPointsMissed)}");
        foreach (var (kind, count) in summary.Faults.Where(pair => pair.Value.Fired == 0))
            yield return new("run", "", $"{kind} happened {count.Happened} times and met nothing");
    }

    private void Ended(MemberEnd end)
    {
        lock (_ends) _ends.Add(end);
        if (end.By == EndedBy.FailPoint)
            _ledger.Add($"failpoint", end.Member, Stopwatch.GetTimestamp(), killed: true);
        if (end.By != EndedBy.Us)
            _log.Say(end.By == EndedBy.FailPoint ? $"{end.Member} ended at failpoint {end.FailPoint}" : $"{end.Member} ended by itself with code {end.ExitCode}, see {Path.GetFileName(end.LogFile)}");
    }

    /// <summary>Writes the history down whatever ends the run.</summary>
    private sealed class Written(History history, string file) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            history.WriteTo(file, history.Entries.FirstOrDefault()?.Begin ?? 0);
            return ValueTask.CompletedTask;
        }
    }
}
