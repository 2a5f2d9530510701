using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Interfaces.Organizations;
using Xunit;
using Health = PxBackup.Api.Health;

namespace PxBackup.Tests.InProcess.Gateway;

public sealed class AccessTests(GatewayHost host) : IClassFixture<GatewayHost>
{
    private static readonly string[] Anonymous = ["/Health/Status", "/Version/Get"];
    private static readonly string[] SuperAdmin = ["/Organization/Create", "/Organization/Delete"];

    [Fact]
    public void Every_rpc_of_the_contract_has_a_row_and_no_row_is_left_over()
    {
        var published = Contract.Services.SelectMany(service => service.Methods.Select(method => $"/{service.FullName}/{method.Name}")).ToArray();

        Assert.Equal(105, published.Length);
        Assert.Equal(published.Order(StringComparer.Ordinal), RpcAccess.Table.Select(row => row.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Only_probes_and_the_version_are_open_and_only_administrators_make_organizations()
    {
        Assert.Equal(Anonymous, RpcAccess.Table.Where(row => row.Right == RpcRight.Anonymous).Select(row => row.Path).Order(StringComparer.Ordinal));
        Assert.Equal(SuperAdmin, RpcAccess.Table.Where(row => row.Right == RpcRight.SuperAdmin).Select(row => row.Path).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(RpcAccess.Table, row => row.Right == RpcRight.None);
    }

    [Fact]
    public void A_method_without_a_row_is_open_to_nobody() =>
        Assert.Equal(RpcRight.None, RpcAccess.Of("/Backup/Forgotten").Right);

    [Fact]
    public async Task Health_version_probes_and_reflection_need_no_token()
    {
        host.Grains.Answer<ICatalogGrain>("EnumerateAsync", _ => new OrganizationEnumerateResponse());

        await new Health.HealthClient(host.Channel).StatusAsync(new(), GatewayHost.As(null));
        var version = await new PxBackup.Api.Version.VersionClient(host.Channel).GetAsync(new(), GatewayHost.As(null));
        await new Grpc.Health.V1.Health.HealthClient(host.Channel).CheckAsync(new HealthCheckRequest(), GatewayHost.As(null));

        Assert.Equal(("3", "0", "0"), (version.Version.Major, version.Version.Minor, version.Version.Patch));
        Assert.NotEmpty(version.Version.BuildDate);
    }

    [Theory]
    [InlineData(null, StatusCode.Unauthenticated)]
    [InlineData(FakeTokens.Expired, StatusCode.Unauthenticated)]
    [InlineData("basic eDp5", StatusCode.Unauthenticated)]
    [InlineData(FakeTokens.IssuerDown, StatusCode.Unavailable)]
    public async Task A_call_without_a_proven_caller_is_refused_by_both_protocols(string? token, StatusCode code)
    {
        var client = new Backup.BackupClient(host.Channel);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await client.InspectAsync(new() { Name = "b", Uid = "u" }, GatewayHost.As(token)));
        var rest = await GetAsync("/v1/backup/default/b?uid=u", token);

        Assert.Equal(code, error.StatusCode);
        Assert.Equal(code == StatusCode.Unavailable ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.Unauthorized, rest.StatusCode);
        Assert.Contains($"\"code\":{(int)code}", await rest.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_that_are_not_built_ask_for_a_token_before_they_say_so()
    {
        var client = new Rules.RulesClient(host.Channel);

        var nobody = await Assert.ThrowsAsync<RpcException>(async () => await client.InspectAsync(new(), GatewayHost.As(null)));
        var alice = await Assert.ThrowsAsync<RpcException>(async () => await client.InspectAsync(new(), GatewayHost.As(FakeTokens.User)));

        Assert.Equal(StatusCode.Unauthenticated, nobody.StatusCode);
        Assert.Equal(StatusCode.Unimplemented, alice.StatusCode);
        Assert.Contains("Rules/Inspect is not built yet", alice.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Organizations_are_made_by_administrators_only()
    {
        host.Grains.Answer<IOrganizationGrain>("CreateAsync", _ => null);
        var client = new Organization.OrganizationClient(host.Channel);
        var request = new OrganizationCreateRequest { Metadata = new CreateMetadata { Name = "org2" } };

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.CreateAsync(request, GatewayHost.As(FakeTokens.User)));
        await client.CreateAsync(request, GatewayHost.As(FakeTokens.Admin));

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Equal("Access denied for [Resource: organization]", refused.Status.Detail);
        Assert.Equal("system/org2", host.Grains.Last<IOrganizationGrain>().Key);
    }

    [Fact]
    public async Task The_grain_learns_who_calls()
    {
        host.Grains.Answer<IOrganizationGrain>("InspectAsync", _ => new OrganizationObject());

        await new Organization.OrganizationClient(host.Channel).InspectAsync(new() { Name = "default" }, GatewayHost.As(FakeTokens.User));

        var caller = host.Grains.Last<IOrganizationGrain>().Argument<Caller>();
        Assert.Equal(("sub-alice", "alice", false), (caller.UserId, caller.UserName, caller.IsSuperAdmin));
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null)
            request.Headers.TryAddWithoutValidation("Authorization", token);
        return await host.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
