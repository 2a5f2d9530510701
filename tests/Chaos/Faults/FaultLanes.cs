using System.Diagnostics;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Network;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Faults;

/// <summary>Carries the plan out.</summary>
internal sealed class FaultLanes(Installation installation, StoryTeller teller, FaultLedger ledger, FaultLog log)
{
    /// <summary>How long a silo is given to come to its failpoint, in time and in stories that ended meanwhile, before it is tried again later.</summary>
    private static readonly TimeSpan PointPatience = TimeSpan.FromSeconds(25), LongestPointPatience = TimeSpan.FromSeconds(90);

    private const int PointStories = 30;
    private const int PointAttempts = 6, FaultAttempts = 3;

    /// <summary>Stories that must have ended between two faults of a lane, so that a slow machine works between its faults, too; not waited for longer than <see cref="ProgressPatience"/>.</summary>
    private const int Progress = 3;

    private static readonly TimeSpan ProgressPatience = TimeSpan.FromSeconds(45), ReadyPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private readonly ClusterTrouble _clusters = new(installation);

    /// <summary>Failpoints that ended a silo.</summary>
    public IReadOnlyCollection<string> PointsHit => [.. installation.SiloMembers.SelectMany(silo => silo.Ends).Where(end => end.By == EndedBy.FailPoint).Select(end => end.FailPoint).Distinct()];

    /// <summary>How long SIGTERM took; null for a program that had to be killed.</summary>
    public List<TimeSpan?> Stops { get; } = [];

    /// <summary>Walks all lanes; returns when each is at its end, and at once when one cannot go on.</summary>
    public async Task RunAsync(FaultPlan plan, CancellationToken cancellationToken)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task> lanes =
        [
            .. plan.FailPoints.Select((points, silo) => FailPointsAsync(installation.SiloMembers[silo], points, broken.Token)),
            .. plan.Lanes.Select(lane => LaneAsync(lane, broken.Token)),
        ];
        await foreach (var lane in Task.WhenEach(lanes).WithCancellation(CancellationToken.None))
        {
            if (lane.IsFaulted)
                await broken.CancelAsync();
        }

