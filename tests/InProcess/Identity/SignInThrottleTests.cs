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
            if (throttle.TryBegin("alice", IPAddress.Loopback) is { } wait)
            {
                waits.Add(wait.TotalSeconds);
                time.Advance(wait);
                Assert.Null(throttle.TryBegin("alice", IPAddress.Loopback));
            }
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], waits);
    }

    [Fact]
    public void Others_are_not_held_up_by_one_who_guesses()
    {
        var throttle = new SignInThrottle(time);
        for (var guess = 0; guess < 20; guess++)
            throttle.TryBegin("alice", IPAddress.Parse("192.0.2.1"));

        Assert.NotNull(throttle.TryBegin("alice", IPAddress.Parse("192.0.2.1")));
        Assert.Null(throttle.TryBegin("alice", IPAddress.Parse("192.0.2.2")));
        Assert.Null(throttle.TryBegin("bob", IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void An_address_that_tries_many_names_has_to_wait()
    {
        var throttle = new SignInThrottle(time);

        for (var name = 0; name < SignInThrottle.FreePerAddress; name++)
            Assert.Null(throttle.TryBegin($"user-{name}", IPAddress.Parse($"2001:db8::{name + 1:x}")));

        Assert.NotNull(throttle.TryBegin("one-more", IPAddress.Parse("2001:db8::ffff")));
        Assert.Null(throttle.TryBegin("one-more", IPAddress.Parse("2001:db8:0:1::1")));
    }

    [Fact]
    public void A_name_tried_from_everywhere_has_to_wait()
    {
        var throttle = new SignInThrottle(time);

        for (var from = 0; from < SignInThrottle.FreePerName; from++)
            Assert.Null(throttle.TryBegin("alice", new([10, 0, (byte)(from >> 8), (byte)from])));

        Assert.NotNull(throttle.TryBegin("alice", IPAddress.Parse("192.0.2.9")));
    }

    [Fact]
    public void Success_forgets_the_typos_and_counts_for_nothing()
    {
        var throttle = new SignInThrottle(time);
        for (var day = 0; day < 200; day++)
        {
            for (var typo = 0; typo < 3; typo++)
                Assert.Null(throttle.TryBegin("alice", IPAddress.Loopback));
            Assert.Null(throttle.TryBegin("alice", IPAddress.Loopback));
            throttle.Succeeded("alice", IPAddress.Loopback);
            time.Advance(TimeSpan.FromMinutes(16));
        }
        for (var use = 0; use < 1000; use++)
        {
            Assert.Null(throttle.TryBegin("bob", IPAddress.Loopback));
            throttle.Succeeded("bob", IPAddress.Loopback);
        }
    }

    [Fact]
    public void Memory_is_bounded_whatever_names_are_tried()
    {
        var throttle = new SignInThrottle(time);

        for (var name = 0; name < 30_000; name++)
            throttle.TryBegin($"user-{name}", new([10, 0, (byte)(name >> 8), (byte)name]));

        Assert.InRange(throttle.Counters, 1, SignInThrottle.MostCounters);
    }
}
