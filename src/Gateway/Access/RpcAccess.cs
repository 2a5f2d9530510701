using System.Collections.Frozen;

namespace PxBackup.Gateway.Access;

/// <summary>
/// The one table of who may call which method (DESIGN D9). Every method of the contract has a row; one without is refused, and a test
/// fails. The key is the method's path as gRPC names it.
/// </summary>
internal static class RpcAccess
{
    private static readonly FrozenDictionary<string, Row> Rows = All().ToFrozenDictionary(row => row.Path, StringComparer.Ordinal);

    /// <summary>All rows of the contract's services.</summary>
    public static IReadOnlyCollection<Row> Table => Rows.Values;

    /// <summary>The row of a method; one with <see cref="RpcRight.None"/> when the table has none.</summary>
    public static Row Of(string path)
    {
        if (Rows.TryGetValue(path, out var row))
            return row;
        // The server's own services: what they tell holds no object of anybody.
        return path.StartsWith("/grpc.health.v1.Health/", StringComparison.Ordinal) || path.StartsWith("/grpc.reflection.", StringComparison.Ordinal)
            ? new(path, "grpc", RpcRight.Anonymous)
            : new(path, path, RpcRight.None);
    }

    private static IEnumerable<Row> All() =>
    [
        .. Service("Health", RpcRight.Anonymous, "Status"),
        .. Service("Version", RpcRight.Anonymous, "Get"),

        .. Service("Organization", RpcRight.SuperAdmin, "Create", "Delete"),
        .. Service("Organization", RpcRight.SignedIn, "Enumerate", "Inspect"),

        .. Service("CloudCredential", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateOwnership"),
        .. Service("BackupLocation", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "Validate", "UpdateOwnership"),
        .. Service("Cluster", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateBackupShare", "ShareCluster", "UnShareCluster"),
        .. Service("Backup", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateBackupShare", "GetBackupResourceDetails", "RetryBackupResources"),
        .. Service("Restore", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete"),
        .. Service("ResourceCollector", RpcRight.SignedIn, "ResourceTypes"),

        .. Service("VolumeResourceOnlyPolicy", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateOwnership"),
        .. Service("SchedulePolicy", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateOwnership"),
        .. Service("BackupSchedule", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete"),
        .. Service("Rules", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "UpdateOwnership"),
        .. Service("Role", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "Permission"),
        .. Service("Receiver", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "ValidateSMTP"),
        .. Service("Recipient", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete"),
        .. Service("ManagedClusters", RpcRight.SignedIn, "Enumerate", "Inspect", "BulkAdd"),
        .. Service("ClusterDiscoveryConfig", RpcRight.SignedIn, "Create", "Update", "Enumerate", "Inspect", "Delete", "DiscoverClusters", "RefreshClusters"),
        .. Service("ActivityTimeLine", RpcRight.SignedIn, "Enumerate"),
        .. Service("Metrics", RpcRight.SignedIn, "Create", "Inspect"),
        .. Service("License", RpcRight.SignedIn, "Activate", "Inspect", "Update", "EnumerateLicenseUsageAirGapped"),
        .. Service("LogLevelService", RpcRight.SignedIn, "Get", "Set"),
        .. Service("com.purestorage.ems.ContainerOrchestrator", RpcRight.SignedIn, "KVGet", "KVSet", "KVDelete", "GetBearerToken"),
        .. Service("com.purestorage.ems.PlatformInfoProvider", RpcRight.SignedIn, "GetCustomerProxySettings"),
    ];

    private static IEnumerable<Row> Service(string service, RpcRight right, params string[] methods) =>
        methods.Select(method => new Row($"/{service}/{method}", service.ToLowerInvariant(), right));

    /// <summary>One method.</summary>
    /// <param name="Path">Such as <c>/Backup/Inspect</c>.</param>
    /// <param name="Resource">The service in the words of the published refusal, such as <c>cloudcredential</c>.</param>
    /// <param name="Right">What the caller needs.</param>
    internal sealed record Row(string Path, string Resource, RpcRight Right)
    {
        /// <summary>The method changes nothing and reaches nothing outside: it may be asked again.</summary>
        public bool IsRead { get; } = Path[(Path.LastIndexOf('/') + 1)..] is "Inspect" or "Enumerate" or "Get" or "Status" or "Permission" or "GetBackupResourceDetails";
    }
}
