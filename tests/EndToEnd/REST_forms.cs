using System.Net;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What HTTP itself can get wrong, and who may call at all.</summary>
public class REST_forms(Machine machine) : IClassFixture<Machine>
{
    private const string Tolerated = """{"metadata":{"name":"NAME","org_id":"default","owner":null},"cloud_credential":{"type":1,"awsConfig":{"access_key":"a","secretKey":"b"}},"cloud_type":"aws","parallel_backup":{"x":[1]}}""";

    [Fact]
    public async Task Unknown_fields_and_nulls_are_ignored_and_both_spellings_are_read()
    {
        var name = machine.NewName("tolerated");

        var answer = await machine.Admin.Rest.DoAsync(HttpMethod.Post, "/v1/cloudcredential?unknown=1", Tolerated.Replace("NAME", name, StringComparison.Ordinal));

        Assert.Equal(name, answer["cloud_credential"]!["metadata"]!["name"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/octet-stream")]
    [InlineData("application/xml; charset=utf-8")]
    public async Task A_wrong_content_type_is_accepted(string contentType)
    {
        var answer = await machine.Admin.Rest.SendAsync(HttpMethod.Post, "/v1/cloudcredential", Tolerated.Replace("NAME", machine.NewName("typed"), StringComparison.Ordinal), contentType);

        Assert.True(answer.Status == HttpStatusCode.OK, answer.Text);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"metadata":"text"}""")]
    [InlineData("""{"metadata":{"name":7}}""")]
    [InlineData("""{"metadata":{"name":"x"},"cloud_credential":{"type":"NoSuchType"}}""")]
    public async Task Malformed_JSON_is_a_bad_request(string body)
    {
        var answer = await machine.Admin.Rest.SendAsync(HttpMethod.Post, "/v1/cloudcredential", body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(3, answer.Json["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_huge_body_is_refused_and_the_server_goes_on()
    {
        var answer = await machine.Admin.Rest.SendAsync(HttpMethod.Post, "/v1/backup", "{\"metadata\":{\"name\":\"" + new string('x', 8 * 1024 * 1024) + "\"}}");

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.Status);
        Assert.Equal(8, answer.Json["code"]!.GetValue<int>());
        var refusal = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() =>
            machine.Admin.InvokeAsync("Backup", "Inspect", new BackupInspectRequest { OrgId = Client.Org, Name = new string('x', 8 * 1024 * 1024) }));
        Assert.Equal(Grpc.Core.StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await machine.Admin.Rest.GetAsync("/v1/version")).Status);
    }

    [Theory]
    [InlineData("GET", "/v1/nothing")]
    [InlineData("GET", "/")]
    [InlineData("GET", "/v1/backup/default/a/b/c/d")]
    [InlineData("POST", "/v2/backup")]
    public async Task An_unknown_route_is_not_found_in_plain_text(string verb, string path)
    {
        var answer = await machine.Admin.Rest.SendAsync(new HttpMethod(verb), path, verb == "POST" ? "{}" : null);

        Assert.Equal((HttpStatusCode.NotFound, "Not Found"), (answer.Status, answer.Text.TrimEnd('\n')));
        Assert.StartsWith("text/plain", answer.ContentType, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DELETE", "/v1/backup")]
    [InlineData("POST", "/v1/backup/default/some")]
    [InlineData("PUT", "/v1/version")]
    public async Task A_known_route_with_another_verb_is_not_allowed(string verb, string path)
    {
        var answer = await machine.Admin.Rest.SendAsync(new HttpMethod(verb), path, verb == "DELETE" ? null : "{}");

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Method Not Allowed"), (answer.Status, answer.Text.TrimEnd('\n')));
    }

    [Theory]
    [InlineData("", "no token")]
    [InlineData("garbage", "token malformed")]
    [InlineData("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "token malformed")]
    public async Task Nobody_gets_in_without_a_good_token(string token, string text)
    {
        using var stranger = Client.WithToken(machine, token);

        var answer = await stranger.Rest.GetAsync("/v1/backup/default");
        var refusal = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => stranger.InvokeAsync("Backup", "Enumerate", new BackupEnumerateRequest { OrgId = Client.Org }));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Equal(16, answer.Json["code"]!.GetValue<int>());
        Assert.Contains(text, answer.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(Grpc.Core.StatusCode.Unauthenticated, refusal.StatusCode);
        Assert.Contains(text, refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_is_told_to_everybody()
    {
        using var stranger = Client.WithToken(machine, "");

        Assert.Equal(HttpStatusCode.OK, (await stranger.Rest.GetAsync("/v1/health")).Status);
        await stranger.InvokeAsync("Health", "Status", new HealthStatusRequest());
    }
}
