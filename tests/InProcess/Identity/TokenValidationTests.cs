using System.IdentityModel.Tokens.Jwt;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class TokenValidationTests(LoopbackIssuerFixture shared) : IClassFixture<LoopbackIssuerFixture>
{
    private readonly FakeTimeProvider time = new(new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));

    public static TheoryData<string> RefusedTokens => [.. TokenCases.Refused.Keys];

    [Theory]
    [MemberData(nameof(RefusedTokens))]
    public async Task A_wrong_token_is_refused_with_its_reason(string name)
    {
        var (make, fault) = TokenCases.Refused[name];
        var (validator, forge) = shared.Issuer.Validator(time);

        var refusal = await RefusalOf(validator, "Bearer " + make(forge));

        Assert.Equal(fault, refusal.Fault);
        Assert.False(refusal.IsUnavailable);
        Assert.DoesNotContain("127.0.0.1", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, validator.Cached);
    }

    [Fact]
    public void There_are_at_least_sixty_token_cases() => Assert.True(TokenCases.Refused.Count >= 60, $"{TokenCases.Refused.Count} cases");

    [Theory]
    [InlineData(null, TokenFault.Missing)]
    [InlineData("", TokenFault.Missing)]
    [InlineData("   ", TokenFault.Missing)]
    [InlineData("Bearer", TokenFault.Missing)]
    [InlineData("Bearer ", TokenFault.Missing)]
    [InlineData("Basic YWxpY2U6cHc=", TokenFault.Malformed)]
    [InlineData("BearerX", TokenFault.Malformed)]
    [InlineData("Bearer a b", TokenFault.Malformed)]
    public async Task A_header_without_a_bearer_token_is_refused(string? header, TokenFault fault)
    {
        var (validator, _) = shared.Issuer.Validator(time);

        Assert.Equal(fault, (await RefusalOf(validator, header)).Fault);
    }

    [Theory]
    [InlineData("bearer {0}")]
    [InlineData("Bearer {0}")]
    [InlineData("BEARER {0}")]
    [InlineData(" bEaReR   {0} ")]
    public async Task The_scheme_is_read_in_any_case(string header)
    {
        var (validator, forge) = shared.Issuer.Validator(time);

        var caller = await validator.ValidateAsync(header.Replace("{0}", forge.Token(), StringComparison.Ordinal), TestContext.Current.CancellationToken);

        Assert.Equal("alice", caller.PreferredUsername);
    }

    [Theory]
    [InlineData("RS256", "k1")]
    [InlineData("RS384", "k1")]
    [InlineData("RS512", "k1")]
    [InlineData("RS512", "only-rs512")]
    [InlineData("PS256", "k1")]
    [InlineData("PS384", "k1")]
    [InlineData("PS512", "k1")]
    [InlineData("ES256", "ec256")]
    [InlineData("ES384", "ec384")]
    [InlineData("ES512", "ec521")]
    public async Task Every_algorithm_of_the_list_is_accepted(string alg, string kid)
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var token = TokenForge.Sign(TokenForge.Header(alg, kid).ToJsonString(), forge.Claims().ToJsonString(), TokenForge.Signature(alg));

        var caller = await validator.ValidateAsync("bearer " + token, TestContext.Current.CancellationToken);

        Assert.Equal("5f1c9a52-6c1c-4b52-8f43-2f10c9a1a001", caller.Subject);
    }

    [Theory]
    [InlineData("JWT")]
    [InlineData("jwt")]
    [InlineData("at+jwt")]
    [InlineData("AT+JWT")]
    [InlineData("application/at+jwt")]
    [InlineData(null)]
    public async Task Access_tokens_of_every_spelling_are_accepted(string? typ)
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var token = TokenForge.Sign(TokenForge.Header(typ: typ).ToJsonString(), forge.Claims(c => c.Remove("typ")).ToJsonString(), TokenForge.Rs256(TokenForge.Rsa));

        Assert.Equal("alice", (await validator.ValidateAsync("bearer " + token, TestContext.Current.CancellationToken)).PreferredUsername);
    }

    [Fact]
    public async Task Addresses_that_a_rightly_signed_token_brings_along_are_not_visited()
    {
        await using var trap = await LoopbackIssuer.StartAsync();
        var (validator, forge) = shared.Issuer.Validator(time);

        await validator.ValidateAsync("bearer " + forge.Token(header: h => { h["jku"] = trap.Url + "/certs"; h["x5u"] = trap.Url + "/certs"; }), TestContext.Current.CancellationToken);

        Assert.Equal(0, trap.Fetches);
    }

    [Fact]
    public async Task Claims_become_the_caller()
    {
        var (validator, forge) = shared.Issuer.Validator(time);

        var caller = await validator.ValidateAsync(
            "bearer " + forge.Token(c => c["roles"] = new JsonArray("custom", "px-backup-infra.admin", 7)), TestContext.Current.CancellationToken);

        Assert.Equal(["team-a", "px-admin-group"], caller.Groups);
        Assert.Equal(["custom", "px-backup-infra.admin", "offline_access"], caller.Roles);
        Assert.Equal("alice@example.test", caller.Email);
        Assert.Equal(time.GetUtcNow().AddSeconds(300), caller.Expires);
        Assert.True(caller.IsSuperAdmin);
        Assert.True(caller.IsMemberOf("/team-a") && caller.IsMemberOf("team-a") && !caller.IsMemberOf("TEAM-A"));
    }

    [Theory]
    [InlineData("""["px-admin-group"]""", """{"roles":[]}""", true)]
    [InlineData("""["/px-admin-group"]""", """{"roles":[]}""", true)]
    [InlineData("\"/px-admin-group\"", """{"roles":[]}""", true)]
    [InlineData("[]", """{"roles":["px-backup-super.admin"]}""", true)]
    [InlineData("""["//px-admin-group"]""", """{"roles":[]}""", false)]
    [InlineData("""["/PX-ADMIN-GROUP"]""", """{"roles":[]}""", false)]
    [InlineData("""["/a/px-admin-group"]""", """{"roles":["px-backup-super.admin "]}""", false)]
    [InlineData("""{"px-admin-group":true}""", """["px-backup-super.admin"]""", false)]
    [InlineData("""[["/px-admin-group"]]""", "\"px-backup-super.admin\"", false)]
    [InlineData("null", "null", false)]
    public async Task Only_the_group_or_the_role_makes_a_super_administrator(string groups, string realmAccess, bool super)
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var token = forge.Token(c => { c["groups"] = JsonNode.Parse(groups); c["realm_access"] = JsonNode.Parse(realmAccess); });

        var caller = await validator.ValidateAsync("bearer " + token, TestContext.Current.CancellationToken);

        Assert.Equal(super, caller.IsSuperAdmin);
    }

    [Theory]
    [InlineData("\"px-backup\"", true)]
    [InlineData("""["account","px-backup"]""", true)]
    [InlineData("""["account"]""", false)]
    [InlineData("\"px-backup-other\"", false)]
    [InlineData("[]", false)]
    [InlineData("null", false)]
    public async Task A_configured_audience_must_be_in_the_token(string aud, bool accepted)
    {
        var (validator, forge) = shared.Issuer.Validator(time, options => options.Audience = "px-backup");
        var header = "bearer " + forge.Token(c => c["aud"] = JsonNode.Parse(aud));

        if (accepted)
            Assert.Equal("alice", (await validator.ValidateAsync(header, TestContext.Current.CancellationToken)).PreferredUsername);
        else
            Assert.Equal(TokenFault.WrongAudience, (await RefusalOf(validator, header)).Fault);
    }

    [Theory]
    [InlineData(-29, null)]
    [InlineData(300, 29)]
    [InlineData(300, 30)]
    public async Task Clocks_may_differ_by_the_skew(int exp, int? nbf)
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var token = forge.Token(c =>
        {
            c["exp"] = forge.Now + exp;
            if (nbf is { } later)
                c["nbf"] = forge.Now + later;
        });

        Assert.Equal("alice", (await validator.ValidateAsync("bearer " + token, TestContext.Current.CancellationToken)).PreferredUsername);
    }

    [Fact]
    public async Task A_token_is_accepted_exactly_if_the_reference_validator_accepts_it()
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var reference = new JwtSecurityTokenHandler { MapInboundClaims = false };
        var key = new RsaSecurityKey(TokenForge.Rsa.ExportParameters(false)) { KeyId = "k1" };
        var now = time.GetUtcNow().UtcDateTime;
        var rules = new TokenValidationParameters
        {
            ValidIssuer = forge.Issuer, ValidateAudience = false, IssuerSigningKey = key, TryAllIssuerSigningKeys = false, ValidAlgorithms = ["RS256", "PS256", "RS512"],
            LifetimeValidator = (from, until, _, _) => until is { } end && now < end.AddSeconds(30) && !(from > now.AddSeconds(30)),
        };
        var accepted = 0;
        var cases = Gen.Select(
            Gen.Int[-60, 60], Gen.Int[-60, 60], Gen.Frequency((6, Gen.Const("RS256")), (1, Gen.Const("PS256")), (1, Gen.Const("RS512")), (1, Gen.Const("HS256"))),
            Gen.Frequency((6, Gen.Const("k1")), (1, Gen.Const("k9"))), Gen.Frequency((6, Gen.Const(true)), (1, Gen.Const(false))), Gen.Int[-1, 60]);

        await cases.SampleAsync(async one =>
        {
            var (exp, nbf, alg, kid, rightIssuer, flip) = one;
            var claims = forge.Claims(c => { c["exp"] = forge.Now + exp; c["nbf"] = forge.Now + nbf; c["iss"] = rightIssuer ? forge.Issuer : forge.Issuer + "x"; });
            var token = TokenForge.Sign(TokenForge.Header(alg, kid).ToJsonString(), claims.ToJsonString(), alg == "HS256" ? TokenForge.Hs256("secret"u8.ToArray()) : TokenForge.Signature(alg));
            if (flip is >= 0 and < 20)
                token = token[..^(flip + 2)] + (token[^(flip + 2)] == 'A' ? 'B' : 'A') + token[^(flip + 1)..];
            var expected = (await reference.ValidateTokenAsync(token, rules)).IsValid;

            var actual = await AcceptsAsync(validator, token);

            if (actual)
                Interlocked.Increment(ref accepted);
            return actual == expected;
        }, iter: 400);

        Assert.InRange(accepted, 20, 380);
    }

    [Fact]
    public async Task Any_text_is_refused_with_a_token_exception_and_nothing_else()
    {
        var (validator, forge) = shared.Issuer.Validator(time);
        var right = forge.Token();

        await Gen.Select(Gen.Int[0, right.Length - 1], Gen.Char, Gen.Int[0, 2], Gen.String).SampleAsync(async change =>
        {
            var (at, letter, how, text) = change;
            var token = how switch { 0 => right[..at] + letter + right[(at + 1)..], 1 => right[..at], _ => text };
            return token == right || !await AcceptsAsync(validator, token) || SameBytes(token, right);
        }, iter: 2000);
    }

    // The last letter of a part carries bits that base64url ignores: another spelling of the same token.
    private static bool SameBytes(string token, string right) =>
        token.Split('.').Zip(right.Split('.')).All(pair => Base64UrlEncoder.DecodeBytes(pair.First).SequenceEqual(Base64UrlEncoder.DecodeBytes(pair.Second)));

    private static async Task<bool> AcceptsAsync(TokenValidator validator, string token)
    {
        try
        {
            await validator.ValidateAsync("bearer " + token, TestContext.Current.CancellationToken);
            return true;
        }
        catch (TokenException)
        {
            return false;
        }
    }

    private static Task<TokenException> RefusalOf(TokenValidator validator, string? header) =>
        Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync(header, TestContext.Current.CancellationToken));
}
