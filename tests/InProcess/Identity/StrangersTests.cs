using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>Strangers who guess or crowd keep nobody out who has been here before.</summary>
public sealed class StrangersTests : WithFolder
{
    private const string Admin = "px-central-admin";
    private const string Home = "203.0.113.5";

    [Fact]
    public async Task A_hundred_and_five_wrong_passwords_do_not_lock_the_administrator_out()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder, settings: ("Identity:TrustedProxies", "127.0.0.0/8"));
        Assert.Equal(200, await host.SignInFromAsync(Home, Admin, EmbeddedHost.Password));
        for (var guess = 0; guess < 105; guess++)
            await host.SignInFromAsync($"10.0.{guess}.1", Admin, "wrong password");

        var stranger = await host.SignInFromAsync("198.51.100.9", Admin, EmbeddedHost.Password);
        var administrator = await host.SignInFromAsync(Home, Admin, EmbeddedHost.Password);

        Assert.Equal((429, 200), (stranger, administrator));
    }

    [Fact]
    public async Task Sixty_addresses_at_once_do_not_shut_everybody_out()
    {
        await using var host = await EmbeddedHost.StartAsync(Folder, settings: ("Identity:TrustedProxies", "127.0.0.0/8"));
        Assert.Equal(200, await host.SignInFromAsync(Home, Admin, EmbeddedHost.Password));
        using var over = new CancellationTokenSource();
        var crowd = Enumerable.Range(0, 60).Select(async i =>
        {
            for (var guess = 0; guess < 20 && !over.IsCancellationRequested; guess++)
                await host.SignInFromAsync($"10.0.{i}.1", $"user-{guess}-{i}", "wrong password");
        }).ToArray();
        await Task.Delay(500, Cancel);

        var since = Stopwatch.GetTimestamp();
        var administrator = await host.SignInFromAsync(Home, Admin, EmbeddedHost.Password);
        var took = Stopwatch.GetElapsedTime(since);
        await over.CancelAsync();
        await Task.WhenAll(crowd);

        Assert.Equal(200, administrator);
        Assert.True(took < TimeSpan.FromSeconds(10), $"it took {took}");
        TestContext.Current.SendDiagnosticMessage($"with sixty others: {took.TotalMilliseconds:0} ms");
    }

    [Fact]
    public void Known_sources_are_kept_over_a_restart_bounded_and_forgotten_in_time()
    {
        var time = new FakeTimeProvider(new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
        Directory.CreateDirectory(Folder);
        var known = Load();
        for (var source = 0; source < KnownSources.MaxOfUser + 3; source++)
        {
            known.Note("u", $"s{source}");
            time.Advance(TimeSpan.FromHours(1));
        }
        known.Note("gone", "s");

        known = Load();

        Assert.True(known.IsKnown("u", "s3"));
        Assert.False(known.IsKnown("u", "s2"));
        Assert.False(known.IsKnown("v", "s3"));
        Assert.False(known.IsKnown("gone", "s"));
        time.Advance(TimeSpan.FromDays(91));
        Assert.False(known.IsKnown("u", "s3"));

        KnownSources Load() => new(Folder, new HashSet<string> { "u", "v" }, time, NullLogger.Instance);
    }

    [Theory, InlineData("{"), InlineData(""), InlineData("""{"u":null}""")]
    public void A_damaged_list_of_known_sources_is_begun_anew(string content)
    {
        Directory.CreateDirectory(Folder);
        var path = Path.Combine(Folder, KnownSources.FileName);
        File.WriteAllText(path, content);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        var known = new KnownSources(Folder, new HashSet<string> { "u" }, TimeProvider.System, NullLogger.Instance);
        known.Note("u", "s");

        Assert.True(known.IsKnown("u", "s"));
    }
}
