using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PxBackup.Stork;

/// <summary>Makes the connection that HTTP then uses: name → policy → TCP → TLS, each failure with its own cause. Certificates are parsed for each
/// handshake and not kept: a fleet would hold thousands of them for nothing.</summary>
internal sealed class ClusterDialer(ClusterEndpoint endpoint, EndpointPolicy policy, TimeSpan connectTimeout, TimeProvider time)
{
    private const int MaxAddresses = 8;

    // RFC 8305 recommends 250 ms before the next address is tried beside the first.
    private static readonly TimeSpan Stagger = TimeSpan.FromMilliseconds(250);

    private string Host => endpoint.Server.IdnHost;

    private string Where => $"{endpoint.Server.Host}:{endpoint.Server.Port}";

    /// <exception cref="ClusterException">With the step that failed.</exception>
    public async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(connectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var late = ClusterFailure.DnsFailure;
        try
        {
            var addresses = await ResolveAsync(either.Token).ConfigureAwait(false);
            late = ClusterFailure.ConnectTimeout;
            var socket = await ConnectAnyAsync(addresses, either.Token).ConfigureAwait(false);
            late = ClusterFailure.TlsFailed;
            return await SecureAsync(socket, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ClusterException(late, $"{Where} did not answer within {connectTimeout.TotalSeconds:0} s ({Step(late)}).",
                "Check that the address is right and that firewalls let this host through.");
        }
    }

    private static string Step(ClusterFailure late) => late switch
    {
        ClusterFailure.DnsFailure => "resolving the name",
        ClusterFailure.ConnectTimeout => "TCP",
        _ => "TLS handshake",
    };

    private async Task<List<IPAddress>> ResolveAsync(CancellationToken cancellationToken)
    {
        IPAddress[] found;
        try
        {
            found = IPAddress.TryParse(Host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(Host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new ClusterException(ClusterFailure.DnsFailure, $"The name {Host} cannot be resolved ({e.SocketErrorCode}).",
                "Correct the server name in the kubeconfig, or make the name known to this host's DNS.", e);
        }

        var allowed = found.Where(policy.Allows).Take(MaxAddresses).ToList();
        if (allowed.Count > 0)
            return allowed;
        try
        {
            foreach (var address in found)
                policy.Check(Host, address);
        }
        catch (EndpointDeniedException e)
        {
            throw new ClusterException(ClusterFailure.EndpointDenied, e.Message,
                "Use the cluster's real address, or have the operator allow this network in the endpoint policy.", e);
        }

        throw new ClusterException(ClusterFailure.DnsFailure, $"The name {Host} has no address.", "Correct the server name in the kubeconfig.");
    }

    private async Task<Socket> ConnectAnyAsync(List<IPAddress> addresses, CancellationToken cancellationToken)
    {
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<Socket>>();
        SocketException? failure = null;
        var next = 0;
        try
        {
            while (true)
            {
                if (next < addresses.Count)
                    running.Add(ConnectOneAsync(addresses[next++], losers.Token));
                else if (running.Count == 0)
                    throw Failed(failure!);
                var stagger = next < addresses.Count ? Task.Delay(Stagger, time, losers.Token) : null;
                var done = await Task.WhenAny(stagger is null ? running : [.. running, stagger]).ConfigureAwait(false);
                if (done is not Task<Socket> attempt)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    continue;
                }

                running.Remove(attempt);
                try
                {
                    return await attempt.ConfigureAwait(false);
                }
                catch (SocketException e)
                {
                    failure = e;
                }
            }
        }
        finally
        {
            await losers.CancelAsync().ConfigureAwait(false);
            foreach (var loser in running)
                _ = loser.ContinueWith(static done => { if (done.IsCompletedSuccessfully) done.Result.Dispose(); else _ = done.Exception; }, TaskScheduler.Default);
        }
    }

    private async Task<Socket> ConnectOneAsync(IPAddress address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, endpoint.Server.Port), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private ClusterException Failed(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => new(ClusterFailure.ConnectRefused, $"{Where} refuses connections.",
            "Check the port, and that the API server runs.", e),
        SocketError.TimedOut => new(ClusterFailure.ConnectTimeout, $"{Where} does not answer.",
            "Check that the address is right and that firewalls let this host through.", e),
        _ => new(ClusterFailure.Unreachable, $"{Where} cannot be reached ({e.SocketErrorCode}).",
            "Check the route from this host to the cluster's network.", e),
    };

    private async Task<Stream> SecureAsync(Socket socket, CancellationToken cancellationToken)
    {
        var seen = SslPolicyErrors.None;
        var chainProblem = "";
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            var options = TlsOptions();
            options.RemoteCertificateValidationCallback = (_, _, chain, errors) =>
            {
                seen = errors;
                chainProblem = chain is null ? "" : string.Join(", ", chain.ChainStatus.Select(status => status.Status));
                return errors == SslPolicyErrors.None || endpoint.SkipTlsVerify;
            };
            await stream.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch (Exception e)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            if (e is not (AuthenticationException or IOException or CryptographicException))
                throw;
            if (seen.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) || seen.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            {
                throw new ClusterException(ClusterFailure.TlsUntrusted, $"The certificate of {Where} is not trusted ({chainProblem}).",
                    "Put the cluster's current authority into certificate-authority-data, and renew an expired certificate.", e);
            }

            if (seen.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            {
                throw new ClusterException(ClusterFailure.TlsNameMismatch, $"The certificate of {Where} is for another name than {TargetHost}.",
                    "Use a server address that the certificate names, or set tls-server-name.", e);
            }

            throw new ClusterException(ClusterFailure.TlsFailed, $"The TLS handshake with {Where} failed.",
                "Check that a TLS server listens there and that it accepts the client certificate.", e);
        }
    }

    private string TargetHost => endpoint.TlsServerName ?? Host;

    private SslClientAuthenticationOptions TlsOptions()
    {
        // No downloads: a certificate may name any address for its issuer, and that would be connected to around the policy.
        var chain = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (endpoint.CertificateAuthority.Length > 0)
        {
            chain.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.CustomTrustStore.AddRange(Certificates.Load(endpoint.CertificateAuthority.Span));
        }

        var options = new SslClientAuthenticationOptions
        {
            TargetHost = TargetHost,
            CertificateChainPolicy = chain,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        if (endpoint.User.ClientCertificate is { } client)
        {
            var certificate = Certificates.LoadClient(client.Certificate.Span, client.Key.Span);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, Certificates.Load(client.Certificate.Span), offline: true);
        }

        return options;
    }
}
