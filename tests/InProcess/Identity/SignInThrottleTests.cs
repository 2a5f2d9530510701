using System.Net;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class SignInThrottleTests
{
    private readonly FakeTimeProvider time = new(new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Waits_double_up_to_five_minutes()
    {
        var throttle = new SignInThrottle(time);
        var waits = new List<double>();

        for (var guess = 0; guess < 16; guess++)
        {
            if (throttle.TryBegin("alice", "127.0.0.1", false) is { } wait)
            {
                waits.Add(wait.TotalSeconds);
                time.Advance(wait);
                Assert.Null(throttle.TryBegin("alice", "127.0.0.1", false));
            }
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], waits);
    }

    [Fact]
    public void Others_are_not_held_up_by_one_who_guesses()
    {
        var throttle = new SignInThrottle(time);
        for (var guess = 0; guess < 20; guess++)
            throttle.TryBegin("alice", "192.0.2.1", false);

        Assert.NotNull(throttle.TryBegin("alice", "192.0.2.1", false));
        Assert.Null(throttle.TryBegin("alice", "192.0.2.2", false));
        Assert.Null(throttle.TryBegin("bob", "192.0.2.1", false));
    }

    [Fact]
    public void An_address_that_tries_many_names_has_to_wait()
    {
        var throttle = new SignInThrottle(time);

        for (var name = 0; name < SignInThrottle.FreePerAddress; name++)
            Assert.Null(throttle.TryBegin($"user-{name}", SignInSource.NetworkOf(IPAddress.Parse($"2001:db8::{name + 1:x}")), false));

        Assert.NotNull(throttle.TryBegin("one-more", SignInSource.NetworkOf(IPAddress.Parse("2001:db8::ffff")), false));
        Assert.Null(throttle.TryBegin("one-more", SignInSource.NetworkOf(IPAddress.Parse("2001:db8:0:1::1")), false));
    }

    [Fact]
    public void A_name_tried_from_everywhere_has_to_wait()
    {
        var throttle = new SignInThrottle(time);

        for (var from = 0; from < SignInThrottle.FreePerName; from++)
            Assert.Null(throttle.TryBegin("alice", $"10.0.{from >> 8}.{from & 255}", false));

        Assert.NotNull(throttle.TryBegin("alice", "192.0.2.9", false));
    }

    [Fact]
    public void Success_forgets_the_typos_and_counts_for_nothing()
    {
        var throttle = new SignInThrottle(time);
        for (var day = 0; day < 200; day++)
        {
            for (var typo = 0; typo < 3; typo++)
                Assert.Null(throttle.TryBegin("alice", "127.0.0.1", false));
            Assert.Null(throttle.TryBegin("alice", "127.0.0.1", false));
            throttle.Succeeded("alice", "127.0.0.1", false);
            time.Advance(TimeSpan.FromMinutes(16));
        }
        for (var use = 0; use < 1000; use++)
        {
            Assert.Null(throttle.TryBegin("bob", "127.0.0.1", false));
            throttle.Succeeded("bob", "127.0.0.1", false);
        }
    }

    [Fact]
    public void Memory_is_bounded_whatever_names_are_tried()
    {
        var throttle = new SignInThrottle(time);

        for (var name = 0; name < 30_000; name++)
            throttle.TryBegin($"user-{name}", $"10.0.{name >> 8}.{name & 255}", false);

        Assert.InRange(throttle.Counters, 1, SignInThrottle.MostCounters);
    }

    [Fact]
    public void A_source_the_user_signed_in_from_before_is_held_up_by_nobody_elses_guesses()
    {
        var throttle = new SignInThrottle(time);
        for (var guess = 0; guess < 105; guess++)
            throttle.TryBegin("admin", $"10.0.0.{guess}", false);
        for (var name = 0; name < 200; name++)
            throttle.TryBegin($"user-{name}", "192.0.2.1", false);

        Assert.NotNull(throttle.TryBegin("admin", "192.0.2.2", false));
        Assert.NotNull(throttle.TryBegin("bob", "192.0.2.1", false));
        Assert.Null(throttle.TryBegin("admin", "192.0.2.1", true));
    }

    [Fact]
    public void Whoever_shares_a_known_source_holds_it_up_for_seconds_at_most()
    {
        var throttle = new SignInThrottle(time);
        for (var guess = 0; guess < 1000; guess++)
        {
            throttle.TryBegin("admin", "192.0.2.1", true);
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.InRange(throttle.TryBegin("admin", "192.0.2.1", true)!.Value, TimeSpan.FromSeconds(1), SignInThrottle.LongestWaitOfKnown);
    }

    [Fact]
    public void What_many_share_is_slowed_and_never_shut()
    {
        var throttle = new SignInThrottle(time);
        for (var guess = 0; guess < 5000; guess++)
            throttle.TryBegin("admin", $"10.0.{guess >> 8}.{guess & 255}", false);

        var wait = throttle.TryBegin("admin", "192.0.2.2", false)!.Value;
        time.Advance(wait);

        Assert.InRange(wait, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        Assert.Null(throttle.TryBegin("admin", "192.0.2.2", false));
    }

    [Fact]
    public void An_attempt_that_found_no_place_counts_for_nothing()
    {
        var throttle = new SignInThrottle(time);
        for (var crowded = 0; crowded < 500; crowded++)
        {
            Assert.Null(throttle.TryBegin("alice", "192.0.2.1", false));
            throttle.NotTried("alice", "192.0.2.1", false);
        }

        Assert.Equal(0, throttle.Counters);
    }
}
