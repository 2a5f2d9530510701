using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>What ends a token before its time: sign-out, a new password, disabling, a refresh token that comes twice.</summary>
public sealed class SessionTests : WithFolder
{
    private const string Realm = "/auth/realms/master/protocol/openid-connect/";
    private const string Bob = """{"username":"bob","enabled":true,"credentials":[{"type":"password","value":"bobs-made-up-word"}]}""";

    [Fact]
    public async Task A_refresh_gives_new_tokens_and_the_old_refresh_token_ends_the_whole_session()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var first = await SignInAsync(host);
        var other = await SignInAsync(host);

        var second = await RefreshAsync(host, first.Refresh);
        var third = await RefreshAsync(host, second!.Refresh);
        var stolen = await RefreshAsync(host, second.Refresh);
        var after = await RefreshAsync(host, third!.Refresh);

        Assert.Null(stolen);
        Assert.Null(after);
        foreach (var pair in (Tokens[])[first, second, third])
            await AssertEndedAsync(host, pair.Access);
        await host.Validator.ValidateAsync("Bearer " + other.Access, Cancel);
        Assert.NotNull(await RefreshAsync(host, other.Refresh));
        Assert.Contains("came twice", host.Logged.All, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("logout", "refresh_token", 204)]
    [InlineData("revoke", "token", 200)]
    public async Task Sign_out_ends_this_session_and_no_other(string path, string field, int status)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var (mine, other) = (await SignInAsync(host), await SignInAsync(host));
        await host.Validator.ValidateAsync("Bearer " + mine.Access, Cancel);

        using var answer = await host.PostAsync([("client_id", "pxcentral"), (field, mine.Refresh)], Realm + path);

