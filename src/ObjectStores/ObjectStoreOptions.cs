using System.Net;

namespace PxBackup.ObjectStores;

/// <summary>Limits on what a store may cost us.</summary>
public sealed class ObjectStoreOptions
{
    /// <summary>Time for DNS, TCP and TLS together. 10 s: a store further away than that takes no backups.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for one request with its answer's head, without retries. 30 s: the slowest listing pages seen take a few.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for one call of ours with all its retries, or for one page of a longer one. 2 min: longer looks hung to a user.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Retries after 5xx, SlowDown and lost connections, with jittered back-off. 3: a few seconds in all.</summary>
    public int MaxRetries { get; set; } = 3;

    /// <summary>Keys asked for in one page of a listing (1 to 1000, S3's limit and default).</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Bytes of one answer that is not an object's content. 16 MiB: 1000 keys of 1024 bytes, percent-encoded, take less than 5.</summary>
    public long MaxAnswerBytes { get; set; } = 16 * 1024 * 1024;
}

/// <summary>
/// Says whether we may connect to an address that an endpoint's host name resolved to. Asked at connect time, for the very address,
/// so that a name that changes its mind between check and use gains nothing.
/// </summary>
/// <param name="host">The host name or address as configured.</param>
/// <param name="address">The resolved address; IPv4 is never given as mapped IPv6.</param>
public delegate bool EndpointGuard(string host, IPAddress address);
