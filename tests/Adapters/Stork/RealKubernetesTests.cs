using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Stork;

/// <summary>The suite against a real Kubernetes API server that serves Stork's definitions.</summary>
public sealed class RealKubernetesTests(KubernetesApiFixture api, StorkDefinitionsFixture definitions) : StorkAdapterSuite, IClassFixture<StorkDefinitionsFixture>
{
    [Fact]
    public async Task A_kind_that_the_server_does_not_serve_is_told_apart_from_a_missing_object()
    {
        await using var cluster = await OpenAsync();

        var unknown = await Assert.ThrowsAsync<ApiException>(() => cluster.FindAsync<Secret>(Namespace, "a", Token));

        Assert.True(unknown.IsUnknownType, unknown.Message);
    }

    [Fact]
    public async Task A_stranger_is_refused()
    {
        var endpoint = await EndpointAsync();
        await using var cluster = new ClusterConnectionFactory(new ClusterConnectionOptions(), new EndpointPolicy(new EndpointPolicyOptions { AllowLoopback = true }),
            TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance).Open(endpoint with { User = ClusterUser.FromToken("nobody") });

        var refusal = await Assert.ThrowsAsync<ApiException>(() => cluster.FindAsync<StorkRule>(Namespace, "a", Token));

        Assert.True(refusal.IsUnauthorized || refusal.IsForbidden, refusal.Message);
    }

    protected override Task<ClusterEndpoint> EndpointAsync() => definitions.RegisteredAsync(api);
}

/// <summary>Stork's definitions, registered once on the real server as Stork itself registers them.</summary>
public sealed class StorkDefinitionsFixture
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Lock _gate = new();
    private Task<ClusterEndpoint>? _registered;

    public Task<ClusterEndpoint> RegisteredAsync(KubernetesApiFixture api)
    {
        lock (_gate)
            return _registered ??= RegisterAsync(api);
    }

    private static async Task<ClusterEndpoint> RegisterAsync(KubernetesApiFixture api)
    {
        var (server, authority, certificate, key) = await api.StartedAsync();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(certificate, key)];
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { X509Certificate2.CreateFromPem(authority) },
            RevocationMode = X509RevocationMode.NoCheck,
        };
        using var client = new HttpClient(handler) { BaseAddress = server };
        using var resource = typeof(StorkDefinitionsFixture).Assembly.GetManifestResourceStream("stork-definitions.json")!;
        foreach (var definition in (await JsonNode.ParseAsync(resource))!.AsArray())
            await AddAsync(client, definition!);
        return new ClusterEndpoint
        {
            Server = server,
            CertificateAuthority = Encoding.UTF8.GetBytes(authority),
            User = ClusterUser.FromCertificate(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(key)),
        };
    }

    private static async Task AddAsync(HttpClient client, JsonNode definition)
    {
        using var content = new StringContent(definition.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(new Uri("apis/apiextensions.k8s.io/v1/customresourcedefinitions", UriKind.Relative), content);
        Assert.True(answer.IsSuccessStatusCode || answer.StatusCode == System.Net.HttpStatusCode.Conflict, await answer.Content.ReadAsStringAsync());

        // Established is told before the handler is in place, and nothing tells the latter: the server is asked until it serves the kind.
        var plural = definition["spec"]!["names"]!["plural"]!.GetValue<string>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        using var patience = new CancellationTokenSource(Patience);
        do
        {
            using var list = await client.GetAsync(new Uri($"apis/stork.libopenstorage.org/v1alpha1/{plural}", UriKind.Relative), patience.Token);
            if (list.IsSuccessStatusCode)
                return;
        }
        while (await timer.WaitForNextTickAsync(patience.Token));
    }
}
