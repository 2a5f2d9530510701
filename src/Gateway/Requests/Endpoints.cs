using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>Addresses that a request gives. Where they may lead is decided when a connection is made (DESIGN D11).</summary>
internal static class Endpoints
{
    private const int Longest = 2048;

    /// <summary>An <c>http</c> or <c>https</c> URL without user.</summary>
    public static void Url(string field, string url)
    {
        Fields.Required(field, url);
        Fields.Text(field, url, Longest);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0 || uri.UserInfo.Length > 0)
            throw DomainException.InvalidField(field, "must be an http or https URL without a user in it");
    }
}
