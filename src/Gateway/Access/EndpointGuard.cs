using System.Net;
using System.Net.Sockets;

namespace PxBackup.Gateway.Access;

/// <summary>Asked at connect time with the address that the name resolved to, for each address.</summary>
/// <param name="host">The name or literal address in the URL.</param>
/// <param name="address">The address about to be connected to.</param>
/// <returns>Null to connect, or why not (goes to the log, never to a client).</returns>
public delegate string? EndpointGuard(string host, IPAddress address);

/// <summary>Endpoint rules for the issuer.</summary>
public static class EndpointGuards
{
    private static readonly IPAddress Ec2MetadataV6 = IPAddress.Parse("fd00:ec2::254");

    /// <summary>
    /// Refuses what can never be an identity provider: link-local addresses (cloud metadata lives there), unspecified,
    /// broadcast and multicast. Loopback and private networks stay open: the operator names the issuer, and in a cluster it is there.
    /// </summary>
    public static string? RefuseMetadataAndMulticast(string host, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            var bytes = address.GetAddressBytes();
            return bytes switch
            {
                [169, 254, ..] => "link-local address (cloud metadata)",
                [0, ..] => "unspecified address",
                [>= 224, ..] => "multicast or reserved address",
                _ => null,
            };
        }
        if (address.IsIPv6LinkLocal || address.Equals(Ec2MetadataV6))
            return "link-local address (cloud metadata)";
        if (address.IsIPv6Multicast)
            return "multicast address";
        return address.Equals(IPAddress.IPv6Any) ? "unspecified address" : null;
    }
}
