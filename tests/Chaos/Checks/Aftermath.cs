using System.Diagnostics;
using PxBackup.Chaos.Faults;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Checks;

/// <summary>When all is quiet: every cluster online and watched once, a new backup on each of them, and then every promise against the truth.</summary>
internal sealed class Aftermath(Installation installation, Edge edge, World world, FaultLog log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    public async Task<IReadOnlyList<Violation>> CheckAsync(int seed, int rounds, IReadOnlyDictionary<string, Resources> before, CancellationToken cancellationToken)
    {
        var wrong = new List<Violation>();
        wrong.AddRange(await RoomAsync(seed, rounds, cancellationToken));
        wrong.AddRange(await SettledAsync(() => new TruthChecks(installation, world, edge).Watches().ToList(), cancellationToken));
        wrong.AddRange(await new TruthChecks(installation, world, edge).RunAsync());
        wrong.AddRange(await new StoreChecks(installation, world).RunAsync(cancellationToken));
        wrong.AddRange(await SettledAsync(() => Resources.Check(before, Resources.Of(installation)).ToList(), cancellationToken));
        log.Say($"checked: {wrong.Count} violations");
        return wrong;
    }

    // Rooms that were not given back would hold up the next backup.
    private async Task<List<Violation>> RoomAsync(int seed, int rounds, CancellationToken cancellationToken)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        giveUp.CancelAfter(Patience);
        var teller = new StoryTeller(edge, world, installation.StoreEndpoint, giveUp.Token);
        var results = await Task.WhenAll(Enumerable.Range(0, world.Clusters.Count).Select(async cluster =>
        {
            var story = Story.Of(seed, cluster, world.Clusters.Count) with { Name = $"room-{rounds}-{cluster + 1}", Kind = StoryKind.Keep, Copies = 1, RequestId = $"room-{seed}-{rounds}-{cluster}", Uid = "", Cluster = cluster };
            var client = new Client(edge, story.Name, cluster, byRest: false, giveUp.Token);
            try
            {
                await Beginning.OnlineAsync(client, world.Clusters[cluster]);
                var ended = await teller.TakeAsync(client, story) is { } backup ? await teller.EndAsync(client, backup) : "not accepted";
                return ended == "Success" ? null : new Violation("room", story.Name, $"a new backup on {world.Clusters[cluster].Name} ended as {ended}");
            }
            catch (NotServedException e)
            {
                return new Violation("room", story.Name, $"no new backup on {world.Clusters[cluster].Name} within {Patience.TotalSeconds:0} s: {e.Message}");
            }
        }));
        return [.. results.OfType<Violation>()];
    }

    // What needs a moment to become true is given one.
    private static async Task<List<Violation>> SettledAsync(Func<List<Violation>> look, CancellationToken cancellationToken)
    {
        for (var since = Stopwatch.StartNew(); ; await Task.Delay(500, cancellationToken))
        {
            if (look() is var found && (found.Count == 0 || since.Elapsed > TimeSpan.FromSeconds(20)))
                return found;
        }
    }
}
