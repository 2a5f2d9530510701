using Microsoft.AspNetCore.Server.Kestrel.Core;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

public class ClusterIdentityTests
{
    private const string KubeSystem = "/api/v1/namespaces/kube-system";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(HttpProtocols.Http1AndHttp2)]
    [InlineData(HttpProtocols.Http1)]
    public async Task Nothing_is_asked_of_a_server_before_it_has_shown_which_cluster_it_is(HttpProtocols protocols)
    {
        await using var api = await FakeKubernetesApi.StartAsync(protocols: protocols);
        await using var cluster = Clusters.Open(api.Endpoint, identity: "uid-1");

        var call = cluster.FindAsync<Secret>("a", "b", Token);
        var first = await api.NextAsync("the identity");
        await first.AnswerAsync(200, """{"metadata":{"name":"kube-system","uid":"uid-1"}}""");
        var second = await api.NextAsync("the read");
        await second.RefuseAsync(404, "NotFound");

        Assert.Null(await call);
        Assert.Equal((KubeSystem, "/api/v1/namespaces/a/secrets/b"), (first.Path, second.Path));
    }

    [Fact]
    public async Task A_server_that_is_another_cluster_gets_no_call_and_no_watch()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        api.AnswerAll(new() { [KubeSystem] = """{"metadata":{"name":"kube-system","uid":"uid-2"}}""", ["POST /api/v1/namespaces/a/secrets"] = "{}" });
        await using var cluster = Clusters.Open(api.Endpoint, identity: "uid-1");

        var create = await Assert.ThrowsAsync<ClusterException>(() => cluster.CreateAsync(new Secret { Metadata = { Name = "b", Namespace = "a" } }, Token));
        var probe = await Assert.ThrowsAsync<ClusterException>(() => cluster.ProbeAsync(Token));

        Assert.Equal((ClusterFailure.OtherCluster, ClusterFailure.OtherCluster, "uid-2"), (create.Cause, probe.Cause, probe.ClusterUid));
    }

    [Fact]
    public async Task A_connection_that_comes_back_is_asked_again()
    {
        // HTTP/1.1: an aborted request takes its connection along.
        await using var api = await FakeKubernetesApi.StartAsync(protocols: HttpProtocols.Http1);
        await using var cluster = Clusters.Open(api.Endpoint, identity: "uid-1");
        var calls = UntilAnotherFailureAsync(() => cluster.FindAsync<Secret>("a", "b", Token));
        await (await api.NextAsync("the identity")).AnswerAsync(200, """{"metadata":{"uid":"uid-1"}}""");
        (await api.NextAsync("the read whose connection breaks")).Abort();

        var asked = await api.NextAsync("the identity once more");
        await asked.AnswerAsync(200, """{"metadata":{"uid":"uid-2"}}""");

        Assert.Equal(KubeSystem, asked.Path);
        Assert.Equal(ClusterFailure.OtherCluster, (await calls).Cause);
    }

    private static async Task<ClusterException> UntilAnotherFailureAsync(Func<Task> call)
    {
        while (true)
        {
            var failure = await Assert.ThrowsAsync<ClusterException>(call);
            if (failure.Cause != ClusterFailure.ConnectionLost)
                return failure;
        }
    }

    [Fact]
    public async Task An_account_that_may_not_read_the_identity_works_without_it()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint, identity: "uid-1");

        var call = cluster.FindAsync<Secret>("a", "b", Token);
        await (await api.NextAsync("the identity")).RefuseAsync(403, "Forbidden");
        await (await api.NextAsync("the read")).RefuseAsync(404, "NotFound");

        Assert.Null(await call);
    }

    [Fact]
    public async Task Without_a_known_identity_nothing_is_asked_first()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint);

        var call = cluster.FindAsync<Secret>("a", "b", Token);
        var request = await api.NextAsync("the read");
        await request.RefuseAsync(404, "NotFound");

        Assert.Null(await call);
        Assert.Equal("/api/v1/namespaces/a/secrets/b", request.Path);
    }
}
