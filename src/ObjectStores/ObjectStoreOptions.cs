using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

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

    /// <summary>Bytes of one answer that is not an object's content. 5 MiB: 1000 keys of 1024 bytes, percent-encoded, take less.</summary>
    public long MaxAnswerBytes { get; set; } = 5 * 1024 * 1024;

    /// <summary>
    /// Elements of one answer's XML, which take more memory than their bytes. 60,000: 1000 versions with owner and checksums have fewer than
    /// 20,000.
    /// </summary>
    public int MaxAnswerElements { get; set; } = 60_000;

    /// <summary>Bytes of an answer that refuses; what is longer is cut, since code and words stand at its beginning. 64 KiB: S3's have less than 2.</summary>
    public int MaxErrorBytes { get; set; } = 64 * 1024;

    /// <summary>KiB of an answer's headers. 32: S3 allows 2 KiB of an object's own, proxies add a few.</summary>
    public int MaxHeaderKilobytes { get; set; } = 32;

    /// <summary>
    /// Objects and versions that one listing is followed to. 100,000: a backup has six files; what has more versions than that is removed
    /// in several walks.
    /// </summary>
    public int MaxListedObjects { get; set; } = 100_000;

    /// <summary>Pages of one listing, empty ones included. 1000: a hundred full ones are <see cref="MaxListedObjects"/>, and some stores make small ones.</summary>
    public int MaxPages { get; set; } = 1000;

    /// <summary>Time for one walk through a listing with the deletions on its way. 10 min: 100,000 versions one by one take longer than any honest folder.</summary>
    public TimeSpan WalkTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>File with certificate authorities (PEM) that stores' certificates may come from, beside the system's; empty for none. Read at the start.</summary>
    public string AuthoritiesFile { get; set; } = "";

    /// <summary>The certificates of <see cref="AuthoritiesFile"/>; null when there is none.</summary>
    /// <exception cref="ValidationException">The file cannot be read, or holds no certificate.</exception>
    public string? ReadAuthorities()
    {
        if (AuthoritiesFile.Length == 0)
            return null;
        try
        {
            var pem = File.ReadAllText(AuthoritiesFile);
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(pem);
            return certificates.Count > 0 ? pem : throw new ValidationException($"ObjectStores:AuthoritiesFile: '{AuthoritiesFile}' holds no certificate in PEM form");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ValidationException($"ObjectStores:AuthoritiesFile: '{AuthoritiesFile}' cannot be read as certificates in PEM form: {unreadable.Message}", unreadable);
        }
    }
}

/// <summary>
/// Says whether we may connect to an address that an endpoint's host name resolved to. Asked at connect time, for the very address,
/// so that a name that changes its mind between check and use gains nothing.
/// </summary>
/// <param name="host">The host name or address as configured.</param>
/// <param name="address">The resolved address; IPv4 is never given as mapped IPv6.</param>
public delegate bool EndpointGuard(string host, IPAddress address);
