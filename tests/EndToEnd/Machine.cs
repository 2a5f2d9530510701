using System.Net;
using System.Net.Sockets;
using PxBackup.Api;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>
/// One machine with everything on it: simulated clusters and an object store in this process, the product beside it, its data
/// in a folder of its own. The administrator has added the credential, the location and the first two clusters.
/// </summary>
public sealed class Machine : IAsyncLifetime
{
    internal const string AdminName = "px-central-admin";
    internal const string AdminPassword = "canary-administrator-password";
    internal const string AccessKey = "canary-access-key";
    internal const string SecretKey = "canary-secret-access-key";
    internal const string Bucket = "pxbackup";
    internal const string Backups = "applicationbackups.stork.libopenstorage.org";
    internal const string Restores = "applicationrestores.stork.libopenstorage.org";
    internal const string StorkNamespace = "kube-system";

    private static readonly string[] OurKinds = [Backups, Restores, "backuplocations.stork.libopenstorage.org", "rules.stork.libopenstorage.org", "secrets"];

    // Deadlines in seconds where an installation has minutes: what is tested is that they are kept.
    private static readonly Dictionary<string, string> ShortTimes = new()
    {
        ["PXBACKUP_Backups__CheckInterval"] = "00:00:01",
        ["PXBACKUP_Backups__StuckTimeout"] = "00:00:04",
        ["PXBACKUP_Backups__DeletePollInterval"] = "00:00:00.2",
        ["PXBACKUP_Restores__CheckInterval"] = "00:00:01",
        ["PXBACKUP_Restores__StuckTimeout"] = "00:00:04",
        ["PXBACKUP_Restores__DeletePollInterval"] = "00:00:00.2",
        ["PXBACKUP_Clusters__RecheckInterval"] = "00:00:01",
        ["PXBACKUP_Clusters__CheckInterval"] = "00:00:03",
        ["PXBACKUP_Clusters__BackoffMaximum"] = "00:00:02",
        ["PXBACKUP_Clusters__UnreachableTimeout"] = "00:00:03",
        ["PXBACKUP_Recovery__Interval"] = "00:00:02",
    };

    private readonly List<Server> _servers = [];
    private readonly SimulatedObjectStoreOptions _store = new() { Keys = { [AccessKey] = SecretKey } };
    private RunningObjectStore? _running;
    private int _names;

    internal SimulatedFleet Fleet { get; private set; } = null!;

    internal SimulatedObjectStore Store => _running!.Store;

    internal Uri StoreEndpoint => _running!.Endpoint;

    /// <summary>Access keys of the store; a test may change them while it runs.</summary>
    internal IDictionary<string, string> StoreKeys => _store.Keys;

    internal string Folder { get; } = Directory.CreateTempSubdirectory("pxbackup-endtoend-").FullName;

    internal string ServerData => Path.Combine(Folder, "server");

    internal int RestPort { get; } = FreePort();

    internal int GrpcPort { get; } = FreePort();

    internal Uri Rest => new($"http://127.0.0.1:{RestPort}");

    internal Server Server => _servers[^1];

    /// <summary>The administrator.</summary>
    internal Client Admin { get; private set; } = null!;

    internal ObjectRef Credential { get; private set; } = null!;

    /// <summary>The right access key with another secret.</summary>
    internal ObjectRef WrongCredential { get; private set; } = null!;

    internal ObjectRef Location { get; private set; } = null!;

    internal ObjectRef Cluster { get; private set; } = null!;

    internal SimulatedCluster Simulated => Fleet.Clusters[0];

    /// <summary>All that any of the servers has said.</summary>
    internal IEnumerable<string> LogLines => _servers.SelectMany(server => server.Lines);

