using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Records for tests: clusters, because they hold secrets.</summary>
internal static class A
{
    public static readonly DateTimeOffset Noon = new(2026, 5, 17, 12, 0, 0, TimeSpan.Zero);

    public static string Org() => $"org-{Guid.NewGuid():N}";

    public static RecordKey Key(string org, string? uid = null, ObjectKind kind = ObjectKind.Cluster) =>
        new(kind, org, uid ?? Guid.NewGuid().ToString());

    public static ClusterObject Body(string name, string kubeconfig = "", string token = "") => new()
    {
        Metadata = new Metadata { Name = name },
        ClusterInfo = new ClusterInfo { Kubeconfig = kubeconfig, ServiceToken = token },
    };

    public static RecordIndex Index(string name, string owner = "alice") => new()
    {
        Name = name,
        Owner = owner,
        CreatedAt = Noon,
        UpdatedAt = Noon,
        Readers = [$"u:{owner}"],
    };
}
