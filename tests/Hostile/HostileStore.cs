using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Hostile;

/// <summary>What the store answers.</summary>
internal enum StoreMood
{
    /// <summary>As a store should.</summary>
    Honest,

    /// <summary>403 with a body of 50 MB.</summary>
    HugeRefusals,

    /// <summary>Lists never end.</summary>
    EndlessLists,

    /// <summary>Lists name keys outside the asked prefix.</summary>
    ForeignKeys,

    /// <summary>An answer comes at a byte a second.</summary>
    Trickle,
}

/// <summary>The attacker's object store: an honest one behind moods.</summary>
internal sealed class HostileStore : IAsyncDisposable
{
    private const int HugeBytes = 50 * 1024 * 1024;
    private readonly WebApplication _server;
    private readonly SimulatedObjectStore _honest = new(new SimulatedObjectStoreOptions { Keys = { [Scene.AccessKey] = Scene.SecretKey } });
    private long _pages;

    private HostileStore()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        _server = builder.Build();
        _server.Run(AnswerAsync);
    }

    public StoreMood Mood { get; set; }

    /// <summary>Keys that <see cref="StoreMood.ForeignKeys"/> puts into lists.</summary>
    public IReadOnlyList<string> Foreign { get; set; } = [];

    /// <summary>Pages of endless lists that were fetched.</summary>
    public long Pages => Interlocked.Read(ref _pages);

    public Uri Endpoint => new(_server.Urls.Single());

    public static async Task<HostileStore> StartAsync(CancellationToken cancellationToken)
    {
        var store = new HostileStore();
        await store._server.StartAsync(cancellationToken);
        return store;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private Task AnswerAsync(HttpContext context)
    {
        var isList = context.Request.Method == "GET" && (context.Request.Query.ContainsKey("list-type") || context.Request.Query.ContainsKey("versions"));
        return Mood switch
        {
            StoreMood.HugeRefusals => HugeAsync(context),
            StoreMood.Trickle => TrickleAsync(context),
            StoreMood.EndlessLists when isList => ListAsync(context, $"{context.Request.Query["prefix"]}made-up-{Interlocked.Increment(ref _pages):d9}-", 1000, endless: true),
            StoreMood.ForeignKeys when isList => ListAsync(context, "", 0, endless: false),
            _ => _honest.HandleAsync(context),
        };
    }

    private static async Task HugeAsync(HttpContext context)
    {
        (context.Response.StatusCode, context.Response.ContentType) = (403, "application/xml");
        await context.Response.WriteAsync("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>", context.RequestAborted);
        var chunk = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));
        for (var sent = 0; sent < HugeBytes; sent += chunk.Length)
            await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
        await context.Response.WriteAsync("</Message></Error>", context.RequestAborted);
    }

    private static async Task TrickleAsync(HttpContext context)
    {
        context.Response.StatusCode = 200;
        for (var i = 0; i < 600; i++)
        {
            await context.Response.WriteAsync("<", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(1000, context.RequestAborted);
        }
    }

    // Both forms of lists at once: a client takes the elements that it knows.
    private async Task ListAsync(HttpContext context, string prefix, int count, bool endless)
    {
        var isVersions = context.Request.Query.ContainsKey("versions");
        var page = new StringBuilder("<?xml version=\"1.0\"?>").Append(isVersions ? "<ListVersionsResult>" : "<ListBucketResult>").Append(CultureInfo.InvariantCulture, $"<Name>{Scene.Bucket}</Name><IsTruncated>{(endless ? "true" : "false")}</IsTruncated>");
        IEnumerable<string> keys = endless ? Enumerable.Range(0, count).Select(i => $"{prefix}{i:d4}") : Foreign;
        var last = "";
        foreach (var key in keys)
        {
            last = key;
            page.Append(isVersions ? "<Version>" : "<Contents>").Append("<Key>").Append(WebUtility.HtmlEncode(key)).Append("</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass>")
                .Append(isVersions ? "</Version>" : "</Contents>");
        }

        page.Append(CultureInfo.InvariantCulture, $"<NextContinuationToken>{last}</NextContinuationToken><NextKeyMarker>{last}</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>").Append(isVersions ? "</ListVersionsResult>" : "</ListBucketResult>");
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync(page.ToString(), context.RequestAborted);
    }
}