        await Task.WhenAll(lanes);
    }

    /// <summary>Kills a silo and a gateway at a time, by turns, until there were as many kills as wanted.</summary>
    public async Task TopUpAsync(int kills, CancellationToken cancellationToken)
    {
        for (var turn = 0; ledger.Kills < kills && !cancellationToken.IsCancellationRequested; turn++)
        {
            var (silo, gateway) = (turn % Installation.Silos, turn % Installation.Gateways);
            await Task.WhenAll(
                DoAsync(new PlannedFault("gateway-kill", gateway, TimeSpan.Zero, TimeSpan.Zero), cancellationToken),
                DoAsync(new PlannedFault("silo-kill", silo, TimeSpan.Zero, TimeSpan.Zero), cancellationToken));
            await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(2), cancellationToken));
            await Task.WhenAll(ReadyAsync(installation.GatewayMembers[gateway], cancellationToken), ReadyAsync(installation.SiloMembers[silo], cancellationToken));
        }
    }

    /// <summary>Takes every fault back that has no end by itself.</summary>
    public void Heal()
    {
        foreach (var member in installation.Members)
        {
            member.Database.Set();
            member.Inbound?.Set();
            member.Child?.Continue();
            member.NextFailPoint = "";
        }

        foreach (var cluster in installation.Fleet.Clusters)
        {
            cluster.Faults.Clear();
            cluster.Stork.Start();
        }

        installation.Store.Faults.Clear();
    }

    private async Task LaneAsync(IReadOnlyList<PlannedFault> lane, CancellationToken cancellationToken)
    {
        // What met nothing, because other faults had left nothing to meet, comes once more at the end.
        var left = new Queue<(PlannedFault Fault, int Attempt)>(lane.Select(fault => (fault, 1)));
        while (left.TryDequeue(out var next))
        {
            var (fault, attempt) = next;
            var done = teller.Count.Done;
            await Task.WhenAny(Task.Delay(fault.Pause, cancellationToken));
            await UntilAsync(() => teller.Count.Done - done >= Progress, ProgressPatience, cancellationToken);
            if (TargetOf(fault) is { } member)
                await ReadyAsync(member, cancellationToken);
            if (cancellationToken.IsCancellationRequested)
                return;
            if (!await DoAsync(fault, cancellationToken) && attempt < FaultAttempts)
                left.Enqueue((fault, attempt + 1));
        }
    }

    private Member? TargetOf(PlannedFault fault) => fault.Kind switch
    {
        _ when fault.Kind.StartsWith("silo-", StringComparison.Ordinal) => installation.SiloMembers[fault.Target],
        _ when fault.Kind.StartsWith("gateway-", StringComparison.Ordinal) => installation.GatewayMembers[fault.Target],
        _ => null,
    };

    // Who is killed shall have been at work. One that cannot start now, such as without the database, is met as it is.
    private static async Task ReadyAsync(Member member, CancellationToken cancellationToken)
    {
        for (var since = Stopwatch.StartNew(); since.Elapsed < ReadyPatience && !cancellationToken.IsCancellationRequested && !await member.IsReadyAsync(CancellationToken.None);)
            await Task.WhenAny(Task.Delay(200, cancellationToken));
    }

    private async Task FailPointsAsync(Member silo, IReadOnlyList<string> points, CancellationToken cancellationToken)
    {
        var left = new Queue<(string Point, int Attempt)>(points.Select(point => (point, 1)));
        while (left.TryDequeue(out var next) && !cancellationToken.IsCancellationRequested)
        {
            var (point, attempt) = next;
            if (PointsHit.Contains(point) && attempt > 1)
                continue;
            if (silo.Armed != point)
            {
                silo.NextFailPoint = point;
                var begin = Stopwatch.GetTimestamp();
                ledger.Add("silo-kill", silo.Name, begin, await silo.KillAsync());
                await UntilAsync(() => silo.Armed == point, TimeSpan.FromSeconds(10), cancellationToken);
            }

            silo.NextFailPoint = left.TryPeek(out var following) ? following.Point : "";
            var ends = silo.Ends.Count;
            await ReadyAsync(silo, cancellationToken);
            var (armed, done) = (Stopwatch.StartNew(), teller.Count.Done);
            await UntilAsync(() => silo.Ends.Count > ends || (armed.Elapsed > PointPatience && teller.Count.Done - done > PointStories), LongestPointPatience, cancellationToken);
            if (!silo.Ends.Skip(ends).Any(end => end.FailPoint == point) && attempt < PointAttempts)
                left.Enqueue((point, attempt + 1));
        }

        silo.NextFailPoint = "";
        if (silo.Armed.Length > 0 && !cancellationToken.IsCancellationRequested)
            ledger.Add("silo-kill", silo.Name, Stopwatch.GetTimestamp(), await silo.KillAsync()); // So that nothing armed is left.
    }

    private async Task<bool> DoAsync(PlannedFault fault, CancellationToken cancellationToken)
    {
        var begin = Stopwatch.GetTimestamp();
        var (target, fired, kills) = fault.Kind switch
        {
            "silo-kill" => await KillAsync(installation.SiloMembers[fault.Target]),
            "silos-kill" => await KillAllAsync(),
            "gateway-kill" => await KillAsync(installation.GatewayMembers[fault.Target]),
            "silo-term" => await TermAsync(installation.SiloMembers[fault.Target]),
            "gateway-term" => await TermAsync(installation.GatewayMembers[fault.Target]),
            "silo-pause" => await PauseAsync(installation.SiloMembers[fault.Target], fault.For, cancellationToken),
            "gateway-pause" => await PauseAsync(installation.GatewayMembers[fault.Target], fault.For, cancellationToken),
            "silo-partition" => await PartitionAsync(installation.SiloMembers[fault.Target], fault.For, cancellationToken),
            "silo-store-stalls" => await ProxiesAsync([installation.SiloMembers[fault.Target].Database], new ProxyFault(ProxyMode.HalfOpen), fault.For, cancellationToken),
            "silo-lost-acks" => await ProxiesAsync([installation.SiloMembers[fault.Target].Database], new ProxyFault(ProxyMode.DropReplies) { Delay = TimeSpan.FromMilliseconds(300) }, fault.For, cancellationToken),
            "store-slow" => await StoreAsync(new ProxyFault(ProxyMode.Delay) { Delay = TimeSpan.FromMilliseconds(400), Jitter = TimeSpan.FromMilliseconds(300) }, fault.For, cancellationToken),
            "store-throttle" => await StoreAsync(new ProxyFault(ProxyMode.Throttle) { Bytes = 40_000 }, fault.For, cancellationToken),
            "store-cuts" => await StoreAsync(new ProxyFault(ProxyMode.CutAfter) { Bytes = 20_000 }, fault.For, cancellationToken),
            "store-down" => await StoreAsync(new ProxyFault(ProxyMode.Reset), fault.For, cancellationToken),
            "store-lost-acks" => await StoreAsync(new ProxyFault(ProxyMode.DropReplies) { Delay = TimeSpan.FromMilliseconds(300) }, TimeSpan.FromSeconds(2), cancellationToken),
            "store-stepdown" => ("database primary", await installation.Database.StepDownAsync(cancellationToken) ? 1 : 0, 0),
            "store-server-kill" => Killed("database server", await installation.Database.KillServerAsync(fault.For, cancellationToken)),
            "store-postgres-kill" => Killed("postgres", await installation.Database.KillPostgresAsync(fault.For, cancellationToken)),
            _ => await _clusters.DoAsync(fault, cancellationToken),
        };
        ledger.Add(new FaultEntry(fault.Kind, target, begin, Stopwatch.GetTimestamp(), fired, kills));
        log.Say($"{fault.Kind} {target}: {(fired > 0 ? $"met {fired}" : "met nothing")}");
        return fired > 0;
    }

    private static (string, long, int) Killed(string target, bool killed) => (target, killed ? 1 : 0, killed ? 1 : 0);

    private static async Task<(string, long, int)> KillAsync(Member member) => Killed(member.Name, await member.KillAsync());

    private async Task<(string, long, int)> KillAllAsync()
    {
        var killed = (await Task.WhenAll(installation.SiloMembers.Select(silo => silo.KillAsync()))).Count(was => was);
        return ("all silos", killed, killed);
    }

    private async Task<(string, long, int)> TermAsync(Member member)
    {
        if (member.Child is not { } child)
            return (member.Name, 0, 0);
        var took = await child.StopAsync(StopLimit + TimeSpan.FromSeconds(2));
        lock (Stops) Stops.Add(took);
        return (member.Name, 1, 0);
    }

    private static async Task<(string, long, int)> PauseAsync(Member member, TimeSpan length, CancellationToken cancellationToken)
    {
        if (member.Child is not { } child)
            return (member.Name, 0, 0);
        var stands = await child.PauseAsync();
        await Task.WhenAny(Task.Delay(length, cancellationToken));
        child.Continue();
        return (member.Name, stands ? 1 : 0, 0);
    }

    // Nobody hears the silo and it hears nobody, but all of them reach the database and the gateways reach all of them.
    private async Task<(string, long, int)> PartitionAsync(Member alone, TimeSpan length, CancellationToken cancellationToken)
    {
        var others = installation.SiloMembers.Except([alone]).ToList();
        var before = installation.SiloMembers.Sum(silo => silo.Inbound!.Affected);
        alone.Inbound!.Set(new ProxyFault(ProxyMode.Blackhole));
        foreach (var other in others)
            other.Inbound!.Put(new ProxyFault(ProxyMode.Blackhole) { Client = alone.Name });
        await Task.WhenAny(Task.Delay(length, cancellationToken));
        foreach (var silo in installation.SiloMembers)
            silo.Inbound!.Set();
        return (alone.Name, installation.SiloMembers.Sum(silo => silo.Inbound!.Affected) - before, 0);
    }

    private Task<(string, long, int)> StoreAsync(ProxyFault fault, TimeSpan length, CancellationToken cancellationToken) =>
        ProxiesAsync([.. installation.Members.Select(member => member.Database)], fault, length, cancellationToken);

    private static async Task<(string, long, int)> ProxiesAsync(IReadOnlyList<FaultProxy> proxies, ProxyFault fault, TimeSpan length, CancellationToken cancellationToken)
    {
        var before = proxies.Sum(proxy => proxy.Affected);
        foreach (var proxy in proxies)
            proxy.Set(fault);
        await Task.WhenAny(Task.Delay(length, cancellationToken));
        foreach (var proxy in proxies)
            proxy.Set();
        return ("database connections", proxies.Sum(proxy => proxy.Affected) - before, 0);
    }

    private static async Task UntilAsync(Func<bool> isSo, TimeSpan patience, CancellationToken cancellationToken)
    {
        for (var since = Stopwatch.StartNew(); !isSo() && since.Elapsed < patience && !cancellationToken.IsCancellationRequested;)
            await Task.WhenAny(Task.Delay(100, cancellationToken));
    }
}

/// <summary>What a run says while it runs, with the time since its start.</summary>
internal sealed class FaultLog(string file)
{
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private readonly Lock _gate = new();

    public void Say(string text)
    {
        var line = $"{_since.Elapsed.TotalSeconds,7:0.0} s  {text}";
        lock (_gate)
        {
            Console.WriteLine(line);
            File.AppendAllText(file, line + Environment.NewLine);
        }
    }
}
