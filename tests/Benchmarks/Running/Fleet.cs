using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using PxBackup.Api;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Benchmarks.Running;

/// <summary>Simulated clusters and an object store in a process of their own, and their registration with the product.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    public const string Org = "default";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Child _simulator;
    private readonly JsonNode _store;
    private readonly HttpClient _control;

    private Fleet(Child simulator, JsonNode description)
    {
        _simulator = simulator;
        _store = description["s3"]!;
        _control = new HttpClient { BaseAddress = new Uri(description["control"]!.GetValue<string>()) };
    }

    public Child Simulator => _simulator;

    /// <summary>Starts so many clusters called cluster-1 and so on.</summary>
    public static async Task<Fleet> StartAsync(int clusters, double storkSpeed)
    {
        var simulator = Child.Start("tests/FleetSimulator", "PxBackup.FleetSimulator",
            "--clusters", $"{clusters}", "--stork-speed", FormattableString.Invariant($"{storkSpeed}"), "--control-port", "0", "--s3-port", "0");
        return new Fleet(simulator, JsonNode.Parse(await simulator.FirstLineAsync())!);
    }

    /// <summary>Writes that really happened on a cluster, after the given index.</summary>
    public async Task<JsonArray> LogAsync(string cluster, long since) =>
        JsonNode.Parse(await _control.GetStringAsync(new Uri($"clusters/{cluster}/log?since={since}", UriKind.Relative)))!.AsArray();

    /// <summary>Registers one cluster, by the public API.</summary>
    public async Task<ObjectRef> RegisterAsync(Product product, string name)
    {
        var kubeconfig = await _control.GetStringAsync(new Uri($"clusters/{name}/kubeconfig", UriKind.Relative));
        var created = await new Cluster.ClusterClient(product.Channel).CreateAsync(
            new ClusterCreateRequest { Metadata = new CreateMetadata { Name = name, OrgId = Org }, Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(kubeconfig)) }, product.Headers);
        return new ObjectRef { Name = name, Uid = created.Cluster.Metadata.Uid };
    }

    /// <summary>Registers the clusters of these numbers, several at a time.</summary>
    public async Task<ObjectRef[]> RegisterAsync(Product product, int first, int last)
    {
        const int atOnce = 8;
        var registered = new ObjectRef[last - first + 1];
        await Parallel.ForAsync(first, last + 1, new ParallelOptions { MaxDegreeOfParallelism = atOnce },
            async (number, _) => registered[number - first] = await RegisterAsync(product, $"cluster-{number}"));
        return registered;
    }

    /// <summary>Waits until so many clusters are Online.</summary>
    public static async Task OnlineAsync(Product product, int count)
    {
        var client = new Cluster.ClusterClient(product.Channel);
        var since = Stopwatch.GetTimestamp();
        var online = 0;
        while (Stopwatch.GetElapsedTime(since) < Patience)
        {
            var all = await client.EnumerateAsync(new ClusterEnumerateRequest { OrgId = Org }, product.Headers);
            online = all.Clusters.Count(cluster => cluster.ClusterInfo.Status.Status == ClusterStatus.Online);
            if (online >= count)
                return;
            await Task.Delay(500);
        }

        throw new TimeoutException($"{online} of {count} clusters were Online after {Patience}:{Environment.NewLine}{product.Server.LastLines()}");
    }

    /// <summary>A backup location in the simulated object store, validated.</summary>
    public async Task<ObjectRef> LocationAsync(Product product)
    {
        var credential = new CloudCredentialCreateRequest
        {
            Metadata = new CreateMetadata { Name = "bench", OrgId = Org },
            CloudCredential = new CloudCredentialInfo
            {
                Type = CloudCredentialInfo.Types.Type.Aws,
                AwsConfig = new AWSConfig { AccessKey = _store["accessKeyId"]!.GetValue<string>(), SecretKey = _store["secretAccessKey"]!.GetValue<string>() },
            },
        };
        var made = (await new CloudCredential.CloudCredentialClient(product.Channel).CreateAsync(credential, product.Headers)).CloudCredential.Metadata;
        var locations = new BackupLocation.BackupLocationClient(product.Channel);
        var location = (await locations.CreateAsync(new BackupLocationCreateRequest
        {
            Metadata = new CreateMetadata { Name = "bench", OrgId = Org },
            BackupLocation = new BackupLocationInfo
            {
                Type = BackupLocationInfo.Types.Type.S3,
                Path = "pxbackup-bench",
                CloudCredentialRef = new ObjectRef { Name = made.Name, Uid = made.Uid },
                S3Config = new S3Config { Endpoint = _store["endpoint"]!.GetValue<string>().TrimEnd('/'), Region = "us-east-1", DisableSsl = true },
            },
        }, product.Headers)).BackupLocation.Metadata;
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var status = (await locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Org, Name = location.Name, Uid = location.Uid }, product.Headers)).BackupLocation.BackupLocationInfo.Status;
            if (status.Status == LocationStatus.Valid)
                return new ObjectRef { Name = location.Name, Uid = location.Uid };
            if (status.Status != LocationStatus.ValidationInProgress || Stopwatch.GetElapsedTime(since) > Patience)
                throw new InvalidOperationException($"the backup location is {status.Status}: {status.Reason}");
            await Task.Delay(100);
        }
    }

    /// <summary>A request for a backup of the sample applications.</summary>
    public static BackupCreateRequest BackupOf(ObjectRef cluster, ObjectRef location, string name) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        ClusterRef = cluster.Clone(),
        BackupLocationRef = location.Clone(),
        Namespaces = { "shop", "blog" },
    };

    public async ValueTask DisposeAsync()
    {
        _control.Dispose();
        await _simulator.DisposeAsync();
    }
}
