using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class DiscoveredIssuerTests : IAsyncLifetime
{
    private readonly FakeTimeProvider time = new(new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private LoopbackIssuer issuer = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string NextKeyOnly => TokenForge.KeySet(TokenForge.Jwk(TokenForge.Next, "k2"));

    public async ValueTask InitializeAsync() => issuer = await LoopbackIssuer.StartAsync();

    public ValueTask DisposeAsync() => issuer.DisposeAsync();

    [Fact]
    public async Task The_first_token_after_a_rotation_passes()
    {
        var (validator, forge) = issuer.Validator(time);
        await validator.ValidateAsync("Bearer " + forge.Token(), Cancel);
        issuer.Keys = NextKeyOnly;

        var caller = await validator.ValidateAsync("Bearer " + Rotated(forge), Cancel);

        Assert.Equal("alice", caller.PreferredUsername);
        Assert.Equal(2, issuer.Fetches);
    }

    [Fact]
    public async Task A_rotation_drops_cached_tokens_of_the_withdrawn_key()
    {
        var (validator, forge) = issuer.Validator(time);
        var old = "Bearer " + forge.Token();
        await validator.ValidateAsync(old, Cancel);
        issuer.Keys = NextKeyOnly;
        await validator.ValidateAsync("Bearer " + Rotated(forge), Cancel);

        Assert.Equal(TokenFault.UnknownKey, (await RefusalOf(validator, old)).Fault);
    }

    [Fact]
    public async Task A_withdrawn_key_is_noticed_without_any_new_one()
    {
        var (validator, forge) = issuer.Validator(time);
        var header = "Bearer " + forge.Token(c => c["exp"] = forge.Now + 36_000);
        await validator.ValidateAsync(header, Cancel);
        issuer.Keys = NextKeyOnly;

        time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(TokenFault.UnknownKey, (await UntilRefusedAsync(validator, header)).Fault);
    }

    [Fact]
    public async Task Made_up_kids_ask_the_issuer_once_in_thirty_seconds()
    {
        var (validator, forge) = issuer.Validator(time);
        await validator.ValidateAsync("Bearer " + forge.Token(), Cancel);

        for (var kid = 0; kid < 20; kid++)
            Assert.Equal(TokenFault.UnknownKey, (await RefusalOf(validator, "Bearer " + forge.Token(header: h => h["kid"] = $"made-up-{kid}"))).Fault);
        Assert.Equal(2, issuer.Fetches);
        time.Advance(TimeSpan.FromSeconds(30));
        issuer.Keys = NextKeyOnly;

        Assert.Equal("alice", (await validator.ValidateAsync("Bearer " + Rotated(forge), Cancel)).PreferredUsername);
        Assert.Equal(3, issuer.Fetches);
    }

    [Fact]
    public async Task Many_first_calls_after_a_rotation_all_pass_with_one_fetch()
    {
        var (validator, forge) = issuer.Validator(time);
        await validator.ValidateAsync("Bearer " + forge.Token(), Cancel);
        issuer.Keys = NextKeyOnly;

        var calls = Enumerable.Range(0, 40).Select(user => Task.Run(
            async () => await validator.ValidateAsync("Bearer " + Rotated(forge, $"user-{user}"), Cancel), Cancel)).ToArray();
        var callers = await Task.WhenAll(calls).WaitAsync(TimeSpan.FromSeconds(20), Cancel);

        Assert.Equal(40, callers.Select(caller => caller.Subject).Distinct().Count());
        Assert.InRange(issuer.Fetches, 2, 3);
    }

    [Fact]
    public async Task While_the_issuer_is_away_known_keys_serve_on_but_not_for_ever()
    {
        var (validator, forge) = issuer.Validator(time);
        var first = forge.Token(c => c["exp"] = forge.Now + 200_000);
        await validator.ValidateAsync("Bearer " + first, Cancel);
        issuer.Instead = context => Status(context, 503);

        time.Advance(TimeSpan.FromHours(23));
        await validator.ValidateAsync("Bearer " + first, Cancel);
        await validator.ValidateAsync("Bearer " + forge.Token(c => c["sub"] = "another"), Cancel);
        time.Advance(TimeSpan.FromHours(1));

        Assert.True((await RefusalOf(validator, "Bearer " + first)).IsUnavailable);
    }

    [Fact]
    public async Task After_the_issuer_is_back_the_next_call_passes()
    {
        var (validator, forge) = issuer.Validator(time);
        issuer.Instead = context => Status(context, 500);
        Assert.True((await RefusalOf(validator, "Bearer " + forge.Token())).IsUnavailable);
        issuer.Instead = null;
        Assert.True((await RefusalOf(validator, "Bearer " + forge.Token())).IsUnavailable);
        Assert.Equal(0, issuer.Fetches);

        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("alice", (await validator.ValidateAsync("Bearer " + forge.Token(), Cancel)).PreferredUsername);
    }

    public static TheoryData<string> BrokenIssuers => ["redirect", "huge", "not json", "another issuer", "file keys", "remote plain http keys", "no keys", "only a shared secret", "weak key", "html", "list"];

    [Theory]
    [MemberData(nameof(BrokenIssuers))]
    public async Task A_broken_issuer_makes_the_server_unavailable_and_the_text_safe(string how)
    {
        await using var trap = await LoopbackIssuer.StartAsync();
        using var weak = System.Security.Cryptography.RSA.Create(1024);
        var (validator, forge) = issuer.Validator(time);
        switch (how)
        {
            case "redirect": issuer.Instead = context => { context.Response.Redirect(trap.Url + "/.well-known/openid-configuration"); return Task.CompletedTask; }; break;
            case "huge": issuer.Instead = context => context.Response.WriteAsync(new string(' ', 1_000_000)); break;
            case "not json": issuer.Discovery = "{"; break;
            case "another issuer": issuer.Discovery = $$"""{"issuer":"{{issuer.Url}}/","jwks_uri":"{{issuer.Url}}/certs"}"""; break;
            case "file keys": issuer.Discovery = $$"""{"issuer":"{{issuer.Url}}","jwks_uri":"file:///etc/passwd"}"""; break;
            case "remote plain http keys": issuer.Discovery = $$"""{"issuer":"{{issuer.Url}}","jwks_uri":"http://192.0.2.1/certs"}"""; break;
            case "no keys": issuer.Keys = """{"keys":[]}"""; break;
            case "only a shared secret": issuer.Keys = """{"keys":[{"kty":"oct","kid":"k1","k":"c2VjcmV0"}]}"""; break;
            case "weak key": issuer.Keys = TokenForge.KeySet(TokenForge.Jwk(weak, "k1")); break;
            case "html": issuer.Keys = "<html></html>"; break;
            case "list": issuer.Discovery = "[]"; break;
        }

        var refusal = await RefusalOf(validator, "Bearer " + forge.Token());

        Assert.True(refusal.IsUnavailable, refusal.ToString());
        Assert.DoesNotContain("127.0.0.1", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Identity:Issuer", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, trap.Fetches);
    }

    [Fact]
    public async Task The_guard_is_asked_with_the_resolved_address_and_can_refuse_it()
    {
        var asked = new List<(string Host, IPAddress Address)>();
        var (validator, forge) = issuer.Validator(time, guard: (host, address) =>
        {
            lock (asked)
                asked.Add((host, address));
            return "not here";
        });

        var refusal = await RefusalOf(validator, "Bearer " + forge.Token());

        Assert.True(refusal.IsUnavailable);
        Assert.Equal(("127.0.0.1", IPAddress.Loopback), Assert.Single(asked));
        Assert.Equal(0, issuer.Fetches);
    }

    [Theory]
    [InlineData("169.254.169.254", false)]
    [InlineData("::ffff:169.254.169.254", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fe80::1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("ff02::1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.1.2.3", true)]
    [InlineData("203.0.113.9", true)]
    [InlineData("2001:db8::1", true)]
    public void The_default_guard_refuses_metadata_and_multicast(string address, bool allowed) =>
        Assert.Equal(allowed, EndpointGuards.RefuseMetadataAndMulticast("host", IPAddress.Parse(address)) is null);

    [Fact]
    public async Task A_single_key_without_a_name_serves_tokens_without_one()
    {
        issuer.Keys = TokenForge.KeySet(TokenForge.Jwk(TokenForge.Rsa, kid: null));
        var (validator, forge) = issuer.Validator(time);

        Assert.Equal("alice", (await validator.ValidateAsync("Bearer " + forge.Token(header: h => h.Remove("kid")), Cancel)).PreferredUsername);
    }

    private static string Rotated(TokenForge forge, string subject = "a") => TokenForge.Sign(
        TokenForge.Header(kid: "k2").ToJsonString(), forge.Claims(c => c["sub"] = subject).ToJsonString(), TokenForge.Rs256(TokenForge.Next));

    private static Task Status(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    // The first call starts the fetch in the background; taking its keys has no event that a test could see.
    private static async Task<TokenException> UntilRefusedAsync(TokenValidator validator, string header)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            try
            {
                await validator.ValidateAsync(header, limit.Token);
                await Task.Yield();
            }
            catch (TokenException refused)
            {
                return refused;
            }
        }
    }

    private static Task<TokenException> RefusalOf(TokenValidator validator, string? header) =>
        Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync(header, Cancel));
}
