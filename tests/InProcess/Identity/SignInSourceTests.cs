using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class SignInSourceTests
{
    [Theory]
    [InlineData("", "192.0.2.9", "198.51.100.1", "192.0.2.9")]                              // Nobody is trusted: the header is the client's own.
    [InlineData("10.0.0.0/8", "192.0.2.9", "198.51.100.1", "192.0.2.9")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1")]         // What stands left of the first stranger, that stranger wrote.
    [InlineData("10.0.0.0/8, 192.0.2.7", "10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "10.7.7.7", "10.7.7.7")]                          // Only proxies: the first of them.
    [InlineData("10.0.0.0/8", "10.1.2.3", "", "10.1.2.3")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.1, rubbish", "10.1.2.3")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.1, unknown, 10.4.4.4", "10.4.4.4")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.0.0.0/8", "10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1")]
    [InlineData("2001:db8:1::/48", "2001:db8:1::5", "2001:db8::1", "2001:db8::1")]
    public void The_right_most_address_that_is_no_trusted_proxys_counts(string trusted, string connection, string header, string expected) =>
        Assert.Equal(IPAddress.Parse(expected), Of(trusted, "X-Forwarded-For", connection, ("X-Forwarded-For", header)));

    [Theory]
    [InlineData("for=198.51.100.1", "198.51.100.1")]
    [InlineData("for=1.1.1.1, for=198.51.100.1;proto=https;by=10.1.1.1", "198.51.100.1")]
    [InlineData("proto=https; For=\"[2001:db8::1]:4711\"", "2001:db8::1")]
    [InlineData("for=198.51.100.1, for=_hidden", "10.1.2.3")]
    [InlineData("for=198.51.100.1, proto=https", "10.1.2.3")]
    public void The_standard_header_is_read_where_it_is_the_one_named(string header, string expected)
    {
        Assert.Equal(IPAddress.Parse(expected), Of("10.0.0.0/8", "Forwarded", "10.1.2.3", ("Forwarded", header), ("X-Forwarded-For", "203.0.113.1")));
        Assert.Equal(IPAddress.Parse("203.0.113.1"), Of("10.0.0.0/8", "x-forwarded-for", "10.1.2.3", ("Forwarded", header), ("X-Forwarded-For", "203.0.113.1")));
    }

    [Fact]
    public void A_chain_without_end_is_followed_for_a_while_only() =>
        Assert.Equal(IPAddress.Parse("10.0.0.1"), Of("10.0.0.0/8", "X-Forwarded-For", "10.1.2.3", ("X-Forwarded-For", "198.51.100.1," + string.Join(',', Enumerable.Repeat("10.0.0.1", 5000)))));

    [Theory, InlineData("10.0.0.0/33"), InlineData("proxy.example"), InlineData("10.0.0.0/8; 10.0.0.1")]
    public void What_is_no_network_stops_the_start(string networks)
    {
        var result = new IdentityOptionsValidation().Validate(null, new IdentityOptions { TrustedProxies = networks });

        Assert.Contains("Identity:TrustedProxies", result.FailureMessage, StringComparison.Ordinal);
        Assert.Contains("Identity:ForwardedHeader", new IdentityOptionsValidation().Validate(null, new IdentityOptions { ForwardedHeader = "X-Real-IP" }).FailureMessage, StringComparison.Ordinal);
    }

    private static IPAddress? Of(string trusted, string header, string connection, params (string Name, string Value)[] headers)
    {
        var context = new DefaultHttpContext { Connection = { RemoteIpAddress = IPAddress.Parse(connection) } };
        foreach (var (name, value) in headers)
            context.Request.Headers[name] = value;
        return new SignInSource(Options.Create(new IdentityOptions { TrustedProxies = trusted, ForwardedHeader = header })).Of(context);
    }
}
