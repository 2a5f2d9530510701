using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Access;

/// <summary>
/// The way to the issuer: a client of its own, without proxy, cookies and redirects, with limits on size and time; every address is shown
/// to the guard when it is connected to, so that a name which resolves to something else later gains nothing.
/// </summary>
internal sealed class IssuerConnection : IDisposable
{
    // Keycloak's discovery document has 6 KiB, its key set 3 KiB.
    private const int LargestAnswer = 256 * 1024;

    private readonly IdentityOptions options;
    private readonly EndpointGuard guard;
    private readonly TimeProvider time;
    private readonly HttpClient http;

    public IssuerConnection(IOptions<IdentityOptions> options, EndpointGuard guard, TimeProvider time)
    {
        this.options = options.Value;
        this.guard = guard;
        this.time = time;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxConnectionsPerServer = 2,
            MaxResponseHeadersLength = 32,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        };
        if (this.options.CertificateAuthorityFile is { Length: > 0 } authorities)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(authorities);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        http = new(handler) { Timeout = this.options.RequestTimeout, MaxResponseContentBufferSize = LargestAnswer };
    }

    /// <summary>Failures that the issuer or the network can cause.</summary>
    public static bool IsExpected(Exception cause) =>
        cause is HttpRequestException or OperationCanceledException or IOException or SocketException or JsonException or IssuerAnswerException;

    /// <summary>Discovery document, then the key set it names.</summary>
    public async Task<KeySet> FetchKeysAsync()
    {
        var discovery = options.DiscoveryAddress is { Length: > 0 } address
            ? address
            : options.Issuer.TrimEnd('/') + "/.well-known/openid-configuration";
        var keysAt = ReadDiscovery(await GetAsync(new(discovery)).ConfigureAwait(false));
        var body = await GetAsync(keysAt).ConfigureAwait(false);
        KeySet keys;
        try
        {
            keys = KeySet.Parse(body, time.GetUtcNow());
        }
        catch (ArgumentException wrong)
        {
            throw new IssuerAnswerException($"{keysAt} is not a JSON Web Key Set", wrong);
        }
        return keys.IsEmpty ? throw new IssuerAnswerException($"{keysAt} holds no RSA or EC key for signatures") : keys;
    }

    /// <summary>Where the issuer, if it is the embedded provider of another gateway, tells which of its tokens have ended; null elsewhere.</summary>
    public Uri? StandingAt { get; private set; }

    /// <summary>The standing of the issuer's tokens, null if it is still of this version, and the second of the issuer's clock in which it was so.</summary>
    public async Task<(Standing? Standing, long AsOf)> FetchStandingAsync(Uri address, string? known)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (known is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", $"\"{known}\"");
        using var limit = new CancellationTokenSource(options.RequestTimeout, time);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        var asOf = (answer.Headers.Date ?? time.GetUtcNow()).ToUnixTimeSeconds();
        if (answer.StatusCode == HttpStatusCode.NotModified)
            return (null, asOf);
        if (answer.StatusCode != HttpStatusCode.OK)
            throw new IssuerAnswerException($"{address} answered {(int)answer.StatusCode}");
        // Larger than the other documents, hence read here under a limit of its own.
        using var body = new MemoryStream();
        var stream = await answer.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
        var piece = new byte[16 * 1024];
        for (int count; (count = await stream.ReadAsync(piece, limit.Token).ConfigureAwait(false)) > 0;)
        {
            body.Write(piece, 0, count);
            if (body.Length > Standing.MaxBytes)
                throw new IssuerAnswerException($"{address} is larger than {Standing.MaxBytes} bytes");
        }
        return (Standing.Parse(body.GetBuffer().AsSpan(0, (int)body.Length)), asOf);
    }

    public void Dispose() => http.Dispose();

    private Uri ReadDiscovery(string body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        if (Text(root, "issuer") is not { } issuer || issuer != options.Issuer)
            throw new IssuerAnswerException($"discovery names the issuer '{Text(root, "issuer")}': set Identity:Issuer to exactly that, or correct the address");
        if (Text(root, "jwks_uri") is not { } address || !Uri.TryCreate(address, UriKind.Absolute, out var keys) || !IdentityOptionsValidation.MayUse(keys, options))
            throw new IssuerAnswerException("discovery names no usable jwks_uri (plain http needs Identity:AllowPlainHttp=true)");
        StandingAt = Text(root, Standing.Endpoint) is { } standing && Uri.TryCreate(standing, UriKind.Absolute, out var at)
            && IdentityOptionsValidation.MayUse(at, options) ? at : null;
        return keys;
    }

    private static string? Text(JsonElement part, string member) =>
        part.ValueKind == JsonValueKind.Object && part.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;

    private async Task<string> GetAsync(Uri address)
    {
        using var answer = await http.GetAsync(address).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.OK
            ? await answer.Content.ReadAsStringAsync().ConfigureAwait(false)
            : throw new IssuerAnswerException($"{address} answered {(int)answer.StatusCode}");
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        Exception? last = null;
        foreach (var address in addresses)
        {
            if (guard(host, address) is { } reason)
            {
                last = new IssuerAnswerException($"{host} is {address}: {reason}; the endpoint policy forbids it");
                continue;
            }
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, context.DnsEndPoint.Port, cancellationToken).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception refused)
            {
                socket.Dispose();
                if (refused is not SocketException)
                    throw;
                last = refused;
            }
        }
        throw last ?? new IssuerAnswerException($"{host} has no address");
    }
}

/// <summary>The issuer answered, but not as an OIDC provider does.</summary>
internal sealed class IssuerAnswerException(string message, Exception? cause = null) : Exception(message, cause);
