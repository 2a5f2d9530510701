using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>Checks AWS Signature Version 4, in the Authorization header or in a presigned URL, and signed chunks.</summary>
/// <param name="keys">Access key id → secret access key.</param>
/// <param name="region">The region that must be signed for; null takes any.</param>
/// <param name="time">The store's clock.</param>
internal sealed class SignatureV4(IReadOnlyDictionary<string, string> keys, string? region, TimeProvider time)
{
    /// <summary>S3's limit between the clocks.</summary>
    private static readonly TimeSpan MaxSkew = TimeSpan.FromMinutes(15);

    private const string Algorithm = "AWS4-HMAC-SHA256";
    private const string Stamp = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>What a good signature leaves behind for the chunks of the body.</summary>
    internal sealed record Seal(string AccessKey, byte[] SigningKey, string Stamp, string Scope, string Signature, string PayloadHash);

    /// <exception cref="S3Fault">The signature is missing or wrong.</exception>
    public Seal Check(S3Request request)
    {
        if (request.Header("Authorization") is { } authorization)
            return CheckHeader(request, authorization);
        if (request["X-Amz-Algorithm"] is not null)
            return CheckPresigned(request);
        throw S3Fault.AccessDenied("Anonymous access is not allowed");
    }

    private Seal CheckHeader(S3Request request, string authorization)
    {
        if (!authorization.StartsWith(Algorithm + " ", StringComparison.Ordinal))
            throw S3Fault.InvalidRequest("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
        var parts = authorization[Algorithm.Length..].Split(',').Select(part => part.Trim().Split('=', 2)).Where(part => part.Length == 2)
            .ToDictionary(part => part[0], part => part[1]);
        if (!parts.TryGetValue("Credential", out var credential) || !parts.TryGetValue("SignedHeaders", out var signed) || !parts.TryGetValue("Signature", out var signature))
            throw Malformed("The authorization header is malformed.");
        var stamp = request.Header("x-amz-date") ?? throw S3Fault.AccessDenied("AWS authentication requires a valid Date or x-amz-date header");
        var payload = request.Header("x-amz-content-sha256") ?? throw S3Fault.InvalidRequest("Missing required header for this request: x-amz-content-sha256");
        var at = Instant(stamp);
        var (accessKey, key, scope) = Scope(credential, stamp);
        if ((time.GetUtcNow() - at).Duration() > MaxSkew)
            throw new S3Fault(HttpStatusCode.Forbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.");
        return Compare(request, signed, payload, stamp, scope, key, signature, accessKey);
    }

    private Seal CheckPresigned(S3Request request)
    {
        string Need(string name) => request[name] ?? throw new S3Fault(HttpStatusCode.BadRequest, "AuthorizationQueryParametersError", $"{name} is missing");
        var stamp = Need("X-Amz-Date");
        var at = Instant(stamp);
        var (accessKey, key, scope) = Scope(Need("X-Amz-Credential"), stamp);
        if (!int.TryParse(Need("X-Amz-Expires"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > 604800)
            throw new S3Fault(HttpStatusCode.BadRequest, "AuthorizationQueryParametersError", "X-Amz-Expires must be between 0 and 604800 seconds");
        var now = time.GetUtcNow();
        if (now > at.AddSeconds(seconds))
            throw S3Fault.AccessDenied("Request has expired");
        if (at - now > MaxSkew)
            throw S3Fault.AccessDenied("Request is not valid yet");
        return Compare(request, Need("X-Amz-SignedHeaders"), request.Header("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD", stamp, scope, key, Need("X-Amz-Signature"), accessKey);
    }

    private (string AccessKey, byte[] Key, string Scope) Scope(string credential, string stamp)
    {
        // An access key may hold a '/', the four parts behind it may not.
        var parts = credential.Split('/');
        if (parts.Length < 5 || parts[^1] != "aws4_request" || parts[^2] != "s3" || parts[^4] != stamp[..8])
            throw Malformed("The authorization header is malformed; the Credential is mal-formed.");
        var accessKey = string.Join('/', parts[..^4]);
        if (!keys.TryGetValue(accessKey, out var secret))
            throw new S3Fault(HttpStatusCode.Forbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.");
        if (region is not null && parts[^3] != region)
            throw Malformed($"The authorization header is malformed; the region '{parts[^3]}' is wrong; expecting '{region}'");
        var key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (var part in parts[^4..])
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return (accessKey, key, string.Join('/', parts[^4..]));
    }

    private static Seal Compare(S3Request request, string signedHeaders, string payload, string stamp, string scope, byte[] key, string signature, string accessKey)
    {
        var names = signedHeaders.Split(';');
        if (!names.Contains("host"))
            throw S3Fault.AccessDenied("There were headers present in the request which were not signed: host");
        var canonical = new StringBuilder().Append(request.Method).Append('\n').Append(S3Request.Encode(request.Path, keepSlash: true)).Append('\n');
        canonical.AppendJoin('&', request.Query.Where(pair => pair.Key != "X-Amz-Signature")
            .Select(pair => S3Request.Encode(pair.Key, false) + "=" + S3Request.Encode(pair.Value, false)).Order(StringComparer.Ordinal)).Append('\n');
        foreach (var name in names)
            canonical.Append(name).Append(':').Append(Squeezed(request.Header(name) ?? "")).Append('\n');
        canonical.Append('\n').Append(signedHeaders).Append('\n').Append(payload);
        var expected = Sign(key, $"{Algorithm}\n{stamp}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToString())))}");
        if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.UTF8.GetBytes(signature)))
            throw Mismatch();
        return new(accessKey, key, stamp, scope, signature, payload);
    }

    public static S3Fault Mismatch() => new(HttpStatusCode.Forbidden, "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.");

    public static string Sign(byte[] key, string text) => Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));

    public static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static S3Fault Malformed(string message) => new(HttpStatusCode.BadRequest, "AuthorizationHeaderMalformed", message);

    private static DateTimeOffset Instant(string stamp) =>
        DateTimeOffset.TryParseExact(stamp, Stamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at : throw S3Fault.AccessDenied("AWS authentication requires a valid Date or x-amz-date header");

    private static string Squeezed(string value) => string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
