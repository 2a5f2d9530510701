using System.Net;
using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>That the real servers are what they claim to be: everything said about the adapters rests on it.</summary>
public sealed class RealServerTests(RadosGatewayFixture radosGateway, KubernetesApiFixture kubernetesApi)
{
    [Fact]
    public async Task The_real_Kubernetes_API_server_answers_over_TLS_that_its_authority_vouches_for()
    {
        var (server, authority, certificate, key) = await kubernetesApi.StartedAsync();
        using var handler = new SocketsHttpHandler();
        using var client = new HttpClient(handler);
        handler.SslOptions.ClientCertificates = [WithKey(certificate, key)];
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { X509Certificate2.CreateFromPem(authority) },
            RevocationMode = X509RevocationMode.NoCheck,
        };

        var answer = await client.GetStringAsync(
            new Uri(server, "apis/apiextensions.k8s.io/v1/customresourcedefinitions"), TestContext.Current.CancellationToken);

        Assert.Contains("CustomResourceDefinitionList", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_real_S3_server_refuses_a_stranger()
    {
        var (endpoint, _, _) = await radosGateway.StartedAsync();
        using var client = new HttpClient();

        using var answer = await client.PutAsync(new Uri(endpoint, "some-bucket"), null, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("AccessDenied", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static X509Certificate2 WithKey(string certificate, string key) => X509Certificate2.CreateFromPem(certificate, key);
}
