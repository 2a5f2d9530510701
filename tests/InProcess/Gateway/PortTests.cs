using System.Net;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Catalog;
using Xunit;
using A = PxBackup.Tests.InProcess.Gateway.ValidationTests.A;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>A gateway that tells strangers nothing.</summary>
public sealed class ClosedHost : GatewayHost
{
    protected override (string Key, string? Value)[] Settings => [("Metrics:Enabled", "false"), ("Gateway:Reflection", "false")];
}

public sealed class ClosedPagesTests(ClosedHost host) : IClassFixture<ClosedHost>
{
    [Fact]
    public async Task Metrics_and_reflection_can_be_closed()
    {
        using var metrics = await host.Http.GetAsync("/metrics", TestContext.Current.CancellationToken);
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo(GatewayHost.As(null));
        var reflection = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, TestContext.Current.CancellationToken);
            await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken);
        });

        Assert.Equal(HttpStatusCode.NotFound, metrics.StatusCode);
        Assert.Equal(StatusCode.Unimplemented, reflection.StatusCode);
        Assert.Equal("{}", await host.Http.GetStringAsync("/v1/health", TestContext.Current.CancellationToken));
    }
}

public sealed class PortTests(GatewayHost host) : IClassFixture<GatewayHost>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_rest_port_answers_health_probes_and_metrics_without_a_token()
    {
        host.Grains.Answer<ICatalogGrain>("EnumerateAsync", _ => new OrganizationEnumerateResponse());

        Assert.Equal("{}", await host.Http.GetStringAsync("/v1/health", Stop));
        Assert.Equal("Healthy", await host.Http.GetStringAsync("/healthz/live", Stop));
        Assert.Equal("Healthy", await host.Http.GetStringAsync("/healthz/ready", Stop));
        var metrics = await host.Http.GetStringAsync("/metrics", Stop);
        Assert.Contains("dotnet_", metrics, StringComparison.Ordinal);
        Assert.Contains("service_name=\"pxbackup\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_whose_silos_do_not_answer_lives_but_is_not_ready()
    {
        host.Grains.Answer<ICatalogGrain>("EnumerateAsync", _ => throw new TimeoutException("silo at secret-host"));

        using var ready = await host.Http.GetAsync("/healthz/ready", Stop);
        using var live = await host.Http.GetAsync("/healthz/live", Stop);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (ready.StatusCode, live.StatusCode));
        Assert.Equal("Unhealthy", await ready.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task An_unknown_path_is_not_found_in_plain_text()
    {
        using var answer = await host.Http.GetAsync("/nowhere", Stop);

        Assert.Equal((HttpStatusCode.NotFound, "text/plain"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task Grpc_is_not_served_on_the_rest_port()
    {
        using var channel = GrpcChannel.ForAddress(host.Rest);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new Health.HealthClient(channel).StatusAsync(new(), GatewayHost.As(null)));

        Assert.NotEqual(StatusCode.OK, error.StatusCode);
    }

    [Fact]
    public async Task Rest_is_not_served_on_the_grpc_port()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{host.Channel.Target}/v1/health"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await host.Http.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Reflection_lists_the_published_services()
    {
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo(GatewayHost.As(null));

        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, Stop);
        Assert.True(await call.ResponseStream.MoveNext(Stop));

        var names = call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name).ToArray();
        Assert.Empty(Contract.Services.Select(service => service.FullName).Except(names));
    }

    [Fact]
    public async Task A_request_above_four_mebibytes_is_refused_by_both_protocols()
    {
        var request = A.ClusterRequest();
        request.Kubeconfig = new string('A', 4 * 1024 * 1024);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new Cluster.ClusterClient(host.Channel).CreateAsync(request, GatewayHost.As(FakeTokens.User)));
        using var body = new StringContent($"{{\"kubeconfig\":\"{request.Kubeconfig}\"}}", Encoding.UTF8, "application/json");
        using var post = new HttpRequestMessage(HttpMethod.Post, "/v1/cluster") { Content = body };
        post.Headers.TryAddWithoutValidation("Authorization", FakeTokens.User);
        using var rest = await host.Http.SendAsync(post, Stop);

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, rest.StatusCode);
    }

    [Fact]
    public async Task A_malformed_request_names_the_field_by_rest_too()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/backup") { Content = new StringContent("{\"metadata\":{\"name\":\"B\"}}") };
        request.Headers.TryAddWithoutValidation("Authorization", FakeTokens.User);

        using var answer = await host.Http.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("metadata.name: must be", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }
}
