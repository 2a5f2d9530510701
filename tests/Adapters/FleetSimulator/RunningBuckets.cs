using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The simulated object store with the keys of the recordings, and what is in it.</summary>
internal sealed class RunningBuckets : IAsyncDisposable
{
    public const string AccessKey = "minio";
    public const string SecretKey = "minio-secret";

    private static readonly string[] Names = ["pxb-bucket", "pxb-enc", "brand-new-bucket"];

    private readonly RunningObjectStore _running;

    private RunningBuckets(RunningObjectStore running) => _running = running;

    public string Endpoint => _running.Endpoint.AbsoluteUri.TrimEnd('/');

    /// <summary>Every object by <c>bucket/key</c>.</summary>
    public IReadOnlyDictionary<string, byte[]> Objects =>
        Names.SelectMany(bucket => _running.Store.Keys(bucket).Select(key => (bucket, key))).ToDictionary(o => $"{o.bucket}/{o.key}", o => _running.Store.Content(o.bucket, o.key)!.Value.ToArray());

    public static async Task<RunningBuckets> StartAsync(CancellationToken cancellationToken)
    {
        var options = new SimulatedObjectStoreOptions();
        options.Keys[AccessKey] = SecretKey;
        return new RunningBuckets(await SimulatedObjectStore.StartAsync(options, cancellationToken));
    }

    public void CreateBucket(string name) => _running.Store.EnsureBucket(name);

    public ValueTask DisposeAsync() => _running.DisposeAsync();
}
