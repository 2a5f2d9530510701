using System.Text.Json.Nodes;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class AdminApiTests : WithFolder
{
    private const string Bob = """
        {"username":"Bob","firstName":"Bob","lastName":"Builder","email":"bob@example.test","enabled":true,"attributes":{},
         "credentials":[{"type":"password","temporary":false,"value":"bobs-made-up-word"}]}
        """;

    [Fact]
    public async Task A_user_is_made_signs_in_and_is_out_at_once_when_removed()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();

        var (status, made) = await host.AdminAsync(HttpMethod.Post, "/users", admin, Bob);
        var id = ((string)made!["location"]!).Split('/')[^1];
        var token = await host.TokenAsync("bob", "bobs-made-up-word", ("token-duration", "365d"));
        var caller = await host.Validator.ValidateAsync("Bearer " + token, Cancel);
        var (removed, _) = await host.AdminAsync(HttpMethod.Delete, "/users/" + id, admin);

        Assert.Equal((201, 204), (status, removed));
        Assert.Equal((id, "bob", "bob@example.test", false), (caller.Subject, caller.PreferredUsername, caller.Email, caller.IsSuperAdmin));
        var refusal = await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + token, Cancel));
        Assert.Equal(TokenFault.UserGone, refusal.Fault);
        Assert.Equal(401, (await host.SignInAsync("bob", "bobs-made-up-word")).Status);
        Assert.Equal(404, (await host.AdminAsync(HttpMethod.Get, "/users/" + id, admin)).Status);
    }

    [Fact]
    public async Task A_disabled_user_is_out_at_once()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var id = await MakeBobAsync(host, admin);
        var token = await host.TokenAsync("bob", "bobs-made-up-word");
        await host.Validator.ValidateAsync("Bearer " + token, Cancel);

        await host.AdminAsync(HttpMethod.Put, "/users/" + id, admin, """{"enabled":false}""");

        await Assert.ThrowsAsync<TokenException>(async () => await host.Validator.ValidateAsync("Bearer " + token, Cancel));
        var (status, body) = await host.SignInAsync("bob", "bobs-made-up-word");
        Assert.Equal((400, "Account disabled"), (status, (string?)body["error_description"]));
    }

    [Fact]
    public async Task Groups_and_roles_count_for_tokens_already_issued()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var id = await MakeBobAsync(host, admin);
        var header = "Bearer " + await host.TokenAsync("bob", "bobs-made-up-word");
        await host.Validator.ValidateAsync(header, Cancel);
        var (_, roles) = await host.AdminAsync(HttpMethod.Get, "/roles", admin);
        var appUser = roles!.AsArray().Single(role => (string?)role!["name"] == "px-backup-app.user")!.ToJsonString();
        var (_, groups) = await host.AdminAsync(HttpMethod.Get, "/groups", admin);
        var adminGroup = groups!.AsArray().Single()!;

        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Post, $"/users/{id}/role-mappings/realm", admin, $"[{appUser}]")).Status);
        Assert.Equal(["px-backup-app.user"], (await host.Validator.ValidateAsync(header, Cancel)).Roles);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Put, $"/users/{id}/groups/{(string)adminGroup["id"]!}", admin, "{}")).Status);
        Assert.True((await host.Validator.ValidateAsync(header, Cancel)).IsSuperAdmin);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Delete, $"/users/{id}/groups/{(string)adminGroup["id"]!}", admin)).Status);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Delete, $"/users/{id}/role-mappings/realm", admin, $"[{appUser}]")).Status);

        var caller = await host.Validator.ValidateAsync(header, Cancel);
        Assert.Equal((false, 0, 0), (caller.IsSuperAdmin, caller.Roles.Count, caller.Groups.Count));
        Assert.Equal("/px-admin-group", (string?)adminGroup["path"]);
    }

    [Fact]
    public async Task A_groups_roles_are_its_members_roles()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var id = await MakeBobAsync(host, admin);
        var (_, made) = await host.AdminAsync(HttpMethod.Post, "/groups", admin, """{"name":"team"}""");
        var group = ((string)made!["location"]!).Split('/')[^1];
        Assert.Equal(201, (await host.AdminAsync(HttpMethod.Post, "/roles", admin, """{"name":"custom role","description":"d","attributes":{}}""")).Status);

        await host.AdminAsync(HttpMethod.Put, $"/users/{id}/groups/{group}", admin);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Post, $"/groups/{group}/role-mappings/realm", admin, """[{"name":"custom role"}]""")).Status);
        var (_, composite) = await host.AdminAsync(HttpMethod.Get, $"/users/{id}/role-mappings/realm/composite", admin);
        var (_, own) = await host.AdminAsync(HttpMethod.Get, $"/users/{id}/role-mappings/realm", admin);
        var (_, members) = await host.AdminAsync(HttpMethod.Get, $"/groups/{group}/members", admin);

        Assert.Equal("custom role", (string?)composite!.AsArray().Single()!["name"]);
        Assert.Empty(own!.AsArray());
        Assert.Equal("bob", (string?)members!.AsArray().Single()!["username"]);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Delete, "/roles/custom%20role", admin)).Status);
        Assert.Equal(204, (await host.AdminAsync(HttpMethod.Delete, "/groups/" + group, admin)).Status);
        Assert.Empty((await host.AdminAsync(HttpMethod.Get, $"/users/{id}/groups", admin)).Body!.AsArray());
    }

    [Fact]
    public async Task Lists_come_in_pages_of_a_thousand_at_most()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var group = host.Identity.Users.State.Groups[0].Id;
        host.Identity.Users.Change(state => state with
        {
            Users = [.. state.Users, .. Enumerable.Range(0, 1500).Select(i => new User { Id = $"id-{i}", Username = $"user-{i:0000}", Groups = [group] })],
        });
        var admin = await host.TokenAsync();

        var (_, first) = await host.AdminAsync(HttpMethod.Get, "/users?max=5000", admin);
        var (_, second) = await host.AdminAsync(HttpMethod.Get, "/users?first=1000", admin);
        var (_, members) = await host.AdminAsync(HttpMethod.Get, $"/groups/{group}/members", admin);

        Assert.Equal((1000, 501, 1000), (first!.AsArray().Count, second!.AsArray().Count, members!.AsArray().Count));
    }

    [Fact]
    public async Task Two_authorization_headers_are_refused_here_and_at_the_token_endpoint_alike()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = "Bearer " + await host.TokenAsync();
        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Get, EmbeddedHost.AdminPath + "/users"), (HttpMethod.Post, EmbeddedHost.TokenPath)])
        {
            using var socket = new System.Net.Sockets.TcpClient();
            await socket.ConnectAsync(host.Rest.BaseAddress!.Host, host.Rest.BaseAddress.Port, Cancel);
            await socket.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(
                $"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {admin}\r\nAuthorization: {admin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), Cancel);
            var answer = await new StreamReader(socket.GetStream()).ReadToEndAsync(Cancel);

            Assert.Matches("^HTTP/1.1 40[01] ", answer);
            Assert.Contains("more than one authorization header came: send exactly one, with one token", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Lists_never_hold_passwords()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        await MakeBobAsync(host, admin);

        var (_, all) = await host.AdminAsync(HttpMethod.Get, "/users", admin);
        var (_, some) = await host.AdminAsync(HttpMethod.Get, "/users?search=build&first=0&max=5", admin);
        var (_, exact) = await host.AdminAsync(HttpMethod.Get, "/users?username=bo&exact=true", admin);

        Assert.Equal(2, all!.AsArray().Count);
        Assert.Single(some!.AsArray());
        Assert.Empty(exact!.AsArray());
        Assert.DoesNotContain("pbkdf2", all.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/users")]
    [InlineData("POST", "/users")]
    [InlineData("DELETE", "/users/x")]
    [InlineData("GET", "/roles")]
    [InlineData("GET", "/groups")]
    [InlineData("GET", "/sessions/anything")]
    public async Task Without_an_administrators_token_nothing_is_told(string method, string path)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        await MakeBobAsync(host, await host.TokenAsync());
        var bob = await host.TokenAsync("bob", "bobs-made-up-word");

        Assert.Equal(401, (await host.AdminAsync(new(method), path, null)).Status);
        Assert.Equal(401, (await host.AdminAsync(new(method), path, "rubbish")).Status);
        Assert.Equal(403, (await host.AdminAsync(new(method), path, bob)).Status);
    }

    [Theory]
    [InlineData("POST", "/users", "{", 400)]
    [InlineData("POST", "/users", "null", 400)]
    [InlineData("POST", "/users", "{}", 400)]
    [InlineData("POST", "/users", """{"username":7}""", 400)]
    [InlineData("POST", "/users", """{"username":"px-central-admin"}""", 409)]
    [InlineData("POST", "/users", """{"username":"carol","credentials":[{"value":"short"}]}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol","credentials":[null]}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol\n"}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol\u202e"}""", 400)]
    [InlineData("POST", "/users", """{"username":"ca\u200brol"}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol","firstName":"\u0007"}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol-the-user","credentials":[{"value":"Carol-the-User"}]}""", 400)]
    [InlineData("POST", "/groups", """{"name":"px-admin\u2028"}""", 400)]
    [InlineData("POST", "/roles", """{"name":"px\u200b"}""", 400)]
    [InlineData("POST", "/users", """{"username":"carol","groups":["/none"]}""", 400)]
    [InlineData("GET", "/users/00000000-0000-0000-0000-000000000000", null, 404)]
    [InlineData("DELETE", "/users/none", null, 404)]
    [InlineData("POST", "/roles", """{"name":""}""", 400)]
    [InlineData("POST", "/roles", """{"name":"px-backup-app.user"}""", 409)]
    [InlineData("GET", "/roles/none", null, 404)]
    [InlineData("DELETE", "/roles/px-backup-super.admin", null, 400)]
    [InlineData("POST", "/groups", """{"name":"a/b"}""", 400)]
    [InlineData("POST", "/groups", """{"name":"px-admin-group"}""", 409)]
    [InlineData("DELETE", "/groups/none", null, 404)]
    [InlineData("GET", "/clients", null, 501)]
    [InlineData("PUT", "/users/x/anything/else", "{}", 501)]
    public async Task What_cannot_be_done_is_refused_with_a_text(string method, string path, string? body, int expected)
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var (status, answer) = await host.AdminAsync(new(method), path, await host.TokenAsync(), body);

        Assert.Equal(expected, status);
        Assert.False(string.IsNullOrWhiteSpace((string?)(answer!["error"] ?? answer["errorMessage"])));
    }

    [Fact]
    public async Task The_last_administrator_stays()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);
        var admin = await host.TokenAsync();
        var id = (await host.Validator.ValidateAsync("Bearer " + admin, Cancel)).Subject;

        Assert.Equal(400, (await host.AdminAsync(HttpMethod.Delete, "/users/" + id, admin)).Status);
        Assert.Equal(400, (await host.AdminAsync(HttpMethod.Put, "/users/" + id, admin, """{"enabled":false}""")).Status);

        Assert.Equal(200, (await host.AdminAsync(HttpMethod.Get, "/users/" + id, admin)).Status);
    }

    [Fact]
    public async Task A_large_body_is_refused()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        var (status, _) = await host.AdminAsync(HttpMethod.Post, "/users", await host.TokenAsync(), $$"""{"username":"{{new string('x', 100_000)}}"}""");

        Assert.Equal(413, status);
    }

    private static async Task<string> MakeBobAsync(EmbeddedHost host, string admin)
    {
        var (status, made) = await host.AdminAsync(HttpMethod.Post, "/users", admin, Bob);
        Assert.Equal(201, status);
        return ((string)made!["location"]!).Split('/')[^1];
    }
}
