using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>How a simulated object store is set up.</summary>
public sealed class SimulatedObjectStoreOptions
{
    /// <summary>Access key id → secret access key. Every one may do everything; rights are taken away by <see cref="ObjectStoreFaults"/>.</summary>
    public IDictionary<string, string> Keys { get; } = new Dictionary<string, string>();

    /// <summary>The region that requests must be signed for; null takes any.</summary>
    public string? Region { get; set; }

    /// <summary>Folder that keeps the objects over a restart; null keeps them in memory only.</summary>
    public string? Folder { get; set; }

    /// <summary>The store's clock: signatures, retention.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Bytes of one request's body. 256 MiB: everything is held in memory.</summary>
    public long MaxBodyBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Certificate with its private key for HTTPS; null for plain HTTP. For <see cref="SimulatedObjectStore.StartAsync"/>.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Port on the loopback address; 0 takes a free one. For <see cref="SimulatedObjectStore.StartAsync"/>.</summary>
    public int Port { get; set; }
}

/// <summary>
/// An S3-compatible store for tests and for a start without anything: path-style addressing, Signature Version 4 really checked,
/// versions, object lock, multipart uploads, paging. It serves an existing application through <see cref="HandleAsync"/> or
/// <see cref="MapTo"/>, or runs by itself through <see cref="StartAsync"/>.
/// </summary>
public sealed class SimulatedObjectStore
{
    private readonly SimulatedObjectStoreOptions options;
    private readonly SignatureV4 signatures;
    private readonly SimulatedBuckets buckets;
    private readonly S3Operations operations;
    private readonly Lock gate = new();
    private long requests;

    /// <summary>Creates the store, and loads what its folder holds.</summary>
    public SimulatedObjectStore(SimulatedObjectStoreOptions options)
    {
        this.options = options;
        signatures = new(options.Keys.AsReadOnly(), options.Region, options.Time);
        buckets = new(options.Folder);
        operations = new(buckets, options.Time);
    }

    /// <summary>Faults on command.</summary>
    public ObjectStoreFaults Faults { get; } = new();

    /// <summary>What was asked and answered.</summary>
    public ObjectStoreLog Log { get; } = new();

