using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>As much of S3 as Stork uses: buckets, objects, lists by delimiter, and signatures (version 4) checked. Texts are those of the recorded server.</summary>
internal sealed partial class FakeObjectStore : IAsyncDisposable
{
    public const string AccessKey = "minio";
    public const string SecretKey = "minio-secret";

    private readonly ConcurrentDictionary<string, byte[]> _objects = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _buckets = new(StringComparer.Ordinal);
    private readonly WebApplication _app;

    private FakeObjectStore()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(ServeAsync);
    }

    public string Endpoint => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public IReadOnlyDictionary<string, byte[]> Objects => _objects;

    public static async Task<FakeObjectStore> StartAsync(CancellationToken cancellationToken)
    {
        var store = new FakeObjectStore();
        await store._app.StartAsync(cancellationToken);
        return store;
    }

    public void CreateBucket(string name) => _buckets[name] = true;

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ServeAsync(HttpContext http)
    {
        var path = Uri.UnescapeDataString(http.Request.Path.Value!.TrimStart('/'));
        var (bucket, key) = path.IndexOf('/') is >= 0 and var slash ? (path[..slash], path[(slash + 1)..]) : (path, "");
        using var buffer = new MemoryStream();
        await http.Request.Body.CopyToAsync(buffer, http.RequestAborted);
        if (Signed(http) is { } refusal) await RefuseAsync(http, 403, refusal.Code, refusal.Message);
        else if (http.Request.Method == "PUT" && key.Length == 0) await CreateBucketAsync(http, bucket);
        else if (!_buckets.ContainsKey(bucket)) await RefuseAsync(http, 404, "NoSuchBucket", "The specified bucket does not exist");
        else if (key.Length == 0) await ListAsync(http, bucket);
        else await ServeObjectAsync(http, $"{bucket}/{key}", buffer.ToArray());
    }

    private async Task CreateBucketAsync(HttpContext http, string bucket)
    {
        if (!BucketName().IsMatch(bucket))
            await RefuseAsync(http, 400, "InvalidBucketName", "Bucket names can contain lowercase letters, numbers, and hyphens. Each label must start and end with a lowercase letter or a number.");
        else if (!_buckets.TryAdd(bucket, true))
            await RefuseAsync(http, 409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.");
    }

    private async Task ServeObjectAsync(HttpContext http, string path, byte[] body)
    {
        switch (http.Request.Method)
        {
            case "PUT":
                _objects[path] = body;
                http.Response.Headers.ETag = $"\"{Convert.ToHexStringLower(SHA256.HashData(body))[..32]}\"";
                break;
            case "DELETE":
                _objects.TryRemove(path, out _);
                http.Response.StatusCode = 204;
                break;
            case "GET" when _objects.TryGetValue(path, out var content):
                http.Response.ContentLength = content.Length;
                await http.Response.Body.WriteAsync(content, http.RequestAborted);
                break;
            default:
                await RefuseAsync(http, 404, "NoSuchKey", "The specified key does not exist.");
                break;
        }
    }

    private async Task ListAsync(HttpContext http, string bucket)
    {
        var prefix = http.Request.Query["prefix"].ToString();
        var folders = _objects.Keys.Where(k => k.StartsWith($"{bucket}/{prefix}", StringComparison.Ordinal)).Select(k => k[(bucket.Length + 1)..])
            .Where(k => k.IndexOf('/', prefix.Length) >= 0).Select(k => k[..(k.IndexOf('/', prefix.Length) + 1)]).Distinct();
        var answer = new XElement("ListBucketResult", new XElement("Name", bucket), new XElement("Prefix", prefix), new XElement("IsTruncated", "false"),
            folders.Select(f => new XElement("CommonPrefixes", new XElement("Prefix", f))));
        http.Response.ContentType = "application/xml";
        await http.Response.WriteAsync(answer.ToString(), http.RequestAborted);
    }

    private static async Task RefuseAsync(HttpContext http, int status, string code, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/xml";
        await http.Response.WriteAsync(new XElement("Error", new XElement("Code", code), new XElement("Message", message)).ToString(), http.RequestAborted);
    }

    private static (string Code, string Message)? Signed(HttpContext http)
    {
        var given = Authorization().Match(http.Request.Headers.Authorization.ToString());
        if (!given.Success || given.Groups["key"].Value != AccessKey) return ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.");
        var headers = given.Groups["headers"].Value.Split(';');
        var query = string.Join('&', http.Request.Query.OrderBy(q => q.Key, StringComparer.Ordinal).Select(q => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString(q.Value.ToString())}"));
        var request = string.Join('\n', http.Request.Method, http.Request.Path.ToUriComponent(), query,
            string.Concat(headers.Select(h => $"{h}:{(h == "host" ? http.Request.Host.ToString() : http.Request.Headers[h].ToString()).Trim()}\n")), given.Groups["headers"].Value, http.Request.Headers["x-amz-content-sha256"].ToString());
        var scope = given.Groups["scope"].Value;
        var text = string.Join('\n', "AWS4-HMAC-SHA256", http.Request.Headers["x-amz-date"].ToString(), scope, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request))));
        var key = scope.Split('/').Aggregate(Encoding.UTF8.GetBytes("AWS4" + SecretKey), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text))) == given.Groups["signature"].Value ? null
            : ("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.");
    }

    [GeneratedRegex(@"^AWS4-HMAC-SHA256 Credential=(?<key>[^/]+)/(?<scope>[^,]+),\s*SignedHeaders=(?<headers>[^,]+),\s*Signature=(?<signature>[0-9a-f]+)$")]
    private static partial Regex Authorization();

    [GeneratedRegex("^[a-z0-9][a-z0-9.-]+[a-z0-9]$")]
    private static partial Regex BucketName();
}
