using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>
/// A request as S3 reads it: from the raw target, because a server's own path has <c>..</c> folded away, and keys may hold it.
/// </summary>
internal sealed class S3Request
{
    private readonly IHeaderDictionary headers;

    private S3Request(string method, IHeaderDictionary headers, string rawPath, string path, List<KeyValuePair<string, string>> query) =>
        (Method, this.headers, RawPath, Path, Query) = (method, headers, rawPath, path, query);

    public string Method { get; }

    /// <summary>The path as sent, still encoded, from the first '/' on.</summary>
    public string RawPath { get; }

    /// <summary>The decoded path.</summary>
    public string Path { get; }

    public IReadOnlyList<KeyValuePair<string, string>> Query { get; }

    public string Bucket { get; private set; } = "";

    public string Key { get; private set; } = "";

    public string Operation { get; private set; } = "";

    /// <summary>The content, taken out of its chunks; read once the signature is known to be good.</summary>
    public byte[] Body { get; set; } = [];

    public string? Header(string name) => headers.TryGetValue(name, out var values) ? values.ToString() : null;

    public IEnumerable<KeyValuePair<string, string>> HeadersWith(string prefix) => headers
        .Where(header => header.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        .Select(header => KeyValuePair.Create(header.Key.ToLowerInvariant(), header.Value.ToString()));

    public bool Has(string parameter) => Query.Any(pair => pair.Key == parameter);

    public string? this[string parameter] => Query.FirstOrDefault(pair => pair.Key == parameter).Value;

    public static S3Request Parse(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!target.StartsWith('/'))
            target = new Uri(target).PathAndQuery;
        var split = target.Split('?', 2);
        var query = (split.Length > 1 ? split[1] : "").Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(part => part.Split('=', 2))
            .Select(part => KeyValuePair.Create(Uri.UnescapeDataString(part[0]), part.Length > 1 ? Uri.UnescapeDataString(part[1]) : ""))
            .ToList();
        var request = new S3Request(context.Request.Method, context.Request.Headers, split[0], Uri.UnescapeDataString(split[0]), query);
        var path = request.Path[1..].Split('/', 2);
        request.Bucket = path[0];
        request.Key = path.Length > 1 ? path[1] : "";
        request.Operation = request.NameOperation();
        return request;
    }

    private string NameOperation() => (Bucket, Key) switch
    {
        ("", _) => Method == "GET" ? "ListBuckets" : "Unknown",
        (_, "") => Method switch
        {
            "PUT" when Has("versioning") => "PutBucketVersioning",
            "PUT" when Has("object-lock") => "PutObjectLockConfiguration",
            "PUT" when Query.Count == 0 => "CreateBucket",
            "HEAD" => "HeadBucket",
            "DELETE" when Query.Count == 0 => "DeleteBucket",
            "POST" when Has("delete") => "DeleteObjects",
            "GET" when Has("location") => "GetBucketLocation",
            "GET" when Has("versioning") => "GetBucketVersioning",
            "GET" when Has("object-lock") => "GetObjectLockConfiguration",
            "GET" when Has("versions") => "ListObjectVersions",
            "GET" when Has("uploads") => "ListMultipartUploads",
            "GET" when this["list-type"] == "2" => "ListObjectsV2",
            "GET" when !Query.Any(pair => pair.Value.Length == 0 && pair.Key is "acl" or "policy" or "lifecycle" or "cors" or "tagging" or "encryption") => "ListObjects",
            _ => "Unknown",
        },
        _ => Method switch
        {
            "PUT" when Has("retention") => "PutObjectRetention",
            "PUT" when Has("legal-hold") => "PutObjectLegalHold",
            "PUT" when Has("partNumber") => "UploadPart",
            "PUT" when Header("x-amz-copy-source") is not null => "CopyObject",
            "PUT" => "PutObject",
            "POST" when Has("uploads") => "CreateMultipartUpload",
            "POST" when Has("uploadId") => "CompleteMultipartUpload",
            "DELETE" when Has("uploadId") => "AbortMultipartUpload",
            "DELETE" => "DeleteObject",
            "HEAD" => "HeadObject",
            "GET" when Has("retention") => "GetObjectRetention",
            "GET" when Has("legal-hold") => "GetObjectLegalHold",
            "GET" when Has("uploadId") => "ListParts",
            "GET" => "GetObject",
            _ => "Unknown",
        },
    };

    /// <summary>Percent-encoding as SigV4 and <c>encoding-type=url</c> want it: everything but unreserved characters.</summary>
    public static string Encode(string text, bool keepSlash)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var b in Encoding.UTF8.GetBytes(text))
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~' || (keepSlash && b == '/'))
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2"));
        return encoded.ToString();
    }
}