    /// <summary>Starts a store that listens on the loopback address.</summary>
    public static async Task<RunningObjectStore> StartAsync(SimulatedObjectStoreOptions options, CancellationToken cancellationToken = default)
    {
        var store = new SimulatedObjectStore(options);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.AddServerHeader = false;
            if (options.Certificate is { } certificate)
                kestrel.Listen(IPAddress.Loopback, options.Port, listen => listen.UseHttps(certificate));
            else
                kestrel.Listen(IPAddress.Loopback, options.Port);
        });
        if (options.Certificate is not null)
            builder.WebHost.UseKestrelHttpsConfiguration();
        var application = builder.Build();
        application.Run(store.HandleAsync);
        await application.StartAsync(cancellationToken);
        return new(store, application);
    }

    /// <summary>Answers every path that no other endpoint of the application takes.</summary>
    public void MapTo(IEndpointRouteBuilder endpoints) => endpoints.MapFallback("/{**path}", HandleAsync);

    /// <summary>Makes a bucket without a request; one that is there is left alone.</summary>
    /// <param name="bucket">Its name.</param>
    /// <param name="lockMode">GOVERNANCE or COMPLIANCE to have new objects locked; null for a bucket without object lock.</param>
    /// <param name="retentionDays">Default retention, with a <paramref name="lockMode"/>.</param>
    public void EnsureBucket(string bucket, string? lockMode = null, int retentionDays = 1)
    {
        lock (gate)
            if (buckets.Find(bucket) is null)
                buckets.Save(new()
                {
                    Name = bucket, CreatedAt = options.Time.GetUtcNow(), ObjectLock = lockMode is not null, Versioning = lockMode is null ? null : "Enabled",
                    DefaultMode = lockMode, DefaultDays = lockMode is null ? null : retentionDays,
                });
    }

    /// <summary>The current keys of a bucket, in order: ground truth. Empty for a bucket that is not there.</summary>
    public IReadOnlyList<string> Keys(string bucket, string prefix = "")
    {
        lock (gate)
            return buckets.Find(bucket) is { } found ? [.. found.KeysFrom(prefix, prefix).Where(key => found.Current(key) is { IsDeleteMarker: false })] : [];
    }

    /// <summary>The current content of an object: ground truth. Null when there is none.</summary>
    public ReadOnlyMemory<byte>? Content(string bucket, string key)
    {
        lock (gate)
            return buckets.Find(bucket)?.Current(key) is { IsDeleteMarker: false } version ? version.Content : null;
    }

    /// <summary>Removes every version of what is below the prefix, as somebody does who cleans a bucket up behind our back; says how many.</summary>
    public int Remove(string bucket, string prefix)
    {
        lock (gate)
        {
            if (buckets.Find(bucket) is not { } found)
                return 0;
            var gone = found.KeysFrom(prefix, prefix).ToList().SelectMany(found.Versions).ToList();
            foreach (var version in gone)
                buckets.Delete(found, version);
            return gone.Count;
        }
    }

    /// <summary>Answers one S3 request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var request = S3Request.Parse(context);
        var fault = Faults.Down ? new() { Kind = ObjectStoreFaultKind.Reset } : Faults.Find(request);
        if (fault is { Delay: var delay } && delay > TimeSpan.Zero)
            await Task.Delay(delay, TimeProvider.System, context.RequestAborted);
        var number = Interlocked.Increment(ref requests);
        var requestId = number.ToString("X16");
        if (fault is not null && HostileAnswers.Makes(fault.Kind))
        {
            Log.Add(new(options.Time.GetUtcNow(), request.Operation, request.Bucket, request.Key.Length > 0 ? request.Key : request["prefix"] ?? "", "", 0, fault.Kind.ToString(), false));
            await HostileAnswers.SendAsync(context, request, fault, number);
            return;
        }
        var (answer, accessKey, tookEffect) = fault is { Kind: ObjectStoreFaultKind.Error or ObjectStoreFaultKind.Reset, AfterEffect: false }
            ? (null, "", false)
            : await PerformAsync(context, request, fault?.Kind == ObjectStoreFaultKind.RepeatedPage, requestId);
        if (fault is { Kind: ObjectStoreFaultKind.Error })
            answer = S3Answer.Error(new(fault.Status, fault.Code, fault.Message), request, requestId);
        var isCut = answer is null || fault is { Kind: ObjectStoreFaultKind.Reset or ObjectStoreFaultKind.CutAnswer };
        Log.Add(new(options.Time.GetUtcNow(), request.Operation, request.Bucket, request.Key.Length > 0 ? request.Key : request["prefix"] ?? "",
            accessKey, isCut ? 0 : answer!.Status, answer?.Code ?? "", tookEffect));
        if (answer is null || fault is { Kind: ObjectStoreFaultKind.Reset })
            context.Abort();
        else
            await SendAsync(context, request, answer.With("Date", options.Time.GetUtcNow().ToString("R")), requestId, isCut);
    }

    private async Task<(S3Answer Answer, string AccessKey, bool TookEffect)> PerformAsync(HttpContext context, S3Request request, bool repeatPage, string requestId)
    {
        var accessKey = "";
        try
        {
            var seal = signatures.Check(request);
            accessKey = seal.AccessKey;
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
                limit.MaxRequestBodySize = options.MaxBodyBytes;
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            request.Body = S3Body.Open(body.ToArray(), request, seal);
            lock (gate)
                return (operations.Perform(request, repeatPage), accessKey, true);
        }
        catch (S3Fault refused)
        {
            return (S3Answer.Error(refused, request, requestId), accessKey, false);
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException bad) when (bad.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return (S3Answer.Error(new(HttpStatusCode.BadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"), request, requestId), accessKey, false);
        }
    }

    private static async Task SendAsync(HttpContext context, S3Request request, S3Answer answer, string requestId, bool cut)
    {
        var response = context.Response;
        response.StatusCode = answer.Status;
        response.Headers["x-amz-request-id"] = requestId;
        foreach (var (name, value) in answer.Headers)
            response.Headers[name] = value;
        if (answer.Status is not (204 or 304))
            response.ContentLength = answer.Body.Length;
        if (request.Method == "HEAD" || answer.Body.IsEmpty)
            return;
        await response.Body.WriteAsync(cut ? answer.Body[..(answer.Body.Length / 2)] : answer.Body, context.RequestAborted);
        if (!cut)
            return;
        await response.Body.FlushAsync(context.RequestAborted);
        context.Abort();
    }
}

/// <summary>A store that listens. Disposing stops it; a folder keeps its objects.</summary>
public sealed class RunningObjectStore : IAsyncDisposable
{
    private readonly WebApplication application;

    internal RunningObjectStore(SimulatedObjectStore store, WebApplication application)
    {
        (Store, this.application) = (store, application);
        Endpoint = new(application.Urls.Single());
    }

    /// <summary>The store itself.</summary>
    public SimulatedObjectStore Store { get; }

    /// <summary>Where it listens: http or https, on the loopback address.</summary>
    public Uri Endpoint { get; }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => application.DisposeAsync();
}
