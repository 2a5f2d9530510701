using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Faults;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The rules of kube-apiserver that a client can trip over.</summary>
public sealed class The_simulated_API_server : IAsyncLifetime
{
    private const string Maps = "/api/v1/namespaces/shop/configmaps";
    private const string Backups = "/apis/stork.libopenstorage.org/v1alpha1/namespaces/kube-system/applicationbackups";

    private SimulatedFleet _fleet = null!;
    private HttpClient _client = null!;

    private SimulatedCluster Cluster => _fleet.Clusters[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = 2, StorkSpeed = 50, ControlPort = 0 }, Cancellation);
        _client = ClusterClient.For(Cluster);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _fleet.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_cluster_accepts_only_its_own_token_under_its_own_authority(bool http2)
    {
        using var client = ClusterClient.For(Cluster, http2);
        using var stranger = ClusterClient.For(Cluster, http2, Cluster.Kubeconfig.Replace(Cluster.Token, _fleet.Clusters[1].Token, StringComparison.Ordinal));
        using var misled = ClusterClient.For(Cluster, http2, _fleet.Clusters[1].Kubeconfig.Replace(_fleet.Clusters[1].Server.Host, Cluster.Server.Host, StringComparison.Ordinal));

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/version", Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.GetAsync("/version", Cancellation)).StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(() => misled.GetAsync("/version", Cancellation));
    }

    [Fact]
    public async Task A_client_certificate_of_the_clusters_authority_is_accepted_and_another_is_not()
    {
        using var ours = ClusterClient.For(Cluster, http2: false, Cluster.ClientCertificateKubeconfig());
        var theirs = _fleet.Clusters[1].ClientCertificateKubeconfig();
        var mixed = string.Join('\n', Cluster.Kubeconfig.Split('\n').Where(l => !l.Contains("token:", StringComparison.Ordinal))
            .SelectMany(l => l == "  user:" ? [l, .. theirs.Split('\n').Where(t => t.Contains("client-", StringComparison.Ordinal))] : new[] { l }));
        using var foreign = ClusterClient.For(Cluster, http2: false, mixed);

        Assert.Equal(HttpStatusCode.OK, (await ours.GetAsync("/api", Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await foreign.GetAsync("/api", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Creating_twice_is_AlreadyExists_and_in_a_missing_namespace_NotFound()
    {
        var created = await SendAsync(HttpMethod.Post, Maps, Map("one"));
        var again = await SendAsync(HttpMethod.Post, Maps, Map("one"));
        var nowhere = await SendAsync(HttpMethod.Post, "/api/v1/namespaces/none/configmaps", Map("one").Replace("shop", "none", StringComparison.Ordinal));

        Assert.Equal("201", created.Code);
        Assert.Equal("409 AlreadyExists configmaps \"one\" already exists", again.Refusal);
        Assert.Equal("404 NotFound namespaces \"none\" not found", nowhere.Refusal);
    }

    [Fact]
    public async Task A_replace_needs_the_current_version_and_a_merge_patch_does_not()
    {
        var stored = (await SendAsync(HttpMethod.Post, Backups, Given.Backup("b").ToJsonString())).Body;
        var stale = stored["metadata"]!["resourceVersion"]!.ToString();
        var patched = await SendAsync(HttpMethod.Patch, $"{Backups}/b", """{"metadata":{"labels":{"x":"y"}}}""", "application/merge-patch+json");

        var replaced = await SendAsync(HttpMethod.Put, $"{Backups}/b", stored.ToJsonString());
        var unversioned = await SendAsync(HttpMethod.Put, $"{Backups}/b", Given.Backup("b").ToJsonString());

        Assert.Equal("200", patched.Code);
        Assert.NotEqual(stale, patched.Body["metadata"]!["resourceVersion"]!.ToString());
        Assert.Equal("409 Conflict Operation cannot be fulfilled on applicationbackups.stork.libopenstorage.org \"b\": the object has been modified; please apply your changes to the latest version and try again", replaced.Refusal);
        Assert.StartsWith("422 Invalid ApplicationBackup.stork.libopenstorage.org \"b\" is invalid: metadata.resourceVersion", unversioned.Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/strategic-merge-patch+json", "{}", "415 UnsupportedMediaType")]
    [InlineData("application/apply-patch+yaml", "{}", "415 UnsupportedMediaType")]
    [InlineData("application/merge-patch+json", "[1", "400 BadRequest")]
    [InlineData("application/merge-patch+json", """{"metadata":{"labels":{"x":"not a label!"}}}""", "422 Invalid")]
    [InlineData("application/merge-patch+json", """{"metadata":{"resourceVersion":"1"}}""", "409 Conflict")]
    [InlineData("application/json-patch+json", """[{"op":"replace","path":"/spec/nothing","value":1}]""", "422 Invalid")]
    public async Task A_patch_that_cannot_be_applied_is_refused(string type, string patch, string refusal)
    {
        await SendAsync(HttpMethod.Post, Backups, Given.Backup("b").ToJsonString());

        Assert.StartsWith(refusal, (await SendAsync(HttpMethod.Patch, $"{Backups}/b", patch, type)).Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/nothing", "404 NotFound the server could not find the requested resource")]
    [InlineData("GET", "/apis/stork.libopenstorage.org/v1alpha1/nothings", "404 NotFound the server could not find the requested resource")]
    [InlineData("PUT", "/api/v1/namespaces/shop/configmaps", "405 MethodNotAllowed")]
    [InlineData("GET", "/api/v1/namespaces/shop/configmaps?labelSelector=a%20b%20c", "400 BadRequest")]
    [InlineData("GET", "/api/v1/namespaces/shop/configmaps?limit=x", "400 BadRequest")]
    [InlineData("GET", "/apis/stork.libopenstorage.org/v1alpha1/applicationbackups?fieldSelector=status.stage%3DFinal", "400 BadRequest field label not supported: status.stage")]
    public async Task Paths_and_queries_that_mean_nothing_are_refused(string method, string path, string refusal) =>
        Assert.StartsWith(refusal, (await SendAsync(new HttpMethod(method), path, method == "PUT" ? Map("x") : null)).Refusal, StringComparison.Ordinal);

    [Theory]
    [InlineData("{", "application/json", "400 BadRequest")]
    [InlineData("[]", "application/json", "400 BadRequest")]
    [InlineData("""{"apiVersion":"v1"}""", "application/json", "400 BadRequest Object 'Kind' is missing")]
    [InlineData("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}""", "application/json", "400 BadRequest the object provided is unrecognized")]
    [InlineData("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"blog"}}""", "application/json", "400 BadRequest the namespace of the provided object does not match")]
    [InlineData("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A_b"}}""", "application/json", "422 Invalid ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain")]
    [InlineData("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}""", "application/vnd.kubernetes.protobuf", "415 UnsupportedMediaType")]
    public async Task Bodies_that_are_no_such_object_are_refused(string body, string type, string refusal) =>
        Assert.StartsWith(refusal, (await SendAsync(HttpMethod.Post, Maps, body, type)).Refusal, StringComparison.Ordinal);

    [Fact]
    public async Task A_body_over_the_limit_is_too_large()
    {
        var body = Map("big").Replace("\"data\":{", $"\"data\":{{\"x\":\"{new string('x', 3 * 1024 * 1024)}\",", StringComparison.Ordinal);

        Assert.Equal("413 RequestEntityTooLarge Request entity too large: limit is 3145728", (await SendAsync(HttpMethod.Post, Maps, body)).Refusal);
    }

    [Fact]
    public async Task A_list_is_read_in_pages_that_stand_at_one_version()
    {
        foreach (var name in new[] { "p1", "p2", "p3", "p4", "p5" }) await SendAsync(HttpMethod.Post, Maps, Map(name));
        var first = (await SendAsync(HttpMethod.Get, $"{Maps}?limit=2&labelSelector=test%3Dpage")).Body;
        await SendAsync(HttpMethod.Post, Maps, Map("p35"));
        await SendAsync(HttpMethod.Delete, $"{Maps}/p4");

        var names = Names(first);
        for (var page = first; page["metadata"]!["continue"]?.ToString() is { Length: > 0 } next; names.AddRange(Names(page)))
        {
            page = (await SendAsync(HttpMethod.Get, $"{Maps}?limit=2&labelSelector=test%3Dpage&continue={Uri.EscapeDataString(next)}")).Body;
            Assert.Equal(first["metadata"]!["resourceVersion"]!.ToString(), page["metadata"]!["resourceVersion"]!.ToString());
        }

        Assert.Equal(["p1", "p2", "p3", "p4", "p5"], names);
        Cluster.Compact();
        var expired = await SendAsync(HttpMethod.Get, $"{Maps}?limit=2&continue={Uri.EscapeDataString(first["metadata"]!["continue"]!.ToString())}");
        Assert.StartsWith("410 Expired The provided continue parameter is too old", expired.Refusal, StringComparison.Ordinal);

        static List<string> Names(JsonObject list) => [.. list["items"]!.AsArray().Select(i => i!["metadata"]!["name"]!.ToString())];
    }

    [Fact]
    public async Task An_object_with_a_finalizer_stays_until_it_is_removed_and_a_delete_can_insist_on_the_uid()
    {
        var body = Map("held").Replace("\"name\":\"held\"", "\"name\":\"held\",\"finalizers\":[\"test/held\"]", StringComparison.Ordinal);
        await SendAsync(HttpMethod.Post, Maps, body);
        var wrong = await SendAsync(HttpMethod.Delete, $"{Maps}/held", """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}}""");

        var deleted = await SendAsync(HttpMethod.Delete, $"{Maps}/held");

        Assert.StartsWith("409 Conflict", wrong.Refusal, StringComparison.Ordinal);
        Assert.NotNull(deleted.Body["metadata"]!["deletionTimestamp"]);
        await SendAsync(HttpMethod.Patch, $"{Maps}/held", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        Assert.Equal("404", (await SendAsync(HttpMethod.Get, $"{Maps}/held")).Code);
    }

    [Fact]
    public async Task Deleting_a_namespace_removes_what_is_in_it()
    {
        await SendAsync(HttpMethod.Delete, "/api/v1/namespaces/shop");

        Assert.Equal("404", (await SendAsync(HttpMethod.Get, "/api/v1/namespaces/shop")).Code);
        Assert.Empty((await SendAsync(HttpMethod.Get, "/api/v1/secrets?fieldSelector=metadata.namespace%3Dshop")).Body["items"]!.AsArray());
    }

    [Fact]
    public async Task What_the_token_may_not_do_is_forbidden_and_the_access_review_says_so()
    {
        Cluster.Faults.Deny(new AccessDenial("create", "stork.libopenstorage.org"));
        const string Review = """{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"create","group":"stork.libopenstorage.org","resource":"applicationbackups","namespace":"kube-system"}}}""";

        var refused = await SendAsync(HttpMethod.Post, Backups, Given.Backup("b").ToJsonString());
        var review = await SendAsync(HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Review);

        Assert.StartsWith("403 Forbidden applicationbackups.stork.libopenstorage.org is forbidden: User \"system:serviceaccount:kube-system:px-backup\" cannot create resource \"applicationbackups\"", refused.Refusal, StringComparison.Ordinal);
        Assert.False(review.Body["status"]!["allowed"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Faults_can_hide_what_happened()
    {
        Cluster.Faults.Add(new RequestFault { Method = "POST", Path = "configmaps", Code = 504, Effect = RequestEffect.DoneButRefused });
        Cluster.Faults.Add(new RequestFault { Method = "POST", Path = "configmaps", Effect = RequestEffect.NotDoneButAnswered });
        Cluster.Faults.Add(new RequestFault { Path = "configmaps", Code = 429, RetryAfterSeconds = 7 });

        var hidden = await SendAsync(HttpMethod.Post, Maps, Map("hidden"));
        var invented = await SendAsync(HttpMethod.Post, Maps, Map("invented"));
        var throttled = await SendAsync(HttpMethod.Get, Maps);

        Assert.Equal("504 201 429", $"{hidden.Code} {invented.Code} {throttled.Code}");
        Assert.Equal(TimeSpan.FromSeconds(7), throttled.Headers.RetryAfter!.Delta);
        Assert.NotNull(Cluster.Objects.Find("configmaps", "shop", "hidden"));
        Assert.Null(Cluster.Objects.Find("configmaps", "shop", "invented"));
        Assert.Equal("200", (await SendAsync(HttpMethod.Get, Maps)).Code);
    }

    [Fact]
    public async Task The_control_interface_gives_faults_and_ground_truth()
    {
        using var control = new HttpClient { BaseAddress = _fleet.Control };
        await SendAsync(HttpMethod.Post, Maps, Map("logged"));

        var log = JsonNode.Parse(await control.GetStringAsync("/clusters/cluster-1/log", Cancellation))!.AsArray();
        var ordered = await control.PostAsync("/clusters/cluster-1/faults", new StringContent("""{"mode":"Refusing","stork":"stop"}""", Encoding.UTF8, "application/json"), Cancellation);
        var mistaken = await control.PostAsync("/clusters/cluster-1/faults", new StringContent("""{"mood":"bad"}""", Encoding.UTF8, "application/json"), Cancellation);

        Assert.Equal("create configmaps shop logged ADDED", string.Join(' ', new[] { "verb", "resource", "namespace", "name", "change" }.Select(f => log[^1]![f]!.ToString())));
        Assert.Equal("OK BadRequest", $"{ordered.StatusCode} {mistaken.StatusCode}");
        await Assert.ThrowsAnyAsync<Exception>(() => SendAsync(HttpMethod.Get, Maps));
        Assert.False(Cluster.Stork.Running);
    }

    private async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path) { Version = new Version(2, 0) };
        if (body is not null)
        {
            request.Content = new StringContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        using var answer = await _client.SendAsync(request, Cancellation);
        return new Answer(((int)answer.StatusCode).ToString(), JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancellation))!.AsObject(), answer.Headers);
    }

    private static string Map(string name) => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}","namespace":"shop","labels":{"test":"page"} },"data":{"a":"b"} }""";

    private sealed record Answer(string Code, JsonObject Body, HttpResponseHeaders Headers)
    {
        public string Refusal => $"{Code} {Body["reason"]} {Body["message"]}";
    }
}
