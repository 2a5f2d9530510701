namespace PxBackup.Gateway.Access;

/// <summary>Where tokens come from.</summary>
public enum IdentityMode
{
    /// <summary>This process issues them: one machine, nothing to install.</summary>
    Embedded,

    /// <summary>An OIDC provider elsewhere, found by discovery.</summary>
    External,
}

/// <summary>Whose tokens are accepted and how they are checked. Section <c>Identity</c>.</summary>
public sealed class IdentityOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Identity";

    /// <summary>Largest token, in characters. Keycloak's are 1-2 KiB; Kestrel allows 32 KiB for all headers together.</summary>
    public const int MaxTokenLength = 16 * 1024;

    /// <summary>Who issues the tokens.</summary>
    public IdentityMode Mode { get; set; } = IdentityMode.Embedded;

    /// <summary>The exact <c>iss</c> of accepted tokens; in External mode also where discovery starts. Default: the embedded provider on the REST port.</summary>
    public string Issuer { get; set; } = "http://localhost:10001/auth/realms/master";

    /// <summary>Required member of <c>aud</c>; empty: not checked, because clients of the product bring tokens of realm <c>master</c> whose <c>aud</c> is <c>account</c>.</summary>
    public string? Audience { get; set; }

    /// <summary>Discovery document, where it is not at <c>{Issuer}/.well-known/openid-configuration</c> (issuer reached by an internal name).</summary>
    public string? DiscoveryAddress { get; set; }

    /// <summary>PEM file with the authorities that may sign the issuer's certificate; empty: the machine's.</summary>
    public string? CertificateAuthorityFile { get; set; }

    /// <summary>Allows <c>http://</c> to an issuer that is not on loopback: whoever sits between can then forge any user.</summary>
    public bool AllowPlainHttp { get; set; }

    /// <summary>Tolerated difference between the clocks, 0-5 min. 30 s: machines with NTP differ by far less.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Checked tokens kept, 16-1,000,000. 10,000 at about 1 KiB each are 10 MiB, and the goals' load has 200 users.</summary>
    public int CachedTokens { get; set; } = 10_000;

    /// <summary>How old the issuer's keys get before they are fetched again in the background, 10 s-24 h. A withdrawn key is out after it.</summary>
    public TimeSpan KeyRefreshInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Least time between two fetches caused by an unknown <c>kid</c>, 1 s-1 h: made-up kids must not become requests to the issuer.</summary>
    public TimeSpan UnknownKeyInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long known keys are trusted while the issuer does not answer, up to 7 d. 24 h: a night's outage stops nobody.</summary>
    public TimeSpan KeysWithoutIssuer { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Limit for one request to the issuer, 1-60 s. Calls wait for it only while no keys are known.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Addresses and networks, divided by commas, of proxies in front of sign-in: from them, and from nobody else, the header that
    /// <see cref="ForwardedHeader"/> names is believed. Without it all who come by a proxy are counted as one.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>The header in which the trusted proxies name the client: <c>X-Forwarded-For</c> or <c>Forwarded</c>. One only: what a proxy does not write itself, a client may have.</summary>
    public string ForwardedHeader { get; set; } = "X-Forwarded-For";

    /// <summary>The provider in this process; used in Embedded mode only.</summary>
    public EmbeddedIdentityOptions Embedded { get; set; } = new();
}

/// <summary>The embedded provider. Section <c>Identity:Embedded</c>.</summary>
public sealed class EmbeddedIdentityOptions
{
    /// <summary>Where users and the signing key rest; made with mode 0700.</summary>
    public string Directory { get; set; } = Path.Combine("data", "identity");

    /// <summary>The public client that tokens are asked with (the product's Helm default).</summary>
    public string ClientId { get; set; } = "pxcentral";

    /// <summary>The first administrator's name.</summary>
    public string AdminUsername { get; set; } = "px-central-admin";

    /// <summary>The first administrator's password, 8-256 characters; empty: generated. Read on the first start only. Also <c>PXBACKUP_ADMIN_PASSWORD</c>.</summary>
    public string? AdminPassword { get; set; }

    /// <summary>Life of a token asked for without <c>token-duration</c>. 10 h: what the product's command line shows.</summary>
    public TimeSpan DefaultTokenLifetime { get; set; } = TimeSpan.FromHours(10);

    /// <summary>Longest <c>token-duration</c> granted; more is cut to it. 365 d: what clients of the product ask for.</summary>
    public TimeSpan MaxTokenLifetime { get; set; } = TimeSpan.FromDays(365);

    /// <summary>Life of a refresh token. 30 min: Keycloak's idle time.</summary>
    public TimeSpan RefreshTokenLifetime { get; set; } = TimeSpan.FromMinutes(30);
}
