namespace PxBackup.Chaos.Faults;

/// <summary>A fault that shall happen.</summary>
/// <param name="Kind">What, such as <c>silo-kill</c>.</param>
/// <param name="Target">Index of the silo, gateway, program or cluster.</param>
/// <param name="For">How long.</param>
/// <param name="Pause">What the lane waits before it.</param>
internal sealed record PlannedFault(string Kind, int Target, TimeSpan For, TimeSpan Pause);

/// <summary>
/// The faults of one round. Several lanes run side by side, each walks its list: the lists follow from the seed alone, when a fault
/// happens also from how fast the machine is.
/// </summary>
internal sealed record FaultPlan
{
    /// <summary>Failpoints that each silo is armed with, one after the other.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> FailPoints { get; init; }

    /// <summary>Lists of everything else.</summary>
    public required IReadOnlyList<IReadOnlyList<PlannedFault>> Lanes { get; init; }

    /// <summary>The order in which silos are killed one at a time while availability is measured.</summary>
    public required IReadOnlyList<int> MeasuredKills { get; init; }

    /// <summary>The same with no more than so many faults in each lane.</summary>
    public FaultPlan AtMost(int faults) => this with
    {
        FailPoints = [.. FailPoints.Select(points => points.Take(faults).ToList())],
        Lanes = [.. Lanes.Select(lane => lane.Take(faults).ToList())],
    };

    /// <summary>The plan of a round.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="round">Number of the round.</param>
    /// <param name="clusters">How many clusters there are.</param>
    /// <param name="points">All failpoints.</param>
    /// <param name="isShort">Pauses of seconds where a long run has up to a minute.</param>
    /// <param name="canKillDatabase">The database is ours.</param>
    /// <param name="canElect">It is a replica set of several members, which no proxy stands before.</param>
    public static FaultPlan Of(int seed, int round, int clusters, IReadOnlyList<string> points, bool isShort, bool canKillDatabase, bool canElect)
    {
        var random = new Random(unchecked((seed * 31) + (round * 7_919)));
        var order = points.ToArray();
        random.Shuffle(order);
        int[] silos = [0, 1, 2];
        random.Shuffle(silos);
        List<IReadOnlyList<PlannedFault>> lanes =
        [
            // What the failpoints do not do to silos.
            Lane(random, canElect ? ["silo-pause", "silo-term", "silo-kill", "silo-partition"] : ["silo-pause", "silo-term", "silo-kill", "silo-partition", "silo-store-stalls", "silo-lost-acks"], 0, 3, isShort),
            Lane(random, [.. Enumerable.Repeat("gateway-kill", 8), "gateway-pause", "gateway-term", .. Enumerable.Repeat("gateway-kill", 2)], 0, 2, isShort),
            Lane(random, canElect ? [.. Enumerable.Repeat("store-stepdown", 6)]
                : canKillDatabase ? [.. Enumerable.Repeat("store-server-kill", 6), .. Enumerable.Repeat("store-postgres-kill", 6), "store-slow", "store-down", "store-lost-acks", "store-cuts", "store-throttle"]
                : ["store-slow", "store-down", "store-lost-acks", "store-cuts", "store-throttle", "store-down", "store-lost-acks"], 0, 1, isShort),
            Lane(random, ["cluster-down", "cluster-watches-cut", "cluster-watches-silent", "cluster-create-lost", "cluster-create-refused-but-done", "cluster-errors", "cluster-too-many", "bucket-down", "bucket-slow-down", "cluster-compacted",
                "cluster-watches-cut", "cluster-create-lost"], 0, clusters, isShort),
        ];
        if (round % 2 == 1)
            lanes.Add([new PlannedFault("silos-kill", 0, TimeSpan.Zero, TimeSpan.FromSeconds(isShort ? 40 : 120))]);
        return new FaultPlan { FailPoints = [.. Enumerable.Range(0, 3).Select(silo => order.Where((_, i) => i % 3 == silo).ToList())], Lanes = lanes, MeasuredKills = silos };
    }

    private static List<PlannedFault> Lane(Random random, string[] kinds, int firstTarget, int targets, bool isShort)
    {
        random.Shuffle(kinds);
        return [.. kinds.Select(kind => new PlannedFault(kind, firstTarget + random.Next(targets), LengthOf(kind, random, isShort), TimeSpan.FromSeconds((isShort ? 1 : 5) + (random.NextDouble() * (isShort ? 3 : 15)))))];
    }

    private static TimeSpan LengthOf(string kind, Random random, bool isShort) => kind switch
    {
        "silo-pause" or "gateway-pause" => TimeSpan.FromSeconds(isShort ? 5 : ((int[])[5, 20, 60])[random.Next(3)]),
        "store-down" => TimeSpan.FromSeconds(isShort ? 5 : random.Next(5, 61)),
        "store-server-kill" or "store-postgres-kill" => TimeSpan.FromSeconds(isShort ? random.NextDouble() : random.NextDouble() * 10),
        "silo-partition" => TimeSpan.FromSeconds(isShort ? 8 : random.Next(5, 40)),
        _ => TimeSpan.FromSeconds(isShort ? 2 + (random.NextDouble() * 3) : 3 + (random.NextDouble() * 20)),
    };
}
