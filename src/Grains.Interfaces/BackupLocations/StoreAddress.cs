using System.Globalization;
using PxBackup.Api;

namespace PxBackup.Grains.Interfaces.BackupLocations;

/// <summary>
/// Where an S3 store is, read from a location's settings by this one function: for the check of a request, for our own calls and for the
/// Secret that Stork reads. What cannot be meant is refused with the field's name.
/// </summary>
public sealed record StoreAddress
{
    private const string DefaultRegion = "us-east-1";
    private const int LongestEndpoint = 2048;
    private const string Expected = "must be a host with an optional port, such as s3.example.com or https://minio.example.com:9000, without path, user or query";

    private StoreAddress()
    {
    }

    /// <summary>The store's URL without path; null for AWS itself.</summary>
    public required Uri? Url { get; init; }

    /// <summary>Plain HTTP. A scheme in the endpoint goes before <c>disable_ssl</c>, as it does in Stork.</summary>
    public required bool IsPlain { get; init; }

    /// <summary>The region that requests are signed for.</summary>
    public required string Region { get; init; }

    /// <summary>
    /// What Stork and its data movers take as the endpoint: host, with its port where it is not the scheme's own; no scheme, which they
    /// would keep or lose each in its own way. AWS by the region's host: its global one does not serve other regions' signatures.
    /// </summary>
    public string HostAndPort => Url?.Authority ?? AwsHostOf(Region);

    /// <summary>Reads the settings; absent ones are AWS in its default region.</summary>
    /// <param name="s3">As the request or the record has them.</param>
    /// <param name="field">How messages name them.</param>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/></exception>
    public static StoreAddress Of(S3Config? s3, string field = "backup_location.s3_config")
    {
        var region = RegionOf(s3?.Region ?? "", $"{field}.region");
        var url = UrlOf(s3?.Endpoint ?? "", s3?.DisableSsl == true, $"{field}.endpoint");
        return new() { Url = url is not null && IsGlobalAws(url) ? null : url, IsPlain = url is null ? s3?.DisableSsl == true : url.Scheme == Uri.UriSchemeHttp, Region = region };
    }

    private static string RegionOf(string given, string field)
    {
        var region = given.Trim();
        if (region.Length > 64 || !region.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw DomainException.InvalidField(field, "must be letters, digits and hyphens, such as us-east-1");
        return region.Length > 0 ? region : DefaultRegion;
    }

    private static Uri? UrlOf(string given, bool disableSsl, string field)
    {
        if (given.Length > LongestEndpoint)
            throw DomainException.InvalidField(field, $"is {given.Length} characters long; at most {LongestEndpoint} are allowed");
        var endpoint = given.Trim();
        if (endpoint.Length == 0)
            return null;
        if (endpoint.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c is '\\' or '%'))
            throw DomainException.InvalidField(field, $"{Expected}; it holds blanks, control characters, '\\' or '%'");
        var text = endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : (disableSsl ? "http://" : "https://") + endpoint;
        var host = text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..].TrimEnd('/');
        if (!host.StartsWith('[') && host.Count(c => c == ':') > 1)
            throw DomainException.InvalidField(field, $"an IPv6 address stands in brackets, such as [{host}]:9000 or http://[{host}]");
        if (!Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0 || host.Contains('@', StringComparison.Ordinal)
            || url.UserInfo.Length > 0 || url.AbsolutePath != "/" || url.Query.Length > 0 || url.Fragment.Length > 0 || host.EndsWith(':') || url.Port is < 1 or > 65535)
            throw DomainException.InvalidField(field, Expected);
        // Lower case, IDN in its ASCII form, the scheme's own port left out.
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"{url.Scheme}://{(url.HostNameType == UriHostNameType.IPv6 ? url.Host : url.IdnHost)}:{url.Port}/"));
    }

    private static bool IsGlobalAws(Uri url) => url is { Scheme: "https", IsDefaultPort: true, Host: "s3.amazonaws.com" };

    private static string AwsHostOf(string region) => region == DefaultRegion ? "s3.amazonaws.com"
        : region.StartsWith("cn-", StringComparison.Ordinal) ? $"s3.{region}.amazonaws.com.cn" : $"s3.{region}.amazonaws.com";
}

/// <summary>The keys to an S3 store, read by one function: people paste them with a line end behind, which Stork cuts off and a signature does not.</summary>
public sealed record StoreKeys
{
    private StoreKeys()
    {
    }

    /// <summary>Access key id.</summary>
    public required string Access { get; init; }

    /// <summary>Secret access key.</summary>
    public required string Secret { get; init; }

    /// <summary>Reads the keys of a credential; blanks and line ends around them are not part of them.</summary>
    public static StoreKeys Of(AWSConfig? aws) => new() { Access = (aws?.AccessKey ?? "").Trim(), Secret = (aws?.SecretKey ?? "").Trim() };

    /// <summary>Without the keys: records print their members, and these must reach no log.</summary>
    public override string ToString() => nameof(StoreKeys);
}
