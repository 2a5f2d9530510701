using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class EmbeddedFilesTests : WithFolder
{
    private string UsersFile => Path.Combine(Folder, "users.json");

    private string KeyFile => Path.Combine(Folder, "signing-key.pem");

    [Fact]
    public async Task The_first_start_makes_an_administrator_with_a_strong_password_shown_once()
    {
        string? password;
        await using (var first = await EmbeddedHost.StartAsync(Folder, password: null))
        {
            password = first.Identity.FirstStart?.GeneratedPassword;
            Assert.Equal("px-central-admin", first.Identity.FirstStart?.Username);
            Assert.Equal(200, (await first.SignInAsync("px-central-admin", password!)).Status);
        }

        await using var second = await EmbeddedHost.StartAsync(Folder, password: null);

        Assert.Equal(32, password!.Length);
        Assert.Null(second.Identity.FirstStart);
        Assert.Equal(200, (await second.SignInAsync("px-central-admin", password)).Status);
        Assert.DoesNotContain(password, await File.ReadAllTextAsync(UsersFile, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_given_password_is_used_on_the_first_start_only_and_not_repeated()
    {
        await using (var first = await EmbeddedHost.StartAsync(Folder))
            Assert.Null(first.Identity.FirstStart!.GeneratedPassword);

        await using var second = await EmbeddedHost.StartAsync(Folder, password: "something-else");

        Assert.Equal(200, (await second.SignInAsync("px-central-admin", EmbeddedHost.Password)).Status);
        Assert.Contains("not used", second.Logged.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_keeps_the_key_the_users_and_their_tokens()
    {
        string token, refresh, key;
        await using (var first = await EmbeddedHost.StartAsync(Folder))
        {
            var (_, body) = await first.SignInAsync("px-central-admin", EmbeddedHost.Password);
            (token, refresh, key) = ((string)body["access_token"]!, (string)body["refresh_token"]!, first.Identity.SigningKey.KeyId);
        }

        await using var second = await EmbeddedHost.StartAsync(Folder);
        using var refreshed = await second.PostAsync([("grant_type", "refresh_token"), ("client_id", "pxcentral"), ("refresh_token", refresh)]);

        Assert.Equal(key, second.Identity.SigningKey.KeyId);
        Assert.True((await second.Validator.ValidateAsync("Bearer " + token, Cancel)).IsSuperAdmin);
        Assert.Equal(System.Net.HttpStatusCode.OK, refreshed.StatusCode);
    }

    [Fact]
    public async Task Files_are_for_their_owner_only()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(UsersFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
        Assert.Equal(["sessions.json", "signing-key.pem", "users.json"], System.IO.Directory.GetFiles(Folder).Select(Path.GetFileName).Order());
    }

    public static TheoryData<string, string> DamagedFiles => new()
    {
        { "signing-key.pem", "" }, { "signing-key.pem", "rubbish" }, { "signing-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
        { "signing-key.pem", "public" }, { "signing-key.pem", "small" },
        { "users.json", "" }, { "users.json", "{" }, { "users.json", "null" }, { "users.json", "[]" }, { "users.json", "{\"format\":2}" },
        { "users.json", "{\"format\":1,\"unknown\":true}" }, { "users.json", "{\"format\":1,\"users\":null}" },
        { "users.json", """{"format":1,"users":[{"id":"1","username":"a","password":"plain"}]}""" },
        { "users.json", """{"format":1,"users":[{"id":"1","username":"a"},{"id":"1","username":"b"}]}""" },
    };

    [Theory]
    [MemberData(nameof(DamagedFiles))]
    public async Task A_damaged_file_stops_the_start_and_is_left_alone(string file, string content)
    {
        await using (await EmbeddedHost.StartAsync(Folder))
        {
        }
        using var small = System.Security.Cryptography.RSA.Create(1024);
        content = content switch { "public" => TokenForge.Rsa.ExportSubjectPublicKeyInfoPem(), "small" => small.ExportPkcs8PrivateKeyPem(), _ => content };
        var path = Path.Combine(Folder, file);
        await File.WriteAllTextAsync(path, content, Cancel);

        var refusal = await Assert.ThrowsAsync<IdentityStartException>(() => EmbeddedHost.StartAsync(Folder));

        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("restore it from a copy", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(path, Cancel));
    }

    [Theory]
    [InlineData("users.json")]
    [InlineData("signing-key.pem")]
    public async Task A_file_that_others_can_read_stops_the_start(string file)
    {
        await using (await EmbeddedHost.StartAsync(Folder))
        {
        }
        File.SetUnixFileMode(Path.Combine(Folder, file), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        var refusal = await Assert.ThrowsAsync<IdentityStartException>(() => EmbeddedHost.StartAsync(Folder));

        Assert.Contains("chmod 600", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_key_is_replaced_with_a_warning_and_old_tokens_end()
    {
        string token;
        await using (var first = await EmbeddedHost.StartAsync(Folder))
            token = await first.TokenAsync();
        File.Delete(KeyFile);

        await using var second = await EmbeddedHost.StartAsync(Folder);

        Assert.Contains("tokens issued so far are void", second.Logged.All, StringComparison.Ordinal);
        var refusal = await Assert.ThrowsAsync<TokenException>(async () => await second.Validator.ValidateAsync("Bearer " + token, Cancel));
        Assert.Equal(TokenFault.UnknownKey, refusal.Fault);
    }

    [Fact]
    public async Task A_half_written_draft_from_a_crash_does_no_harm()
    {
        await using (await EmbeddedHost.StartAsync(Folder))
        {
        }
        await File.WriteAllTextAsync(UsersFile + ".new", "{\"format\":", Cancel);

        await using var host = await EmbeddedHost.StartAsync(Folder);
        var token = await host.TokenAsync();

        Assert.Equal(201, (await host.AdminAsync(HttpMethod.Post, "/groups", token, """{"name":"team"}""")).Status);
        Assert.False(File.Exists(UsersFile + ".new"));
    }

    [Theory]
    [InlineData("Identity:Issuer", "not a url", "Identity:Issuer")]
    [InlineData("Identity:Issuer", "http://localhost:1/other", "Identity:Issuer")]
    [InlineData("Identity:CachedTokens", "1", "Identity:CachedTokens")]
    [InlineData("Identity:ClockSkew", "01:00:00", "Identity:ClockSkew")]
    [InlineData("Identity:KeyRefreshInterval", "00:00:01", "Identity:KeyRefreshInterval")]
    [InlineData("Identity:RequestTimeout", "00:10:00", "Identity:RequestTimeout")]
    [InlineData("Identity:Embedded:AdminPassword", "short", "PXBACKUP_ADMIN_PASSWORD")]
    [InlineData("Identity:Embedded:ClientId", " ", "Identity:Embedded:ClientId")]
    [InlineData("Identity:Embedded:MaxTokenLifetime", "00:00:01", "Identity:Embedded:MaxTokenLifetime")]
    [InlineData("Identity:CertificateAuthorityFile", "/does/not/exist.pem", "Identity:CertificateAuthorityFile")]
    public async Task A_wrong_setting_stops_the_start_and_is_named(string setting, string value, string named)
    {
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => EmbeddedHost.StartAsync(Folder, settings: (setting, value)));

        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://keycloak/auth/realms/master", false, false)]
    [InlineData("http://keycloak/auth/realms/master", true, true)]
    [InlineData("https://keycloak/auth/realms/master", false, true)]
    [InlineData("http://127.0.0.1:8080/realms/x", false, true)]
    [InlineData("http://[::1]:8080/realms/x", false, true)]
    [InlineData("https://user:pw@keycloak/realms/x", false, false)]
    [InlineData("https://keycloak/realms/x?y=1", false, false)]
    [InlineData("ftp://keycloak/realms/x", false, false)]
    public void An_external_issuer_is_https_unless_it_is_here_or_allowed(string issuer, bool allow, bool valid)
    {
        var options = new IdentityOptions { Mode = IdentityMode.External, Issuer = issuer, AllowPlainHttp = allow };

        Assert.Equal(valid, new IdentityOptionsValidation().Validate(null, options).Succeeded);
    }
}
