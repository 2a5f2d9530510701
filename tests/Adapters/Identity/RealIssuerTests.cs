using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.Adapters.Identity;

/// <summary>The validator against a certified OIDC provider (tests/peers/oidc-provider.sh): discovery, at+jwt, audience, key rotation.</summary>
public sealed class RealIssuerTests(RealIssuer real) : IClassFixture<RealIssuer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_persons_token_is_accepted_with_groups_and_roles()
    {
        using var connection = real.Connect(out var validator);

        var caller = await validator.ValidateAsync("bearer " + await real.PasswordTokenAsync("alice"), Cancel);

        Assert.Equal(("alice", "alice", "alice@example.test", true), (caller.Subject, caller.PreferredUsername, caller.Email, caller.IsSuperAdmin));
        Assert.Equal(["px-admin-group"], caller.Groups);
        Assert.Equal(["px-backup-super.admin"], caller.Roles);
        Assert.InRange(caller.Expires - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task A_services_token_is_accepted_without_a_name()
    {
        using var connection = real.Connect(out var validator);

        var caller = await validator.ValidateAsync("bearer " + await real.TokenAsync(("grant_type", "client_credentials"), ("scope", "backup")), Cancel);

        Assert.Equal(("svc", "svc", false), (caller.Subject, caller.PreferredUsername, caller.IsSuperAdmin));
    }

    [Theory]
    [InlineData("urn:px-backup", true)]
    [InlineData("urn:other", false)]
    public async Task The_audience_is_checked_where_one_is_set(string audience, bool accepted)
    {
        using var connection = real.Connect(out var validator, options => options.Audience = audience);
        var header = "bearer " + await real.PasswordTokenAsync("bob");

        if (accepted)
            Assert.Equal("bob", (await validator.ValidateAsync(header, Cancel)).Subject);
        else
            Assert.Equal(TokenFault.WrongAudience, (await Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync(header, Cancel))).Fault);
    }

    [Fact]
    public async Task A_token_changed_on_the_way_is_refused()
    {
        using var connection = real.Connect(out var validator);
        var parts = (await real.PasswordTokenAsync("bob")).Split('.');
        parts[1] = (await real.PasswordTokenAsync("alice")).Split('.')[1];

        var refusal = await Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync("bearer " + string.Join('.', parts), Cancel));

        Assert.Equal(TokenFault.BadSignature, refusal.Fault);
    }

    [Fact]
    public async Task After_a_key_rotation_the_first_new_token_passes_and_old_ones_are_out()
    {
        using var connection = real.Connect(out var validator);
        var old = "bearer " + await real.PasswordTokenAsync("alice");
        await validator.ValidateAsync(old, Cancel);

        await real.RotateAsync();
        var caller = await validator.ValidateAsync("bearer " + await real.PasswordTokenAsync("alice"), Cancel);

        Assert.Equal("alice", caller.Subject);
        var refusal = await Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync(old, Cancel));
        Assert.Equal(TokenFault.UnknownKey, refusal.Fault);
    }
}

/// <summary>The provider's process, started once for the class.</summary>
public sealed class RealIssuer : IAsyncLifetime
{
    // The first start installs packages.
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);

    private readonly HttpClient http = new();
    private string issuer = "";
    private string folder = "";

    public async ValueTask InitializeAsync()
    {
        var lines = (await ScriptAsync("start")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        (issuer, folder) = (lines["OIDC_ISSUER"], lines["OIDC_DIR"]);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (folder.Length > 0)
            await ScriptAsync("stop", folder);
    }

    public Task RotateAsync() => ScriptAsync("rotate", folder);

    public Task<string> PasswordTokenAsync(string name) =>
        TokenAsync(("grant_type", "password"), ("username", name), ("password", name + "-made-up"));

    public async Task<string> TokenAsync(params (string Key, string Value)[] form)
    {
        var fields = form.Append(("client_id", "svc")).Append(("client_secret", "svc-made-up")).Select(field => KeyValuePair.Create(field.Item1, field.Item2));
        using var answer = await http.PostAsync(new Uri(issuer + "/token"), new FormUrlEncodedContent(fields), TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("access_token").GetString()!;
    }

    internal IDisposable Connect(out ITokenValidator validator, Action<IdentityOptions>? change = null)
    {
        var settings = new IdentityOptions { Mode = IdentityMode.External, Issuer = issuer };
        change?.Invoke(settings);
        var options = Options.Create(settings);
        var connection = new IssuerConnection(options, EndpointGuards.RefuseMetadataAndMulticast, TimeProvider.System);
        validator = new TokenValidator(
            new DiscoveredIssuer(connection, options, TimeProvider.System, NullLogger<DiscoveredIssuer>.Instance), options, TimeProvider.System);
        return connection;
    }

    private static async Task<string> ScriptAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(Checkout(), "tests", "peers", "oidc-provider.sh"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var script = Process.Start(start) ?? throw new InvalidOperationException("bash did not start");
        using var limit = new CancellationTokenSource(StartTimeout);
        var errors = script.StandardError.ReadToEndAsync(limit.Token);
        var output = await script.StandardOutput.ReadToEndAsync(limit.Token);
        await script.WaitForExitAsync(limit.Token);
        Assert.True(script.ExitCode == 0, $"oidc-provider.sh {string.Join(' ', arguments)} failed: {await errors}");
        return output;
    }

    private static string Checkout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PxBackup.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("the tests do not run inside a checkout (no PxBackup.sln above them)");
    }
}
