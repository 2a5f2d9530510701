namespace PxBackup.Chaos.Load;

/// <summary>What a client wants of a backup.</summary>
internal enum StoryKind
{
    /// <summary>It stays.</summary>
    Keep,

    /// <summary>It is deleted once it has ended.</summary>
    Delete,

    /// <summary>It is deleted while it waits or runs.</summary>
    Cancel,

    /// <summary>It is restored; the restore is deleted, the backup stays.</summary>
    Restore,

    /// <summary>No backup, but a location that is made, changed and deleted.</summary>
    Location,
}

/// <summary>One client's plan: all of it follows from the seed and its number.</summary>
internal sealed record Story
{
    public required int Number { get; init; }

    public required StoryKind Kind { get; init; }

    public required string Name { get; init; }

    /// <summary>The client's choice; empty where the request carries an <c>idempotency-key</c> instead.</summary>
    public required string Uid { get; init; }

    public required string RequestId { get; init; }

    /// <summary>Index of the cluster.</summary>
    public required int Cluster { get; init; }

    /// <summary>How often each create is sent at once.</summary>
    public required int Copies { get; init; }

    public required bool ByRest { get; init; }

    /// <summary>The gateway that it asks first.</summary>
    public required int Gateway { get; init; }

    /// <summary>How long a cancellation waits.</summary>
    public required TimeSpan Pause { get; init; }

    /// <summary>It has a backup.</summary>
    public bool HasBackup => Kind != StoryKind.Location;

    public static Story Of(int seed, int number, int clusters)
    {
        var random = new Random(unchecked((seed * 16_777_619) ^ (number * 486_187_739)));
        var kind = random.Next(100) switch
        {
            < 28 => StoryKind.Keep,
            < 48 => StoryKind.Delete,
            < 62 => StoryKind.Cancel,
            < 86 => StoryKind.Restore,
            _ => StoryKind.Location,
        };
        var uid = Uuid(random);
        var byRequestId = random.Next(3) == 0 && kind is not StoryKind.Location;
        return new Story
        {
            Number = number,
            Kind = kind,
            Name = $"s{number:00000}-{kind.ToString().ToLowerInvariant()}",
            Uid = byRequestId ? "" : uid,
            RequestId = byRequestId ? $"request-{uid}" : "",
            Cluster = number % clusters, // Each gets its share, whatever the seed.
            Copies = random.Next(2) == 0 ? 1 : random.Next(2, 6),
            ByRest = random.Next(4) == 0,
            Gateway = random.Next(2),
            Pause = TimeSpan.FromMilliseconds(random.Next(0, 2_000)),
        };
    }

    /// <summary>A uid from the seed.</summary>
    public static string Uuid(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes).ToString();
    }
}
