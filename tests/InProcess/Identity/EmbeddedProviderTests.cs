using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class EmbeddedProviderTests : WithFolder
{
    private const string Issuer = "http://localhost:10001/auth/realms/master";

    [Theory]
    [InlineData("/auth/realms/master/protocol/openid-connect/token")]
    [InlineData("/realms/master/protocol/openid-connect/token")]
    public async Task A_right_password_gets_a_token_in_Keycloaks_form(string path)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        using var answer = await host.PostAsync([("grant_type", "password"), ("client_id", "pxcentral"), ("username", "px-central-admin"), ("password", EmbeddedHost.Password)], path);
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("Bearer", (string?)body["token_type"]);
        Assert.InRange((int)body["expires_in"]!, 35_990, 36_000);
        Assert.Equal(1800, (int)body["refresh_expires_in"]!);
        Assert.Equal("email profile", (string?)body["scope"]);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        var token = new JsonWebToken((string)body["access_token"]!);
        Assert.Equal("RS256", token.Alg);
        Assert.Equal(host.Identity.SigningKey.KeyId, token.Kid);
        Assert.Equal(Issuer, token.Issuer);
        var claims = JsonNode.Parse(Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(token.EncodedPayload))!;
        Assert.True(Guid.TryParse((string?)claims["sub"], out _));
        Assert.Equal("px-central-admin", (string?)claims["preferred_username"]);
        Assert.Equal("""["/px-admin-group"]""", claims["groups"]!.ToJsonString());
        Assert.Equal("""{"roles":["px-backup-super.admin"]}""", claims["realm_access"]!.ToJsonString());
        Assert.Equal("pxcentral", (string?)claims["azp"]);
        Assert.Equal("Bearer", (string?)claims["typ"]);
        Assert.Equal("First Administrator", (string?)claims["name"]);
        Assert.True((long)claims["exp"]! > (long)claims["iat"]!);
        Assert.Null(claims["px_password"]);
    }

    [Fact]
    public async Task The_validator_accepts_the_providers_tokens_without_any_request()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var caller = await host.Validator.ValidateAsync("bearer " + await host.TokenAsync(), Cancel);

        Assert.Equal("px-central-admin", caller.PreferredUsername);
        Assert.True(caller.IsSuperAdmin);
        Assert.True(caller.IsMemberOf("/px-admin-group"));
    }

    [Fact]
    public async Task Another_validator_accepts_them_by_discovery()
    {
        var time = TimeProvider.System;
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var options = Options.Create(new IdentityOptions
        {
            Mode = IdentityMode.External, Issuer = Issuer, DiscoveryAddress = new Uri(host.Rest.BaseAddress!, "/auth/realms/master/.well-known/openid-configuration").ToString(),
        });
        // The published jwks_uri names the configured issuer's port; this host has a free one.
        using var connection = new IssuerConnection(options, EndpointGuards.RefuseMetadataAndMulticast, time);
        var keys = KeySet.Parse(await host.Rest.GetStringAsync(new Uri("/auth/realms/master/protocol/openid-connect/certs", UriKind.Relative), Cancel), time.GetUtcNow());
        var validator = new TokenValidator(new FixedIssuer(Issuer, keys), options, time);

        Assert.True((await validator.ValidateAsync("Bearer " + await host.TokenAsync(), Cancel)).IsSuperAdmin);
    }

    [Theory]
    [InlineData("px-central-admin", "wrong password")]
    [InlineData("nobody", "wrong password")]
    [InlineData("", "wrong password")]
    [InlineData("PX-CENTRAL-ADMIN", "another")]
    public async Task Wrong_credentials_answer_as_Keycloak_does(string username, string password)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var (status, body) = await host.SignInAsync(username, password);

        if (username.Length == 0)
        {
            Assert.InRange(status, 400, 401);
            return;
        }
        Assert.Equal(401, status);
        Assert.Equal("""{"error":"invalid_grant","error_description":"Invalid user credentials"}""", body.ToJsonString());
    }

    [Theory]
    [InlineData("1h", 3600)]
    [InlineData("30m", 1800)]
    [InlineData("7d", 604_800)]
    [InlineData("365d", 31_536_000)]
    [InlineData("9999d", 31_536_000)]
    public async Task The_duration_asked_for_is_granted_up_to_the_limit(string duration, int seconds)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var (status, body) = await host.SignInAsync("px-central-admin", EmbeddedHost.Password, ("token-duration", duration));

        Assert.Equal(200, status);
        Assert.InRange((int)body["expires_in"]!, seconds - 5, seconds);
        var caller = await host.Validator.ValidateAsync("Bearer " + (string)body["access_token"]!, Cancel);
        Assert.InRange((caller.Expires - TimeProvider.System.GetUtcNow()).TotalSeconds, seconds - 10, seconds + 1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0h")]
    [InlineData("-1h")]
    [InlineData("1.5h")]
    [InlineData("1y")]
    [InlineData("h")]
    [InlineData("99999999d")]
    [InlineData("1h1m")]
    public async Task A_wrong_duration_is_refused_and_named(string duration)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var (status, body) = await host.SignInAsync("px-central-admin", EmbeddedHost.Password, ("token-duration", duration));

        Assert.Equal(400, status);
        Assert.Equal("invalid_request", (string?)body["error"]);
        Assert.Contains("token-duration", (string?)body["error_description"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_that_are_no_sign_in_are_refused_with_the_right_error()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        async Task<(int, string?)> Ask(params (string, string)[] form)
        {
            using var answer = await host.PostAsync(form);
            return ((int)answer.StatusCode, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!["error"]);
        }

        Assert.Equal((401, "invalid_client"), await Ask(("grant_type", "password"), ("client_id", "other"), ("username", "u"), ("password", "p")));
        Assert.Equal((400, "invalid_request"), await Ask(("client_id", "pxcentral")));
        Assert.Equal((400, "unsupported_grant_type"), await Ask(("client_id", "pxcentral"), ("grant_type", "implicit")));
        Assert.Equal((400, "invalid_request"), await Ask(("client_id", "pxcentral"), ("grant_type", "password"), ("username", "u")));
        using var json = await host.Rest.PostAsync(EmbeddedHost.TokenPath, new StringContent("{}", System.Text.Encoding.UTF8, "application/json"), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, json.StatusCode);
        using var large = await host.PostAsync([("grant_type", "password"), ("x", new('x', 100_000))]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
    }

    [Fact]
    public async Task A_refresh_token_gets_a_new_token_until_the_password_changes()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var (_, first) = await host.SignInAsync("px-central-admin", EmbeddedHost.Password);
        (string, string)[] form = [("grant_type", "refresh_token"), ("client_id", "pxcentral"), ("refresh_token", (string)first["refresh_token"]!)];

        using var again = await host.PostAsync(form);
        var token = (string)JsonNode.Parse(await again.Content.ReadAsStringAsync(Cancel))!["access_token"]!;
        var caller = await host.Validator.ValidateAsync("Bearer " + token, Cancel);
        await host.AdminAsync(HttpMethod.Put, $"/users/{caller.Subject}/reset-password", token, """{"type":"password","value":"another-made-up"}""");
        using var afterChange = await host.PostAsync(form);

        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, afterChange.StatusCode);
        Assert.Equal(401, (await host.SignInAsync("px-central-admin", EmbeddedHost.Password)).Status);
        Assert.Equal(200, (await host.SignInAsync("px-central-admin", "another-made-up")).Status);
        // A refresh token is no access token.
        await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + (string)first["refresh_token"]!, Cancel));
    }

    [Theory]
    [InlineData("/auth/realms/master")]
    [InlineData("/realms/master")]
    public async Task Discovery_names_the_configured_issuer_whatever_host_was_asked(string realm)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        using var request = new HttpRequestMessage(HttpMethod.Get, realm + "/.well-known/openid-configuration") { Headers = { Host = "evil.example" } };

        using var answer = await host.Rest.SendAsync(request, Cancel);
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;

        Assert.Equal(Issuer, (string?)body["issuer"]);
        Assert.Equal(Issuer + "/protocol/openid-connect/certs", (string?)body["jwks_uri"]);
        Assert.Equal(Issuer + "/protocol/openid-connect/token", (string?)body["token_endpoint"]);
        Assert.DoesNotContain("evil", body.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_set_holds_the_public_key_and_nothing_private()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var keys = JsonNode.Parse(await host.Rest.GetStringAsync(new Uri("/auth/realms/master/protocol/openid-connect/certs", UriKind.Relative), Cancel))!["keys"]!.AsArray();

        var key = Assert.Single(keys)!.AsObject();
        Assert.Equal(host.Identity.SigningKey.KeyId, (string?)key["kid"]);
        Assert.Equal("RS256", (string?)key["alg"]);
        Assert.All<string>(["d", "p", "q", "dp", "dq", "qi", "k"], member => Assert.False(key.ContainsKey(member), member));
    }

    [Fact]
    public async Task The_provider_answers_on_the_h2c_port_too()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        using var client = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };

        using var answer = await client.GetAsync(new Uri(host.GrpcUrl + "/auth/realms/master/protocol/openid-connect/certs"), Cancel);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Requests_to_the_API_do_not_pass_through_the_provider()
    {
        CountingHandler.Calls = 0;
        await using var host = await EmbeddedHost.StartAsync(Folder, services: services => services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, CountingHandler>("counting", null));

        Assert.Equal("healthy", await host.Rest.GetStringAsync(new Uri("/v1/health", UriKind.Relative), Cancel));
        Assert.Equal(0, CountingHandler.Calls);
        await host.Rest.GetStringAsync(new Uri("/realms/master/protocol/openid-connect/certs", UriKind.Relative), Cancel);

        Assert.Equal(1, CountingHandler.Calls);
    }

    [Fact]
    public async Task Guessing_is_slowed_for_known_and_unknown_names_alike()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var host = await EmbeddedHost.StartAsync(Folder, time);
        foreach (var name in (string[])["px-central-admin", "nobody"])
        {
            for (var guess = 0; guess < 5; guess++)
                Assert.Equal(401, (await host.SignInAsync(name, $"guess-{guess}")).Status);

            var (status, body) = await host.SignInAsync(name, EmbeddedHost.Password);

            Assert.Equal(429, status);
            Assert.Equal("Too many sign-ins; try again in 1 s", (string?)body["error_description"]);
        }
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await host.SignInAsync("px-central-admin", EmbeddedHost.Password)).Status);
        Assert.Equal(401, (await host.SignInAsync("nobody", EmbeddedHost.Password)).Status);
    }

    [Fact]
    public async Task No_password_token_or_key_reaches_the_log()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder, password: null);
        var password = host.Identity.FirstStart!.GeneratedPassword!;

        var token = await host.TokenAsync(password: password);
        await host.SignInAsync("typed-my-password-here", "canary-password");
        await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + token[..^9], Cancel));

        Assert.NotEmpty(host.Logged.All);
        Assert.All<string>([password, token, token[^100..], "canary-password", "typed-my-password-here", "PRIVATE KEY"],
            secret => Assert.DoesNotContain(secret, host.Logged.All, StringComparison.Ordinal));
    }

    private sealed class FixedIssuer(string name, KeySet keys) : IIssuer
    {
        public string Name => name;

        public long VersionAt(DateTimeOffset now) => 0;

        public ValueTask<IReadOnlyList<SigningKey>> FindKeysAsync(string? keyId) => new(keys.Find(keyId));

        public CallerIdentity? Current(CallerIdentity claimed) => claimed;
    }

    private sealed class CountingHandler(IOptionsMonitor<AuthenticationSchemeOptions> options)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, NullLoggerFactory.Instance, System.Text.Encodings.Web.UrlEncoder.Default), IAuthenticationRequestHandler
    {
        public static int Calls;

        public Task<bool> HandleRequestAsync()
        {
            Interlocked.Increment(ref Calls);
            return Task.FromResult(false);
        }

        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(AuthenticateResult.NoResult());
    }
}
