using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>What ends a token at the gateway with the users ends it at the gateways that trust it.</summary>
public sealed class StandingTests : WithFolder
{
    private const string Path = "/auth/realms/master/px/standing";

    [Fact]
    public async Task The_document_says_of_every_token_what_the_provider_itself_says()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var bob = await MakeAsync(host, admin, "bob");
        var carol = await MakeAsync(host, admin, "carol");
        var dave = await MakeAsync(host, admin, "dave");
        var erin = await MakeAsync(host, admin, "erin");
        var before = await StandingAsync(host);
        Assert.All<CallerIdentity>([bob.Caller, carol.Caller, dave.Caller, erin.Caller], caller => Assert.Same(caller, before.Judge(caller)));

        await host.AdminAsync(HttpMethod.Put, $"/users/{bob.Caller.Subject}/reset-password", admin, """{"value":"another-made-up"}""");
        await host.AdminAsync(HttpMethod.Delete, $"/users/{carol.Caller.Subject}", admin);
        using var signedOut = await host.PostAsync([("client_id", "pxcentral"), ("token", dave.Token)], "/auth/realms/master/protocol/openid-connect/revoke");
        await host.AdminAsync(HttpMethod.Put, $"/users/{erin.Caller.Subject}/groups/{host.Identity.Users.State.Groups[0].Id}", admin);
        var after = await StandingAsync(host);

        Assert.NotEqual(before.Version, after.Version);
        Assert.Contains("sign-out or a new password", Assert.Throws<TokenException>(() => after.Judge(bob.Caller)).Message, StringComparison.Ordinal);
        Assert.Null(after.Judge(carol.Caller));
        Assert.Contains("sign-out or a new password", Assert.Throws<TokenException>(() => after.Judge(dave.Caller)).Message, StringComparison.Ordinal);
        Assert.Contains("groups or roles have changed", Assert.Throws<TokenException>(() => after.Judge(erin.Caller)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_document_names_nobody_and_is_sent_again_only_when_it_has_changed()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        using var first = await host.Rest.GetAsync(new Uri(Path, UriKind.Relative), Cancel);
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        request.Headers.TryAddWithoutValidation("If-None-Match", first.Headers.ETag!.ToString());

        using var again = await host.Rest.SendAsync(request, Cancel);

        var text = await first.Content.ReadAsStringAsync(Cancel);
        Assert.Equal(304, (int)again.StatusCode);
        Assert.DoesNotContain("px-central-admin", text, StringComparison.Ordinal);
        Assert.DoesNotContain((await host.Validator.ValidateAsync("Bearer " + admin, Cancel)).Subject, text, StringComparison.Ordinal);
        Assert.Contains("px/standing", await host.Rest.GetStringAsync(new Uri("/auth/realms/master/.well-known/openid-configuration", UriKind.Relative), Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_in_external_mode_refuses_an_ended_token_within_two_seconds()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var issuer = await LoopbackIssuer.StartAsync();
        issuer.Discovery = $$"""{"issuer":"{{issuer.Url}}","jwks_uri":"{{issuer.Url}}/certs","px_standing_endpoint":"{{issuer.Url}}/px/standing"}""";
        var (validator, forge) = issuer.Validator(time);
        var token = forge.Token(claims => (claims["px_mark"], claims["sid"], claims["iat"]) = ("m", "s", forge.Now - 100));
        issuer.Standing = Document("1", Subject(forge), "m", ended: "another");
        var caller = await validator.ValidateAsync("Bearer " + token, Cancel);

        issuer.Standing = Document("2", Subject(forge), "m", ended: "s");
        TokenException? refusal = null;
        for (var second = 0; second < 100 && refusal is null; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(20, Cancel);
            refusal = await Record.ExceptionAsync(async () => await validator.ValidateAsync("Bearer " + token, Cancel)) as TokenException;
        }

        Assert.Equal("s", caller.Session);
        Assert.Equal(TokenFault.SignedOut, refusal?.Fault);

        static string Subject(TokenForge forge) => (string)forge.Claims()["sub"]!;

        string Document(string version, string subject, string mark, string ended)
        {
            var claims = forge.Claims();
            var groups = claims["groups"]?.AsArray().Select(group => ((string)group!).TrimStart('/')) ?? [];
            var roles = (claims["roles"]?.AsArray().Select(role => (string)role!) ?? []).Concat(claims["realm_access"]?["roles"]?.AsArray().Select(role => (string)role!) ?? []).Distinct();
            return new JsonObject
            {
                ["version"] = version, ["since"] = 0, ["ended"] = new JsonArray(ended),
                ["users"] = new JsonObject { [Standing.NameOf(subject)] = Standing.EntryOf(mark, groups, roles, false) },
            }.ToJsonString();
        }
    }

    private static async Task<Standing> StandingAsync(EmbeddedHost host) =>
        Standing.Parse(Encoding.UTF8.GetBytes(await host.Rest.GetStringAsync(new Uri(Path, UriKind.Relative), Cancel)));

    private static async Task<(CallerIdentity Caller, string Token)> MakeAsync(EmbeddedHost host, string admin, string name)
    {
        Assert.Equal(201, (await host.AdminAsync(HttpMethod.Post, "/users", admin, $$"""{"username":"{{name}}","enabled":true,"credentials":[{"value":"a-made-up-word"}]}""")).Status);
        var token = await host.TokenAsync(name, "a-made-up-word");
        return (await host.Validator.ValidateAsync("Bearer " + token, Cancel), token);
    }
}
