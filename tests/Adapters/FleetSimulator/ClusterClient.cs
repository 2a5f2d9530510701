using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using PxBackup.FleetSimulator;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>A plain client of one cluster's API server that trusts only what the cluster's kubeconfig says.</summary>
internal static class ClusterClient
{
    /// <summary>The client; <paramref name="http2"/> says which version it insists on.</summary>
    public static HttpClient For(SimulatedCluster cluster, bool http2 = true, string? kubeconfig = null)
    {
        kubeconfig ??= cluster.Kubeconfig;
        var authority = X509Certificate2.CreateFromPem(Text(Field(kubeconfig, "certificate-authority-data")!));
        var handler = new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.None };
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(authority);
        if (Field(kubeconfig, "client-certificate-data") is { } certificate)
            handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(Text(certificate), Text(Field(kubeconfig, "client-key-data")!))];
        var client = new HttpClient(handler)
        {
            BaseAddress = new Uri(Field(kubeconfig, "server")!), Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = http2 ? new Version(2, 0) : new Version(1, 1), DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (Field(kubeconfig, "token") is { } token) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private static string? Field(string kubeconfig, string name) => Regex.Match(kubeconfig, $@"^\s*{name}: (\S+)", RegexOptions.Multiline) is { Success: true } found ? found.Groups[1].Value : null;

    private static string Text(string base64) => System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(base64));
}
