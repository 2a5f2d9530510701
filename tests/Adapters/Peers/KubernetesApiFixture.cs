using PxBackup.Tests.Adapters.Peers;
using Xunit;

[assembly: AssemblyFixture(typeof(KubernetesApiFixture))]

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A real Kubernetes API server for custom resources (apiextensions-apiserver with etcd: no core resources) for the whole assembly;
/// started by the first test that asks for it. A test that needs it fails when it cannot be started. <c>tests/peers/kube-api.sh</c>
/// says how one elsewhere is used.
/// </summary>
public sealed class KubernetesApiFixture : IAsyncDisposable
{
    private readonly Lazy<Task<PeerServer>> server =
        new(() => PeerServer.StartAsync("kube-api", "KUBE_DIR", "KUBE_SERVER", "KUBE_CA", "KUBE_CERT", "KUBE_KEY"));

    /// <summary>Where it answers, and the PEM texts to reach it with: its authority, a client certificate of system:masters, its key.</summary>
    public async Task<(Uri Server, string Authority, string Certificate, string Key)> StartedAsync()
    {
        var values = (await server.Value).Values;
        return (new Uri(values["KUBE_SERVER"]), await ReadAsync("KUBE_CA"), await ReadAsync("KUBE_CERT"), await ReadAsync("KUBE_KEY"));

        Task<string> ReadAsync(string key) => File.ReadAllTextAsync(values[key]);
    }

    public async ValueTask DisposeAsync()
    {
        // One that failed to start has told the tests, and has left nothing running.
        if (server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await server.Value).DisposeAsync();
    }
}
