using System.Net;
using System.Net.Sockets;

namespace PxBackup.Stork;

/// <summary>Decides on the resolved address, right before a connection is made, so that no name and no later DNS answer gets around it.</summary>
public sealed class EndpointPolicy(EndpointPolicyOptions options)
{
    private static readonly (IPNetwork Network, string Why)[] AlwaysDenied =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "it is the unspecified network"),
        (IPNetwork.Parse("169.254.0.0/16"), "it is link-local, where metadata services live"),
        (IPNetwork.Parse("100.100.100.200/32"), "it is a metadata service"),
        (IPNetwork.Parse("168.63.129.16/32"), "it is a platform service of a cloud"),
        (IPNetwork.Parse("192.0.0.0/24"), "it is reserved for protocols, metadata services among them"),
        (IPNetwork.Parse("224.0.0.0/4"), "it is multicast"),
        (IPNetwork.Parse("240.0.0.0/4"), "it is reserved or broadcast"),
        (IPNetwork.Parse("::/128"), "it is the unspecified address"),
        (IPNetwork.Parse("fe80::/10"), "it is link-local"),
        (IPNetwork.Parse("fec0::/10"), "it is site-local, long deprecated"),
        (IPNetwork.Parse("ff00::/8"), "it is multicast"),
        (IPNetwork.Parse("fd00:ec2::/32"), "it is a metadata service"),
        (IPNetwork.Parse("fd20:ce::254/128"), "it is a metadata service"),
    ];

    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    private static readonly IPNetwork[] Private =
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("fc00::/7"),
    ];

    // IPv6 forms that carry an IPv4 address and are routed to it: mapped, compatible, NAT64 (RFC 6052, 8215), 6to4.
    private static readonly (IPNetwork Network, int Offset)[] Embedding =
    [
        (IPNetwork.Parse("::ffff:0:0/96"), 12), (IPNetwork.Parse("::/96"), 12), (IPNetwork.Parse("::ffff:0:0:0/96"), 12),
        (IPNetwork.Parse("64:ff9b::/96"), 12), (IPNetwork.Parse("64:ff9b:1::/48"), 12), (IPNetwork.Parse("2002::/16"), 2),
    ];

    /// <summary>Returns when the address may be connected to.</summary>
    /// <param name="host">The host as it was given, for the message.</param>
    /// <param name="address">What it resolved to.</param>
    /// <exception cref="EndpointDeniedException">It may not.</exception>
    public void Check(string host, IPAddress address)
    {
        if (WhyDenied(address) is { } why)
            throw new EndpointDeniedException(host, address, why);
    }

    /// <summary>True when the address may be connected to.</summary>
    public bool Allows(IPAddress address) => WhyDenied(address) is null;

    private string? WhyDenied(IPAddress address)
    {
        if (IsIn(Loopback, address))
            return options.AllowLoopback ? null : "it is this machine itself (AllowLoopback is off)";
        foreach (var (network, why) in AlwaysDenied)
        {
            if (network.Contains(address))
                return why;
        }

        if (!options.AllowPrivate && IsIn(Private, address))
            return "it is private (AllowPrivate is off)";
        return Embedded(address) is { } inner ? WhyDenied(inner) : null;
    }

    private static IPAddress? Embedded(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return null;
        foreach (var (network, offset) in Embedding)
        {
            if (network.Contains(address))
                return new IPAddress(address.GetAddressBytes().AsSpan(offset, 4));
        }

        return null;
    }

    private static bool IsIn(IPNetwork[] networks, IPAddress address)
    {
        foreach (var network in networks)
        {
            if (network.Contains(address))
                return true;
        }

        return false;
    }
}