        Assert.Equal(status, (int)answer.StatusCode);
        await AssertEndedAsync(host, mine.Access);
        Assert.Null(await RefreshAsync(host, mine.Refresh));
        await host.Validator.ValidateAsync("Bearer " + other.Access, Cancel);
        Assert.NotNull(await RefreshAsync(host, other.Refresh));
    }

    [Fact]
    public async Task An_access_token_can_be_revoked_as_well()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var mine = await SignInAsync(host);

        using var answer = await host.PostAsync([("client_id", "pxcentral"), ("token", mine.Access)], Realm + "revoke");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await AssertEndedAsync(host, mine.Access);
        Assert.Null(await RefreshAsync(host, mine.Refresh));
    }

    [Fact]
    public async Task Rubbish_or_another_client_signs_nobody_out()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var mine = await SignInAsync(host);

        using var rubbish = await host.PostAsync([("client_id", "pxcentral"), ("refresh_token", "rubbish")], Realm + "logout");
        using var client = await host.PostAsync([("client_id", "other"), ("refresh_token", mine.Refresh)], Realm + "logout");
        using var nothing = await host.PostAsync([("client_id", "pxcentral")], Realm + "logout");

        Assert.Equal((401, 400), ((int)client.StatusCode, (int)nothing.StatusCode));
        Assert.InRange((int)rubbish.StatusCode, 200, 499);
        await host.Validator.ValidateAsync("Bearer " + mine.Access, Cancel);
    }

    [Theory]
    [InlineData("PUT", "/reset-password", """{"type":"password","value":"another-made-up"}""")]
    [InlineData("PUT", "", """{"enabled":false}""")]
    [InlineData("POST", "/logout", "")]
    public async Task What_an_administrator_ends_is_ended_for_good(string method, string path, string body)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var (_, made) = await host.AdminAsync(HttpMethod.Post, "/users", admin, Bob);
        var id = ((string)made!["location"]!).Split('/')[^1];
        var bob = await SignInAsync(host, "bob", "bobs-made-up-word");
        await host.Validator.ValidateAsync("Bearer " + bob.Access, Cancel);

        Assert.Equal(204, (await host.AdminAsync(new(method), $"/users/{id}{path}", admin, body)).Status);
        await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + bob.Access, Cancel));
        await host.AdminAsync(HttpMethod.Put, $"/users/{id}", admin, """{"enabled":true}""");

        await AssertEndedAsync(host, bob.Access);
        Assert.Null(await RefreshAsync(host, bob.Refresh));
        await host.Validator.ValidateAsync("Bearer " + admin, Cancel);
    }

    [Fact]
    public async Task A_disabled_or_signed_out_administrators_token_opens_no_admin_call()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var (_, made) = await host.AdminAsync(HttpMethod.Post, "/users", admin, Bob.Replace("}]}", """}],"groups":["/px-admin-group"]}""", StringComparison.Ordinal));
        var id = ((string)made!["location"]!).Split('/')[^1];
        var (one, two) = (await SignInAsync(host, "bob", "bobs-made-up-word"), await SignInAsync(host, "bob", "bobs-made-up-word"));
        Assert.Equal(200, (await host.AdminAsync(HttpMethod.Get, "/users", one.Access)).Status);

        using var signedOut = await host.PostAsync([("client_id", "pxcentral"), ("refresh_token", one.Refresh)], Realm + "logout");
        var afterSignOut = await host.AdminAsync(HttpMethod.Get, "/users", one.Access);
        await host.AdminAsync(HttpMethod.Put, $"/users/{id}", admin, """{"enabled":false}""");
        var afterDisable = await host.AdminAsync(HttpMethod.Get, "/users", two.Access);

        Assert.Equal((401, 401), (afterSignOut.Status, afterDisable.Status));
        Assert.Contains("sign in again", (string?)afterSignOut.Body!["error"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_keeps_all_of_it()
    {
        Tokens ended, live, turned;
        await using (var host = await EmbeddedHost.StartAsync(Folder))
        {
            (ended, live, var old) = (await SignInAsync(host), await SignInAsync(host), await SignInAsync(host));
            using var _ = await host.PostAsync([("client_id", "pxcentral"), ("refresh_token", ended.Refresh)], Realm + "logout");
            turned = (await RefreshAsync(host, old.Refresh))! with { Refresh = old.Refresh };
        }

        await using var again = await EmbeddedHost.StartAsync(Folder);

        await AssertEndedAsync(again, ended.Access);
        Assert.Null(await RefreshAsync(again, ended.Refresh));
        await again.Validator.ValidateAsync("Bearer " + live.Access, Cancel);
        Assert.NotNull(await RefreshAsync(again, live.Refresh));
        Assert.Null(await RefreshAsync(again, turned.Refresh));
        await AssertEndedAsync(again, turned.Access);
    }

    [Fact]
    public async Task Without_its_file_no_token_of_the_time_before_counts()
    {
        string token;
        await using (var host = await EmbeddedHost.StartAsync(Folder))
            token = await host.TokenAsync();
        File.Delete(Path.Combine(Folder, SessionBook.FileName));

        await using var again = await EmbeddedHost.StartAsync(Folder);

        await AssertEndedAsync(again, token);
        await again.Validator.ValidateAsync("Bearer " + await again.TokenAsync(), Cancel);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("""{"format":2,"era":"0123456789abcdef","since":"2026-01-01T00:00:00Z"}""")]
    [InlineData("""{"format":1,"era":"","since":"2026-01-01T00:00:00Z"}""")]
    public async Task A_damaged_file_stops_the_start_and_stays(string content)
    {
        await using (await EmbeddedHost.StartAsync(Folder))
        {
        }
        var path = Path.Combine(Folder, SessionBook.FileName);
        await File.WriteAllTextAsync(path, content, Cancel);

        var refusal = await Assert.ThrowsAsync<IdentityStartException>(() => EmbeddedHost.StartAsync(Folder));

        Assert.Contains("sessions.json' is damaged", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(path, Cancel));
    }

    [Fact]
    public void Sessions_are_bounded_for_each_user_and_in_all()
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        var state = Empty(now);
        for (var i = 0; i < SessionRules.MaxLiveOfUser + 5; i++)
            state = SessionRules.Begin(state, $"s{i}", new() { User = "u", RefreshUntil = now.AddMinutes(30).AddSeconds(i), AccessUntil = now.AddDays(365) }, now);

        Assert.Equal(SessionRules.MaxLiveOfUser, state.Sessions.Count);
        Assert.False(state.Sessions.ContainsKey("s4"));
        Assert.Equal(RefreshOutcome.Unknown, SessionRules.Refresh(state, "s4", "u", 0, now, now, now).Outcome);
        Assert.Equal(RefreshOutcome.Turned, SessionRules.Refresh(state, "s5", "u", 0, now.AddHours(1), now, now).Outcome);
        Assert.Equal(RefreshOutcome.Unknown, SessionRules.Refresh(state, "s5", "another", 0, now, now, now).Outcome);
        Assert.Single(SessionRules.Begin(state, "late", new() { User = "v", RefreshUntil = now.AddHours(2) }, now.AddHours(1)).Sessions);
    }

    [Fact]
    public void Who_signs_out_too_often_ends_all_sessions_rather_than_losing_the_end_of_one()
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        var state = Empty(now);
        for (var i = 0; i < SessionRules.MaxEndedOfUser; i++)
            state = SessionRules.End(state, $"s{i}", "u", now.AddDays(365), now);
        Assert.True(state.IsEnded("s0"));
        Assert.Equal(0, state.Epochs.GetValueOrDefault("u"));

        state = SessionRules.End(state, "one-more", "u", now.AddDays(365), now);

        Assert.Equal(1, state.Epochs["u"]);
        Assert.Empty(state.Sessions);
    }

    [Fact]
    public void The_end_of_a_session_is_remembered_as_long_as_its_longest_token_lives()
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        var state = SessionRules.Begin(Empty(now), "s", new() { User = "u", RefreshUntil = now.AddMinutes(30), AccessUntil = now.AddDays(365) }, now);
        state = SessionRules.Refresh(state, "s", "u", 0, now.AddMinutes(30), now.AddHours(1), now).State;
        state = SessionRules.End(state, "s", "u", DateTimeOffset.MinValue, now);

        Assert.True(SessionRules.Begin(state, "t", new() { User = "u", RefreshUntil = now.AddDays(400) }, now.AddDays(364)).IsEnded("s"));
        Assert.False(SessionRules.Begin(state, "t", new() { User = "u", RefreshUntil = now.AddDays(400) }, now.AddDays(365)).IsEnded("s"));
    }

    private static SessionsState Empty(DateTimeOffset now) => new()
    {
        Format = 1, Era = "0123456789abcdef", Since = now, Epochs = ImmutableDictionary<string, long>.Empty, Sessions = ImmutableDictionary<string, Session>.Empty,
    };

    private static async Task AssertEndedAsync(EmbeddedHost host, string token)
    {
        var refusal = await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + token, Cancel));
        Assert.Equal((TokenFault.SignedOut, "the token was ended by sign-out or a new password; sign in again"), (refusal.Fault, refusal.Message));
    }

    private static async Task<Tokens> SignInAsync(EmbeddedHost host, string username = "px-central-admin", string password = EmbeddedHost.Password)
    {
        var (status, body) = await host.SignInAsync(username, password, ("token-duration", "365d"));
        Assert.Equal(200, status);
        return new((string)body["access_token"]!, (string)body["refresh_token"]!);
    }

    private static async Task<Tokens?> RefreshAsync(EmbeddedHost host, string token)
    {
        using var answer = await host.PostAsync([("grant_type", "refresh_token"), ("client_id", "pxcentral"), ("refresh_token", token)]);
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
        if (answer.IsSuccessStatusCode)
            return new((string)body["access_token"]!, (string)body["refresh_token"]!);
        Assert.Equal("invalid_grant", (string?)body["error"]);
        return null;
    }

    private sealed record Tokens(string Access, string Refresh);
}
