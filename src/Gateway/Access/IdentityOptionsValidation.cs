using System.Net;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Access;

/// <summary>Refuses a start with settings that could only fail later; each message names the setting and the cure.</summary>
internal sealed class IdentityOptionsValidation : IValidateOptions<IdentityOptions>
{
    public ValidateOptionsResult Validate(string? name, IdentityOptions options)
    {
        var faults = new List<string>();
        if (!Enum.IsDefined(options.Mode))
            faults.Add("Identity:Mode must be Embedded or External");
        CheckIssuer(options, faults);
        if (options.Audience is { } audience && audience.Trim().Length != audience.Length)
            faults.Add("Identity:Audience has blanks around it: remove them, or leave it empty to accept any audience");
        if (options.CertificateAuthorityFile is { Length: > 0 } authority && !File.Exists(authority))
            faults.Add($"Identity:CertificateAuthorityFile: there is no file '{authority}'");
        Within("Identity:ClockSkew", options.ClockSkew, TimeSpan.Zero, TimeSpan.FromMinutes(5), faults);
        Within("Identity:KeyRefreshInterval", options.KeyRefreshInterval, TimeSpan.FromSeconds(10), TimeSpan.FromHours(24), faults);
        Within("Identity:UnknownKeyInterval", options.UnknownKeyInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), faults);
        Within("Identity:KeysWithoutIssuer", options.KeysWithoutIssuer, options.KeyRefreshInterval, TimeSpan.FromDays(7), faults);
        Within("Identity:RequestTimeout", options.RequestTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), faults);
        if (options.CachedTokens is < 16 or > 1_000_000)
            faults.Add("Identity:CachedTokens must be 16 to 1,000,000");
        if (Identity.SignInSource.Parse(options.TrustedProxies) is null)
            faults.Add($"Identity:TrustedProxies is '{options.TrustedProxies}', it must be addresses and networks divided by commas, such as 10.0.0.0/8, 192.0.2.7");
        if (!options.ForwardedHeader.Equals("X-Forwarded-For", StringComparison.OrdinalIgnoreCase) && !options.ForwardedHeader.Equals("Forwarded", StringComparison.OrdinalIgnoreCase))
            faults.Add($"Identity:ForwardedHeader is '{options.ForwardedHeader}', it must be X-Forwarded-For or Forwarded");
        if (options.Mode == IdentityMode.Embedded)
            CheckEmbedded(options, options.Embedded, faults);
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static void CheckIssuer(IdentityOptions options, List<string> faults)
    {
        CheckUrl("Identity:Issuer", options.Issuer, options, faults);
        if (options.DiscoveryAddress is { Length: > 0 } address)
            CheckUrl("Identity:DiscoveryAddress", address, options, faults);
    }

    private static void CheckUrl(string setting, string value, IdentityOptions options, List<string> faults)
    {
        if (!Uri.TryCreate(value, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
            faults.Add($"{setting} must be a URL such as https://host/auth/realms/master, found '{value}'");
        else if (url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
            faults.Add($"{setting} must not hold a user, a query or a fragment");
        else if (options.Mode == IdentityMode.External && !MayUse(url, options))
            faults.Add($"{setting} is plain http: use https, or set Identity:AllowPlainHttp=true if the network in between is trusted");
    }

    /// <summary>Https always; http on loopback, or where the operator allows it.</summary>
    internal static bool MayUse(Uri url, IdentityOptions options) =>
        url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && (options.AllowPlainHttp || IsLoopback(url)));

    private static bool IsLoopback(Uri url) =>
        url.Host == "localhost" || (IPAddress.TryParse(url.IdnHost.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static void CheckEmbedded(IdentityOptions options, EmbeddedIdentityOptions embedded, List<string> faults)
    {
        if (string.IsNullOrWhiteSpace(embedded.Directory))
            faults.Add("Identity:Embedded:Directory is empty: name a folder that only this product's user may read");
        if (Uri.TryCreate(options.Issuer, UriKind.Absolute, out var issuer) && issuer.AbsolutePath is not ("/auth/realms/master" or "/realms/master"))
            faults.Add("Identity:Issuer must end with /auth/realms/master or /realms/master in Embedded mode: these are the paths it answers at");
        if (string.IsNullOrWhiteSpace(embedded.ClientId))
            faults.Add("Identity:Embedded:ClientId is empty; clients of the product send 'pxcentral'");
        if (string.IsNullOrWhiteSpace(embedded.AdminUsername))
            faults.Add("Identity:Embedded:AdminUsername is empty; the product's is 'px-central-admin'");
        if (embedded.AdminPassword is { Length: > 0 } password && password.Length is < 8 or > 256)
            faults.Add("Identity:Embedded:AdminPassword (PXBACKUP_ADMIN_PASSWORD) must have 8 to 256 characters; leave it empty to have one generated");
        Within("Identity:Embedded:MaxTokenLifetime", embedded.MaxTokenLifetime, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3650), faults);
        Within("Identity:Embedded:DefaultTokenLifetime", embedded.DefaultTokenLifetime, TimeSpan.FromMinutes(1), embedded.MaxTokenLifetime, faults);
        Within("Identity:Embedded:RefreshTokenLifetime", embedded.RefreshTokenLifetime, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30), faults);
    }

    private static void Within(string setting, TimeSpan value, TimeSpan least, TimeSpan most, List<string> faults)
    {
        if (value < least || value > most)
            faults.Add($"{setting} is {value}, it must be {least} to {most}");
    }
}
