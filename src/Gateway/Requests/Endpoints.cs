using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>Addresses that a request gives. Where they may lead is decided when a connection is made (DESIGN D11).</summary>
internal static class Endpoints
{
    private const int Longest = 2048;

    /// <summary>An object store's endpoint: <c>host</c>, <c>host:port</c> or either with <c>http://</c> or <c>https://</c>; nothing else in it.</summary>
    public static void HostOrUrl(string field, string endpoint)
    {
        Fields.Text(field, endpoint, Longest);
        var url = endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : "https://" + endpoint;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0
            || uri.UserInfo.Length > 0 || uri.AbsolutePath != "/" || uri.Query.Length > 0 || uri.Fragment.Length > 0 || endpoint.Any(char.IsWhiteSpace))
            throw DomainException.InvalidField(field, "must be a host with an optional port, such as s3.example.com or https://minio.example.com:9000, without path, user or query");
    }

    /// <summary>An <c>http</c> or <c>https</c> URL without user.</summary>
    public static void Url(string field, string url)
    {
        Fields.Required(field, url);
        Fields.Text(field, url, Longest);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0 || uri.UserInfo.Length > 0)
            throw DomainException.InvalidField(field, "must be an http or https URL without a user in it");
    }
}