    public async ValueTask InitializeAsync()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        _running = await SimulatedObjectStore.StartAsync(_store, cancellationToken);
        Fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 4, StorkSpeed = 20, Applications = ["shop", "blog", "bank"] }, cancellationToken);
        await StartServerAsync();
        Admin = await Client.SignInAsync(this, AdminName, AdminPassword);
        Credential = await Admin.AddCredentialAsync("keys", AccessKey, SecretKey);
        WrongCredential = await Admin.AddCredentialAsync("wrong-keys", AccessKey, "canary-wrong-secret-key");
        Location = (await Admin.AddLocationAsync("bucket", Credential, StoreEndpoint, Bucket)).Ref();
        Cluster = (await Admin.AddClusterAsync(Simulated.Name, Simulated.Kubeconfig)).Ref();
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        foreach (var server in _servers)
            await server.DisposeAsync();
        if (Fleet is not null)
            await Fleet.DisposeAsync();
        if (_running is not null)
            await _running.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A name that no other test of this machine uses.</summary>
    internal string NewName(string what) => $"{what}-{Interlocked.Increment(ref _names)}";

    /// <summary>Starts the server on the machine's data, which it keeps from start to start.</summary>
    /// <param name="failPoint">Where it is to end as by <c>kill -9</c>; empty for nowhere.</param>
    internal async Task StartServerAsync(string failPoint = "") => _servers.Add(await Server.StartAsync(Setup(failPoint)));

    /// <summary>Kills the server and starts it again; the cluster is Online afterwards, even where an earlier test left it unreachable.</summary>
    internal async Task RestartServerAsync(string failPoint = "")
    {
        await Server.KillAsync();
        await StartServerAsync(failPoint);
        await Admin.ClusterIsAsync(Cluster, Api.ClusterInfo.Types.StatusInfo.Types.Status.Online);
    }

    internal ServerSetup Setup(string failPoint = "") => new()
    {
        Data = ServerData,
        RestPort = RestPort,
        GrpcPort = GrpcPort,
        Environment = new Dictionary<string, string>(ShortTimes) { ["PXBACKUP_ADMIN_PASSWORD"] = AdminPassword, ["PXBACKUP_FAILPOINTS"] = failPoint.Length > 0 ? $"{failPoint}=kill" : "" },
    };

    /// <summary>A request for a backup of the namespaces; with a uid, so that it can be repeated.</summary>
    internal BackupCreateRequest BackupOf(string name, params string[] namespaces) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Client.Org, Uid = Guid.NewGuid().ToString() },
        ClusterRef = Cluster,
        BackupLocationRef = Location,
        Namespaces = { namespaces },
    };

    /// <summary>A request for a restore of the backup to its own cluster.</summary>
    internal RestoreCreateRequest RestoreOf(string name, BackupObject backup, params (string From, string To)[] mapping) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Client.Org, Uid = Guid.NewGuid().ToString() },
        BackupRef = backup.Ref(),
        ClusterRef = Cluster,
        NamespaceMapping = { mapping.ToDictionary(pair => pair.From, pair => pair.To) },
    };

    /// <summary>Name of the resource on the cluster that stands for an object.</summary>
    internal static string ResourceOf(CreateMetadata metadata) => $"{metadata.Name}-{metadata.Uid[..7]}";

    /// <summary>Ground truth: how often a resource of this name was created on the first cluster.</summary>
    internal int Creates(string resource, string name) =>
        Simulated.Log.Since().Count(entry => entry.Verb == "create" && entry.Resource == resource && entry.Name == name);

    /// <summary>Ground truth: the files of a backup in the bucket, without their folder.</summary>
    internal IReadOnlyList<string> FilesOf(CreateMetadata metadata) =>
        [.. Store.Keys(Bucket, $"{StorkNamespace}/{ResourceOf(metadata)}/").Select(key => key[(key.LastIndexOf('/') + 1)..]).Order(StringComparer.Ordinal)];

    /// <summary>Ground truth: what the product has placed on a cluster and is still there, such as <c>secrets keys-1a2b3c4</c>.</summary>
    internal static IReadOnlyList<string> OursOn(SimulatedCluster cluster) =>
        [.. OurKinds.SelectMany(kind => cluster.Objects.List(kind).Where(IsOurs).Select(item => $"{kind} {item["metadata"]!["name"]}"))];

    private static bool IsOurs(System.Text.Json.Nodes.JsonObject item) => item["metadata"]!["labels"]?["app.kubernetes.io/managed-by"]?.GetValue<string>() == "pxbackup";

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
