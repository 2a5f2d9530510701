using System.Net;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

public class EndpointPolicyTests
{
    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.170.2")]
    [InlineData("169.254.0.1")]
    [InlineData("100.100.100.200")]
    [InlineData("168.63.129.16")]
    [InlineData("192.0.0.192")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.250")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("febf::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd00:ec2::23")]
    [InlineData("fd20:ce::254")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::ffff:0.0.0.0")]
    [InlineData("::ffff:224.0.0.1")]
    [InlineData("::169.254.169.254")]
    [InlineData("::ffff:0:169.254.169.254")]
    [InlineData("64:ff9b::169.254.169.254")]
    [InlineData("64:ff9b:1::169.254.169.254")]
    [InlineData("2002:a9fe:a9fe::1")]
    public void An_address_that_is_never_a_cluster_is_denied_whatever_the_options(string address)
    {
        var policy = new EndpointPolicy(new EndpointPolicyOptions { AllowLoopback = true, AllowPrivate = true });

        var denied = Assert.Throws<EndpointDeniedException>(() => policy.Check("name.example.com", IPAddress.Parse(address)));

        Assert.Equal("name.example.com", denied.Host);
        Assert.Equal(IPAddress.Parse(address), denied.Address);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.0.9")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::127.0.0.1")]
    public void This_machine_is_denied_unless_allowed(string address)
    {
        Assert.False(new EndpointPolicy(new EndpointPolicyOptions()).Allows(IPAddress.Parse(address)));
        Assert.True(new EndpointPolicy(new EndpointPolicyOptions { AllowLoopback = true }).Allows(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("100.64.0.1")]
    [InlineData("fd12:3456::1")]
    [InlineData("::ffff:10.0.0.1")]
    public void A_private_address_is_allowed_unless_denied(string address)
    {
        Assert.True(new EndpointPolicy(new EndpointPolicyOptions()).Allows(IPAddress.Parse(address)));
        Assert.False(new EndpointPolicy(new EndpointPolicyOptions { AllowPrivate = false }).Allows(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("172.32.0.1")]
    [InlineData("169.253.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("2002:808:808::1")]
    public void A_public_address_is_allowed(string address) =>
        Assert.True(new EndpointPolicy(new EndpointPolicyOptions { AllowPrivate = false }).Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://127.1", "127.0.0.1")]
    [InlineData("https://2130706433", "127.0.0.1")]
    [InlineData("https://0x7f000001", "127.0.0.1")]
    [InlineData("https://0177.0.0.1", "127.0.0.1")]
    [InlineData("https://0251.0376.0251.0376", "169.254.169.254")]
    [InlineData("https://2852039166", "169.254.169.254")]
    [InlineData("https://0xa9.0xfe.0xa9.0xfe", "169.254.169.254")]
    [InlineData("https://169.254.169.254", "169.254.169.254")]
    [InlineData("https://0.0.0.0", "0.0.0.0")]
    [InlineData("https://0", "0.0.0.0")]
    [InlineData("https://[::1]", "::1")]
    [InlineData("https://[::ffff:169.254.169.254]", "::ffff:169.254.169.254")]
    [InlineData("https://[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254")]
    [InlineData("https://[fd00:ec2::254]", "fd00:ec2::254")]
    [InlineData("https://[fe80::1]", "fe80::1")]
    public async Task An_odd_spelling_of_a_forbidden_server_is_denied_when_connecting(string server, string address)
    {
        await using var cluster = Clusters.Open(new ClusterEndpoint { Server = new Uri(server + ":6443"), User = ClusterUser.FromToken("t") }, new EndpointPolicyOptions());

        var failure = await Assert.ThrowsAsync<ClusterException>(() => cluster.ProbeAsync(TestContext.Current.CancellationToken));

        Assert.Equal(ClusterFailure.EndpointDenied, failure.Cause);
        Assert.Contains(IPAddress.Parse(address).ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_is_judged_by_the_address_it_resolves_to()
    {
        await using var cluster = Clusters.Open(new ClusterEndpoint { Server = new Uri("https://localhost:6443"), User = ClusterUser.FromToken("t") }, new EndpointPolicyOptions());

        var failure = await Assert.ThrowsAsync<ClusterException>(() => cluster.ProbeAsync(TestContext.Current.CancellationToken));

        Assert.Equal(ClusterFailure.EndpointDenied, failure.Cause);
    }
}
