using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace PxBackup.ObjectStores.S3;

/// <summary>
/// The client of one store and the HTTP stack below it: own connections (so that the endpoint policy is asked for each address), no
/// proxy, no redirects, no credential but the ones given.
/// </summary>
internal sealed class S3Connection : IDisposable
{
    private readonly HttpClient http;

    private S3Connection(HttpClient http, AmazonS3Client client, bool isAws) => (this.http, Client, IsAws) = (http, client, isAws);

    public AmazonS3Client Client { get; }

    /// <summary>AWS itself: it wants to be told a new bucket's region, others do not know the word.</summary>
    public bool IsAws { get; }

    public static S3Connection Open(S3StoreSettings settings, Uri? endpoint, ObjectStoreOptions options, EndpointGuard mayConnect)
    {
        var http = new HttpClient(new S3Wire(Handler(settings, options, mayConnect), options)) { Timeout = options.RequestTimeout };
        var config = new AmazonS3Config
        {
            HttpClientFactory = new OneClient(http),
            ForcePathStyle = !settings.DisablePathStyle,
            MaxErrorRetry = options.MaxRetries,
            RetryMode = RequestRetryMode.Standard,
            // A store that speaks of a wrong clock is right often enough: the user shall see it, not a quiet correction.
            DisableClockSkewCorrection = true,
            // Newer checksums and their trailers are unknown to many S3-compatible stores.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            // Nothing of this machine's AWS configuration counts: not its endpoints, modes, or credentials.
            IgnoreConfiguredEndpointUrls = true,
            DefaultConfigurationMode = DefaultConfigurationMode.Standard,
            DisableS3ExpressSessionAuth = true,
            DisableMultiregionAccessPoints = true,
            UseArnRegion = false,
            UseDualstackEndpoint = false,
            UseFIPSEndpoint = false,
        };
        if (endpoint is null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(settings.Region);
            config.UseHttp = settings.DisableSsl;
        }
        else
        {
            config.ServiceURL = endpoint.GetLeftPart(UriPartial.Authority);
            config.AuthenticationRegion = settings.Region;
        }
        AWSCredentials keys = settings.SessionToken is { Length: > 0 } token
            ? new SessionAWSCredentials(settings.AccessKey, settings.SecretKey, token)
            : new BasicAWSCredentials(settings.AccessKey, settings.SecretKey);
        return new(http, new AmazonS3Client(keys, config), endpoint is null);
    }

    public void Dispose()
    {
        Client.Dispose();
        http.Dispose();
    }

    private static SocketsHttpHandler Handler(S3StoreSettings settings, ObjectStoreOptions options, EndpointGuard mayConnect)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            // Through a proxy the address connected to would be the proxy's, and the policy would judge the wrong one.
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = options.ConnectTimeout,
            MaxResponseHeadersLength = options.MaxHeaderKilobytes,
            // What is left of an answer that is too long is not waited for: the connection goes.
            MaxResponseDrainSize = 0,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, mayConnect, cancellationToken),
        };
        if (settings.ExtraAuthoritiesPem is { Length: > 0 } pem)
            handler.SslOptions.RemoteCertificateValidationCallback = new ExtraAuthorities(pem).Validate;
        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint target, EndpointGuard mayConnect, CancellationToken cancellationToken)
    {
        var addresses = (await ResolveAsync(target.Host, cancellationToken).ConfigureAwait(false))
            .Select(address => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
            .Where(address => mayConnect(target.Host, address))
            .ToArray();
        if (addresses.Length == 0)
            throw new ConnectException(StoreFailure.EndpointDenied, $"connections to {target.Host} are not allowed");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, target.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new ConnectException(StoreFailure.EndpointUnreachable, $"{target.Host}:{target.Port}: {exception.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
            return addresses.Length > 0 ? addresses : throw new ConnectException(StoreFailure.DnsFailure, $"{host} has no address");
        }
        catch (SocketException exception)
        {
            throw new ConnectException(StoreFailure.DnsFailure, $"{host}: {exception.Message}");
        }
    }

    /// <summary>Hands the SDK our client, and keeps it from sharing or disposing it.</summary>
    private sealed class OneClient(HttpClient http) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => http;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }

    /// <summary>Authorities that count beside the system's. A wrong host name stays wrong.</summary>
    private sealed class ExtraAuthorities
    {
        private readonly X509Certificate2Collection authorities = [];

        public ExtraAuthorities(string pem)
        {
            try
            {
                authorities.ImportFromPem(pem);
            }
            catch (System.Security.Cryptography.CryptographicException exception)
            {
                throw new ObjectStoreException(StoreFailure.InvalidSettings, "", "The extra authorities are not certificates in PEM form.", exception);
            }
            if (authorities.Count == 0)
                throw new ObjectStoreException(StoreFailure.InvalidSettings, "", "The extra authorities hold no certificate in PEM form.");
        }

        public bool Validate(object sender, X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors)
        {
            if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf)
                return errors == SslPolicyErrors.None;
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.ApplicationPolicy.Add(new("1.3.6.1.5.5.7.3.1")); // server authentication
            foreach (var element in presented?.ChainElements.Skip(1) ?? [])
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            return chain.Build(leaf);
        }
    }
}

/// <summary>Why no connection came about; found again inside whatever the layers above wrap around it.</summary>
internal sealed class ConnectException(StoreFailure cause, string message) : Exception(message)
{
    public StoreFailure Cause { get; } = cause;
}
