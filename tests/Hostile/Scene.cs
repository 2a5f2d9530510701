using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Hostile;

/// <summary>Everything that an attack finds.</summary>
internal sealed record Scene
{
    public const string AccessKey = "company-access-key", SecretKey = "company-secret-access-key", Bucket = "company";

    public required HostileOptions Options { get; init; }

    public required Target Target { get; init; }

    public required Honest Honest { get; init; }

    /// <summary>The honest tenants' store. The hostile tenant's first location is in its bucket, too: companies share buckets.</summary>
    public required SimulatedObjectStore Store { get; init; }

    public required Tenant Administrator { get; init; }

    /// <summary>The attacker: a token, a cluster, a location.</summary>
    public required Tenant Attacker { get; init; }

    /// <summary>The attacker's cluster; its Stork stands still, since the attacker plays it.</summary>
    public required SimulatedCluster Cluster { get; init; }

    /// <summary>The attacker's store.</summary>
    public required HostileStore HostileStore { get; init; }

    /// <summary>The keys of the honest tenants' kept backups.</summary>
    public IReadOnlyList<string> KeptKeys() => [.. Honest.Kept.Values.SelectMany(kept => Store.Keys(Bucket, kept.BackupInfo.BackupPath + "/"))];
}

/// <summary>One way to harm others.</summary>
/// <param name="Name">Short, for --only.</param>
/// <param name="What">What it does, for the table.</param>
/// <param name="RunAsync">Does it; what it returns are promises that were broken, in words.</param>
internal sealed record Attack(string Name, string What, Func<Scene, CancellationToken, Task<IReadOnlyList<string>>> RunAsync)
{
    public static IReadOnlyList<Attack> All { get; } =
    [
        .. Attacks.OnReports.All,
        .. Attacks.OnStores.All,
        .. Attacks.OnTheEdge.All,
    ];
}
