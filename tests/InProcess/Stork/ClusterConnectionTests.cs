using System.Net;
using System.Net.Sockets;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

public class ClusterConnectionTests
{
    private static readonly Dictionary<string, string> WorkingCluster = new()
    {
        ["/version"] = """{"gitVersion":"v1.36.2"}""",
        ["/apis/stork.libopenstorage.org/v1alpha1"] = """{"resources":[{"name":"applicationbackups"},{"name":"applicationrestores"},{"name":"backuplocations"},{"name":"rules"}]}""",
        ["/api/v1/namespaces/kube-system/configmaps/stork-controller-config"] = """{"metadata":{"name":"stork-controller-config"},"data":{"admin-ns":"stork-admin","stork-deploy-ns":"stork-ns"}}""",
        ["/apis/coordination.k8s.io/v1/namespaces/stork-ns/leases/stork"] = """{"metadata":{"resourceVersion":"4711"},"spec":{"holderIdentity":"stork-1","renewTime":"2026-11-28T20:00:00.000000Z"}}""",
        ["/apis/apps/v1/namespaces/stork-ns/deployments/stork"] = """{"spec":{"replicas":3,"template":{"spec":{"containers":[{"command":["/stork"]}]}}},"status":{"readyReplicas":2}}""",
        ["/api/v1/namespaces/kube-system/configmaps/stork-version"] = """{"metadata":{"name":"stork-version"},"data":{"version":"24.3.2-abc"}}""",
        ["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = """{"status":{"allowed":true}}""",
        ["/api/v1/namespaces/kube-system"] = """{"metadata":{"name":"kube-system","uid":"cluster-uid"}}""",
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_working_cluster_is_described()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        api.AnswerAll(WorkingCluster);
        await using var cluster = Clusters.Open(api.Endpoint);

        var probe = await cluster.ProbeAsync(Token);

        Assert.Equal(new ClusterProbe { KubernetesVersion = "v1.36.2", StorkVersion = "24.3.2-abc", AdminNamespace = "stork-admin", ClusterUid = "cluster-uid" }, probe with { Stork = null });
        Assert.Equal(("stork-ns", true, 3, 2), (probe.Stork!.Namespace, probe.Stork.LeaseMark!.Contains("4711", StringComparison.Ordinal), probe.Stork.Deployment!.Wanted, probe.Stork.Deployment.Ready));
    }

    [Fact]
    public async Task Where_there_is_no_lease_the_Deployment_is_looked_at_and_what_may_not_be_read_is_named()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint);

        var look = cluster.LookAtStorkAsync(withDeployment: false, Token);
        await (await api.NextAsync("the lease")).RefuseAsync(403, "Forbidden");
        var second = await api.NextAsync("the Deployment");
        await second.AnswerAsync(200, """{"spec":{"replicas":0,"template":{"spec":{"containers":[{"command":["/stork","--leader-elect=false"]}]}}},"status":{}}""");
        var seen = await look;

        Assert.Equal("/apis/apps/v1/namespaces/kube-system/deployments/stork", second.Path);
        Assert.Equal((null, new StorkDeployment { Wanted = 0, Ready = 0, WithoutLeaderElection = true }), (seen.LeaseMark, seen.Deployment));
        Assert.Equal(["get leases.coordination.k8s.io stork in namespace kube-system"], seen.Denied);
    }

    [Fact]
    public async Task Each_missing_thing_has_its_own_cause_and_a_cure()
    {
        await AssertProbe(ClusterFailure.ApiUnavailable, answers => answers.Remove("/version"));
        await AssertProbe(ClusterFailure.ApiUnavailable, answers => answers["/version"] = "{}");
        await AssertProbe(ClusterFailure.ApiUnavailable, answers => answers["/version"] = "<html>");
        await AssertProbe(ClusterFailure.StorkMissing, answers => answers.Remove("/apis/stork.libopenstorage.org/v1alpha1"));
        await AssertProbe(ClusterFailure.StorkMissing, answers => answers["/apis/stork.libopenstorage.org/v1alpha1"] = """{"resources":[{"name":"rules"}]}""");
        await AssertProbe(ClusterFailure.StorkTooOld, answers => answers["/api/v1/namespaces/kube-system/configmaps/stork-version"] = """{"data":{"version":"v1.9.4"}}""");
        var forbidden = await AssertProbe(ClusterFailure.Forbidden, answers => answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = """{"status":{"allowed":false}}""");
        Assert.Contains("Role pxbackup in namespace stork-admin gives create/delete/get/list/patch/watch applicationbackups.stork.libopenstorage.org", forbidden.Message, StringComparison.Ordinal);
        Assert.Contains("ClusterRole pxbackup gives list namespaces", forbidden.Message, StringComparison.Ordinal);
        Assert.Contains("deploy/application-cluster/rbac.yaml", forbidden.Cure, StringComparison.Ordinal);
        Assert.Equal("cluster-uid", forbidden.ClusterUid);
    }

    [Fact]
    public async Task A_call_that_is_forbidden_names_the_Role_that_lacks_and_its_namespace()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint);

        var call = cluster.CreateAsync(new Secret { Metadata = { Name = "a", Namespace = "stork-ns" } }, Token);
        await (await api.NextAsync("the create")).RefuseAsync(403, "Forbidden");
        var refusal = await Assert.ThrowsAsync<ApiException>(() => call);

        Assert.Equal("create secrets in namespace stork-ns", $"{refusal.Right}");
        Assert.StartsWith("The account may not create secrets in namespace stork-ns; Role pxbackup in namespace stork-ns gives that right.", ClusterException.Of(refusal, "do this").Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_sign_in_a_redirect_and_a_silent_API_have_their_own_causes()
    {
        Assert.Equal(ClusterFailure.Unauthorized, (await Probe(request => request.RefuseAsync(401, "Unauthorized"))).Cause);
        Assert.Equal(ClusterFailure.Forbidden, (await Probe(request => request.RefuseAsync(403, "Forbidden"))).Cause);
        Assert.Equal(ClusterFailure.Throttled, (await Probe(request => request.RefuseAsync(429, "TooManyRequests"))).Cause);
        Assert.Equal(ClusterFailure.ApiUnavailable, (await Probe(request => request.AnswerAsync(302, "", "text/plain", ("Location", "http://169.254.169.254/")))).Cause);
        var time = new FakeTimeProvider();
        Assert.Equal(ClusterFailure.ApiTimeout, (await Probe(_ => { time.Advance(TimeSpan.FromMinutes(1)); return Task.CompletedTask; }, time)).Cause);
        Assert.Equal(ClusterFailure.ConnectionLost, (await Probe(request => { request.Abort(); return Task.CompletedTask; })).Cause);
    }

    [Fact]
    public async Task Each_fault_of_the_certificate_has_its_own_cause()
    {
        Assert.Equal(ClusterFailure.TlsUntrusted, await TlsFailure(TestCertificates.Server, endpoint => endpoint with { CertificateAuthority = TestCertificates.OtherAuthorityPem }));
        Assert.Equal(ClusterFailure.TlsUntrusted, await TlsFailure(TestCertificates.Server, endpoint => endpoint with { CertificateAuthority = default }));
        Assert.Equal(ClusterFailure.TlsUntrusted, await TlsFailure(TestCertificates.ExpiredServer, endpoint => endpoint));
        Assert.Equal(ClusterFailure.TlsNameMismatch, await TlsFailure(TestCertificates.WrongNameServer, endpoint => endpoint));
        Assert.Equal(ClusterFailure.TlsNameMismatch, await TlsFailure(TestCertificates.Server, endpoint => endpoint with { TlsServerName = "other.example.com" }));
        Assert.Null(await TlsFailure(TestCertificates.WrongNameServer, endpoint => endpoint with { TlsServerName = "elsewhere.example.com" }));
        Assert.Null(await TlsFailure(TestCertificates.ExpiredServer, endpoint => endpoint with { SkipTlsVerify = true, CertificateAuthority = default }));
    }

    [Fact]
    public async Task Nobody_listening_and_no_TLS_have_their_own_causes()
    {
        using var plain = new TcpListener(IPAddress.Loopback, 0);
        plain.Start();
        var port = ((IPEndPoint)plain.LocalEndpoint).Port;
        var endpoint = new ClusterEndpoint { Server = new Uri($"https://127.0.0.1:{port}"), User = ClusterUser.FromToken("t") };
        var answering = Task.Run(async () =>
        {
            using var client = await plain.AcceptTcpClientAsync(Token);
            await client.GetStream().WriteAsync("SSH-2.0-OpenSSH\r\n"u8.ToArray(), Token);
        }, Token);
        await using (var cluster = Clusters.Open(endpoint))
            Assert.Equal(ClusterFailure.TlsFailed, (await Assert.ThrowsAsync<ClusterException>(() => cluster.ProbeAsync(Token))).Cause);
        await answering;
        plain.Stop();

        await using var refused = Clusters.Open(endpoint);
        Assert.Equal(ClusterFailure.ConnectRefused, (await Assert.ThrowsAsync<ClusterException>(() => refused.ProbeAsync(Token))).Cause);
        await using var unknown = Clusters.Open(endpoint with { Server = new Uri("https://no-such-host.invalid") });
        Assert.Equal(ClusterFailure.DnsFailure, (await Assert.ThrowsAsync<ClusterException>(() => unknown.ProbeAsync(Token))).Cause);
    }

    [Fact]
    public async Task A_client_certificate_is_presented()
    {
        await using var api = await FakeKubernetesApi.StartAsync(clientCertificate: true);
        await using var cluster = Clusters.Open(api.Endpoint with { User = ClusterUser.FromCertificate(TestCertificates.ClientPem, TestCertificates.ClientKeyPem) });

        var call = cluster.FindAsync<Secret>("a", "b", Token);
        var request = await api.NextAsync("the read");
        await request.RefuseAsync(404, "NotFound");

        Assert.Null(await call);
        Assert.Equal(TestCertificates.Client.Thumbprint, request.ClientThumbprint);
        Assert.Null(request.Header("Authorization"));
    }

    [Fact]
    public async Task A_server_without_HTTP_2_is_served_too()
    {
        await using var api = await FakeKubernetesApi.StartAsync(protocols: HttpProtocols.Http1);
        api.AnswerAll(WorkingCluster);
        await using var cluster = Clusters.Open(api.Endpoint);

        Assert.Equal("v1.36.2", (await cluster.ProbeAsync(Token)).KubernetesVersion);
    }

    [Fact]
    public async Task Calls_are_addressed_and_written_as_the_API_wants_them()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint);

        var create = cluster.CreateAsync(new StorkRule { Metadata = { Name = "r", Namespace = "ns" } }, Token);
        var created = await api.NextAsync("the create");
        await created.AnswerAsync(201, """{"metadata":{"name":"r","uid":"u"}}""");
        var patch = cluster.MergePatchAsync<StorkRule>("ns", "r", new JsonObject { ["rules"] = null }, Token);
        var patched = await api.NextAsync("the patch");
        await patched.AnswerAsync(200, "{}");
        var delete = cluster.DeleteAsync<StorkRule>("ns", "r", "u", Token);
        var deleted = await api.NextAsync("the delete");
        await deleted.AnswerAsync(200, """{"kind":"Status","status":"Success"}""");

        Assert.Equal("u", (await create).Metadata.Uid);
        await patch;
        Assert.True(await delete);
        const string path = "/apis/stork.libopenstorage.org/v1alpha1/namespaces/ns/rules";
        Assert.Equal(("POST", path), (created.Method, created.Path));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"Rule","metadata":{"name":"r","namespace":"ns"}}"""), JsonNode.Parse(created.Body)), created.Body);
        Assert.Equal(("PATCH", path + "/r", """{"rules":null}""", "application/merge-patch+json"), (patched.Method, patched.Path, patched.Body, patched.Header("Content-Type")));
        Assert.Equal(("DELETE", path + "/r", "u"), (deleted.Method, deleted.Path, JsonNode.Parse(deleted.Body)!["preconditions"]!["uid"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("../secrets")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("A")]
    [InlineData("a%2fb")]
    [InlineData("a?b")]
    public async Task A_name_that_would_lead_to_another_path_is_refused_before_anything_is_sent(string name)
    {
        await using var cluster = Clusters.Open(new ClusterEndpoint { Server = new Uri("https://127.0.0.1:1"), User = ClusterUser.FromToken("t") });

        await Assert.ThrowsAsync<ArgumentException>(() => cluster.FindAsync<Secret>("ns", name, Token));
        await Assert.ThrowsAsync<ArgumentException>(() => cluster.FindAsync<Secret>(name, "n", Token));
    }

    [Fact]
    public async Task An_answer_that_is_too_large_is_asked_for_in_smaller_pages_and_then_refused()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint, options: new ClusterConnectionOptions { MaxResponseBytes = 1000, PageSize = 8 });
        var large = $$$"""{"metadata":{"annotations":{"a":"{{{new string('x', 2000)}}}"}},"items":[]}""";

        var list = cluster.ListAsync<Secret>("ns", null, Token);
        var first = await api.NextAsync("a page of 8");
        await first.AnswerAsync(200, large);
        var second = await api.NextAsync("a page of 1");
        await second.AnswerAsync(200, large);

        Assert.Equal(("8", "1"), (first.Query("limit"), second.Query("limit")));
        Assert.Equal(ClusterFailure.ApiUnavailable, (await Assert.ThrowsAsync<ClusterException>(() => list)).Cause);
    }

    [Theory]
    [InlineData("""{"metadata":{"continue":"again"},"items":[{"metadata":{"name":"a"}}]}""", "same continue token")]
    [InlineData("""{"metadata":{"continue":"page-#"},"items":[]}""", "empty pages")]
    [InlineData("""{"metadata":{"continue":"page-#"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}""", "more than 50 objects")]
    public async Task A_list_without_end_is_given_up(string page, string because)
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint, options: new ClusterConnectionOptions { MaxListItems = 50 });

        var list = cluster.ListNamespacesAsync(null, Token);
        for (var number = 0; !list.IsCompleted && number < 100; number++)
        {
            var next = api.NextAsync("a page");
            if (await Task.WhenAny(next, list) == next)
                await (await next).AnswerAsync(200, page.Replace("#", number.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal));
        }

        var failure = await Assert.ThrowsAsync<ClusterException>(() => list);
        Assert.Equal(ClusterFailure.ApiUnavailable, failure.Cause);
        Assert.Contains(because, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_has_a_time_and_bytes_as_a_whole()
    {
        var time = new FakeTimeProvider();
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var slow = Clusters.Open(api.Endpoint, options: new ClusterConnectionOptions { CallTimeout = Clusters.Never, ConnectTimeout = Clusters.Never }, time: time);
        var late = slow.ListNamespacesAsync(null, Token);
        await (await api.NextAsync("the first page")).AnswerAsync(200, """{"metadata":{"continue":"c"},"items":[{"metadata":{"name":"a"}}]}""");
        await api.NextAsync("the second page, which never comes");
        time.Advance(TimeSpan.FromMinutes(11));
        await using var large = Clusters.Open(api.Endpoint, options: new ClusterConnectionOptions { MaxListBytes = 1000 });
        var full = large.ListNamespacesAsync(null, Token);
        await (await api.NextAsync("a large page")).AnswerAsync(200, $$$$"""{"metadata":{"continue":"c"},"items":[{"metadata":{"name":"a","annotations":{"a":"{{{{new string('x', 2000)}}}}"}}}]}""");

        Assert.Equal(ClusterFailure.ApiTimeout, (await Assert.ThrowsAsync<ClusterException>(() => late)).Cause);
        Assert.Contains("1000 bytes", (await Assert.ThrowsAsync<ClusterException>(() => full)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_that_was_not_asked_for_or_is_too_large_is_no_answer()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint);

        var other = cluster.FindAsync<ApplicationBackup>("ns", "mine", Token);
        await (await api.NextAsync("the read")).AnswerAsync(200, """{"metadata":{"name":"somebody-elses","namespace":"ns","uid":"u"}}""");
        var elsewhere = cluster.FindAsync<ApplicationBackup>("ns", "mine", Token);
        await (await api.NextAsync("the read")).AnswerAsync(200, """{"metadata":{"name":"mine","namespace":"other","uid":"u"}}""");
        var giant = cluster.FindAsync<ApplicationBackup>("ns", "mine", Token);
        await (await api.NextAsync("the read")).AnswerAsync(200, $$$"""{"metadata":{"name":"mine","namespace":"ns"},"status":{"reason":"{{{new string('r', 5 * 1024 * 1024)}}}"}}""");

        Assert.Contains("another object", (await Assert.ThrowsAsync<ClusterException>(() => other)).Message, StringComparison.Ordinal);
        Assert.Contains("another object", (await Assert.ThrowsAsync<ClusterException>(() => elsewhere)).Message, StringComparison.Ordinal);
        Assert.Contains("larger than", (await Assert.ThrowsAsync<ClusterException>(() => giant)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_names_groups_without_end_is_asked_about_a_few()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        var groups = Enumerable.Range(0, 1000).Select(i => $"g{i}.example.com").ToList();
        var answers = new Dictionary<string, string>
        {
            ["/apis"] = "{\"groups\":[" + string.Join(',', groups.Select(g => $$$"""{"name":"{{{g}}}","versions":[{"version":"v1"}],"preferredVersion":{"version":"v1"}}""")) + "]}",
            ["/apis/stork.libopenstorage.org/v1alpha1/applicationregistrations"] = "{\"metadata\":{},\"items\":[{\"resources\":[" + string.Join(',', groups.Select(g => $$"""{"group":"{{g}}","version":"v1","kind":"K"}""")) + "]}]}",
        };
        api.AnswerAll(answers);
        await using var cluster = Clusters.Open(api.Endpoint);

        Assert.Contains("API versions", (await Assert.ThrowsAsync<ClusterException>(() => cluster.ListBackupKindsAsync(Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kinds_are_the_built_in_ones_that_are_served_and_the_registered_custom_ones()
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        api.AnswerAll(new Dictionary<string, string>
        {
            ["/api/v1"] = """{"resources":[{"name":"pods","kind":"Pod","namespaced":true},{"name":"secrets","kind":"Secret","namespaced":true},{"name":"secrets/x","kind":"ConfigMap","namespaced":true}]}""",
            ["/apis"] = """{"groups":[{"name":"apps","versions":[{"version":"v1"}],"preferredVersion":{"version":"v1"}},{"name":"db.example.com","versions":[{"version":"v1"}],"preferredVersion":{"version":"v1"}},{"name":"autoscaling","versions":[{"version":"v2"}],"preferredVersion":{"version":"v2"}}]}""",
            ["/apis/apps/v1"] = """{"resources":[{"name":"deployments","kind":"Deployment","namespaced":true},{"name":"controllerrevisions","kind":"ControllerRevision","namespaced":true}]}""",
            ["/apis/db.example.com/v1"] = """{"resources":[{"name":"databases","kind":"Database","namespaced":true},{"name":"clusters","kind":"DatabaseFleet","namespaced":false},{"name":"users","kind":"DatabaseUser","namespaced":true}]}""",
            ["/apis/stork.libopenstorage.org/v1alpha1/applicationregistrations"] = """{"metadata":{},"items":[{"resources":[{"group":"db.example.com","version":"v1","kind":"Database","keepStatus":false},{"group":"db.example.com","version":"v1","kind":"DatabaseFleet"},{"group":"gone.example.com","version":"v1","kind":"Gone"}]}]}""",
        });
        await using var cluster = Clusters.Open(api.Endpoint);

        Assert.Equal(["Database", "Deployment", "Secret"], await cluster.ListBackupKindsAsync(Token));
    }

    [Fact]
    public void The_library_references_nothing_that_runs_programs_or_opens_files()
    {
        using var file = File.OpenRead(typeof(ClusterConnectionFactory).Assembly.Location);
        using var image = new PEReader(file);
        var metadata = image.GetMetadataReader();
        var types = metadata.TypeReferences.Select(handle => metadata.GetTypeReference(handle))
            .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}").ToHashSet();

        Assert.Contains("System.Net.Sockets.Socket", types);
        Assert.DoesNotContain(types, type => type is "System.Diagnostics.Process" or "System.Diagnostics.ProcessStartInfo" or "System.IO.File" or "System.IO.FileStream"
            or "System.IO.FileInfo" or "System.IO.Directory" or "System.IO.StreamReader" or "System.IO.Path");
    }

    private static async Task<ClusterException> AssertProbe(ClusterFailure cause, Action<Dictionary<string, string>> spoil)
    {
        var answers = new Dictionary<string, string>(WorkingCluster);
        spoil(answers);
        await using var api = await FakeKubernetesApi.StartAsync();
        api.AnswerAll(answers);
        await using var cluster = Clusters.Open(api.Endpoint);

        var failure = await Assert.ThrowsAsync<ClusterException>(() => cluster.ProbeAsync(Token));

        Assert.Equal(cause, failure.Cause);
        Assert.NotEmpty(failure.Cure);
        return failure;
    }

    private static async Task<ClusterException> Probe(Func<FakeRequest, Task> answer, TimeProvider? time = null)
    {
        await using var api = await FakeKubernetesApi.StartAsync();
        await using var cluster = Clusters.Open(api.Endpoint, time: time);
        var probe = cluster.ProbeAsync(Token);
        await answer(await api.NextAsync("the first call of the probe"));
        return await Assert.ThrowsAsync<ClusterException>(() => probe);
    }

    private static async Task<ClusterFailure?> TlsFailure(X509Certificate2 certificate, Func<ClusterEndpoint, ClusterEndpoint> change)
    {
        await using var api = await FakeKubernetesApi.StartAsync(certificate);
        api.AnswerAll(WorkingCluster);
        await using var cluster = Clusters.Open(change(api.Endpoint));
        try
        {
            await cluster.ProbeAsync(Token);
            return null;
        }
        catch (ClusterException e)
        {
            return e.Cause;
        }
    }
}
