using System.Diagnostics;
using PxBackup.Chaos.Checks;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;
using PxBackup.Chaos.Report;

namespace PxBackup.Chaos;

/// <summary>One kind of trouble alone, for figures: single silos killed, or all processor time taken (P10 of the performance goals).</summary>
internal sealed class MeasuredRun(ChaosOptions options)
{
    private const int Backups = 60;
    private static readonly TimeSpan FloorFor = TimeSpan.FromSeconds(10), BackupPatience = TimeSpan.FromMinutes(2), WatchPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(12), StopWindow = TimeSpan.FromSeconds(5);
    private readonly FaultLog _log = new(Path.Combine(options.Folder, "chaos.log"));
    private readonly History _history = new();
    private readonly List<MemberEnd> _ends = [];

    /// <summary>Measures what the options ask for, and prints it.</summary>
    /// <returns>False when something went wrong that is no matter of speed.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        await using var installation = await Installation.StartAsync(options, Ended, cancellationToken);
        using var edge = await Edge.SignInAsync(installation, _history, cancellationToken);
        var world = await new Beginning(installation, edge).MakeAsync(cancellationToken);
        await BackUpAsync(installation, edge, world, cancellationToken);
        await using var readers = new Readers(edge, world) { PerSecond = 30, WritesPerSecond = 4 };
        readers.Start();
        return options.Failover > 0 ? await FailoverAsync(installation, edge, world, cancellationToken)
            : options.Graceful > 0 ? await GracefulAsync(installation, cancellationToken)
            : await StarveAsync(installation, cancellationToken);
    }

    private async Task BackUpAsync(Installation installation, Edge edge, World world, CancellationToken cancellationToken)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        giveUp.CancelAfter(BackupPatience);
        var teller = new StoryTeller(edge, world, installation.StoreEndpoint, giveUp.Token);
        await Task.WhenAll(Enumerable.Range(0, Backups).Select(number =>
            teller.PlayAsync(Story.Of(options.Seed, number, options.Clusters) with { Name = $"keep-{number}", Kind = StoryKind.Keep, Copies = 1 })));
        if (!world.Violations.IsEmpty)
            throw new InvalidOperationException($"the backups before the measurement: {world.Violations.First()}");
        _log.Say($"{Backups} backups on {options.Clusters} clusters; measuring");
    }

    private async Task<bool> FailoverAsync(Installation installation, Edge edge, World world, CancellationToken cancellationToken)
    {
        var availability = new Availability(edge, world, _history, new FaultLedger());
        var floor = Stopwatch.GetTimestamp();
        await Task.Delay(FloorFor, cancellationToken);
        Say("reads without a kill", OkSince(floor));
        var watches = new List<TimeSpan>();
        for (var kill = 0; kill < options.Failover; kill++)
        {
            var (taken, silo) = (TakenOverAsync(installation, world, edge, cancellationToken), installation.SiloMembers[kill % Installation.Silos]);
            await availability.MeasureAsync(silo, cancellationToken);
            watches.Add(await taken);
        }

        Say("reads that a kill held up, until answered", availability.Recoveries);
        Say("until each cluster was watched again", watches);
        var figures = availability.Figures;
        _log.Say($"from 3 s to 9 s after a kill: {figures.ReadErrors} of {figures.Reads} reads and {figures.WriteErrors} of {figures.Writes} writes failed");
        var errors = HistoryChecks.Errors(_history).ToList();
        foreach (var error in errors)
            _log.Say($"{error.Invariant} {error.What}");
        return errors.Count == 0 && !watches.Contains(WatchPatience);
    }

    private async Task<bool> GracefulAsync(Installation installation, CancellationToken cancellationToken)
    {
        var floor = Stopwatch.GetTimestamp();
        await Task.Delay(FloorFor, cancellationToken);
        Say("reads without a stop", OkSince(floor));
        var (windows, stops) = (new List<(long From, long To)>(), new List<TimeSpan>());
        for (var stop = 0; stop < options.Graceful; stop++)
        {
            var silo = installation.SiloMembers[stop % Installation.Silos];
            silo.Pause = StopWindow;
            var begin = Stopwatch.GetTimestamp();
            stops.Add(await silo.Child!.StopAsync(StopLimit) ?? StopLimit);
            await Task.Delay(StopWindow, cancellationToken);
            windows.Add((begin, Stopwatch.GetTimestamp()));
            await Task.Delay(1_000, cancellationToken);
            await silo.ReadyAsync(cancellationToken);
        }

        var within = _history.Entries.Where(entry => windows.Exists(window => entry.Begin >= window.From && entry.Begin < window.To)).ToList();
        Say("until the silo had ended", stops);
        foreach (var isRead in (bool[])[true, false])
        {
            var all = within.Where(entry => entry.IsRead == isRead).ToList();
            Say($"{(isRead ? "reads" : "writes")} from the stop until {StopWindow.TotalSeconds:0} s after the end, {all.Count(entry => entry.Code != Grpc.Core.StatusCode.OK)} of them failed", all.Select(entry => Stopwatch.GetElapsedTime(entry.Begin, entry.End)));
        }

        var errors = HistoryChecks.Errors(_history).ToList();
        foreach (var error in errors)
            _log.Say($"{error.Invariant} {error.What}");
        return errors.Count == 0 && !stops.Contains(StopLimit);
    }

    // From now, when a silo is about to be killed, until every cluster is watched once again.
    private static async Task<TimeSpan> TakenOverAsync(Installation installation, World world, Edge edge, CancellationToken cancellationToken)
    {
        var (since, last, checks) = (Stopwatch.StartNew(), TimeSpan.Zero, new TruthChecks(installation, world, edge));
        while (since.Elapsed < TimeSpan.FromSeconds(8) || checks.Watches().Any())
        {
            if (since.Elapsed > WatchPatience)
                return WatchPatience;
            if (checks.Watches().Any())
                last = since.Elapsed;
            await Task.Delay(20, cancellationToken);
        }

        return last;
    }

    private async Task<bool> StarveAsync(Installation installation, CancellationToken cancellationToken)
    {
        var (begin, before, hogs, busy) = (Stopwatch.GetTimestamp(), OfSystem(), new List<Child>(), 0.0);
        try
        {
            for (var hog = 0; hog < options.Hogs; hog++)
                hogs.Add(Child.Start(installation.Guard, Path.Combine(options.Folder, "logs", $"hog-{hog}.log"), ["sh", "-c", "while :; do :; done"], new Dictionary<string, string>()));
            for (var minute = 1; minute <= options.Starve.TotalMinutes; minute++)
            {
                await Task.Delay(TimeSpan.FromMinutes(1), cancellationToken);
                if (minute % 10 == 0)
                    Say($"after {minute} minutes, {Busy(before):0.0} % of the machine busy: reads", OkSince(begin));
            }
        }
        finally
        {
            busy = Busy(before);
            foreach (var hog in hogs)
                await hog.DisposeAsync();
        }

        List<MemberEnd> ended;
        lock (_ends)
            ended = [.. _ends];
        Say("reads", OkSince(begin));
        _log.Say($"{options.Starve.TotalMinutes:0} minutes with {options.Hogs} endless loops, {busy:0.0} % of the machine busy: {ended.Count} silos or gateways ended; {_history.Entries.Count(entry => entry.Begin >= begin && entry.Code != Grpc.Core.StatusCode.OK)} of {_history.Entries.Count(entry => entry.Begin >= begin)} requests failed");
        foreach (var end in ended)
            _log.Say($"{end.Member} ended with code {end.ExitCode}, see {Path.GetFileName(end.LogFile)}");
        return ended.Count == 0;
    }

    /// <summary>The machine's processor time so far, of all cores, in ticks: what was idle, and all.</summary>
    private static (double Idle, double All) OfSystem()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(double.Parse).ToList();
        return (fields[3] + fields[4], fields.Sum());
    }

    private static double Busy((double Idle, double All) since) => OfSystem() is var now ? 100 * (1 - ((now.Idle - since.Idle) / (now.All - since.All))) : 0;

    private IEnumerable<TimeSpan> OkSince(long begin) => _history.Entries
        .Where(entry => entry is { IsRead: true, Code: Grpc.Core.StatusCode.OK, Object.Length: > 0 } && entry.Begin >= begin)
        .Select(entry => Stopwatch.GetElapsedTime(entry.Begin, entry.End));

    private void Say(string what, IEnumerable<TimeSpan> times)
    {
        var all = times.ToList();
        _log.Say($"{what}: {all.Count} measured, p50 {Text(0.5)}, p99 {Text(0.99)}, longest {Text(1)}");

        string Text(double part) => Percentiles.Of(all, part) is var time && time.TotalSeconds >= 1 ? $"{time.TotalSeconds:0.00} s" : $"{time.TotalMilliseconds:0} ms";
    }

    private void Ended(MemberEnd end)
    {
        if (end.By == EndedBy.Us)
            return;
        lock (_ends)
            _ends.Add(end);
    }
}
