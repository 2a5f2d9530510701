using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// Where a sign-in comes from: the connection's address or, where that is a trusted proxy's, the right-most address in the forwarding header
/// that is none. What stands left of it was written by somebody who is not trusted, the client itself for one.
/// </summary>
internal sealed class SignInSource
{
    // Proxies in a row; more are nobody's.
    private const int MaxHops = 16;

    private readonly IPNetwork[] trusted;
    private readonly bool isForwarded;

    public SignInSource(IOptions<IdentityOptions> options)
    {
        trusted = Parse(options.Value.TrustedProxies) ?? [];
        isForwarded = options.Value.ForwardedHeader.Equals("Forwarded", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The networks of a list such as <c>10.0.0.0/8, 192.0.2.7</c>; null if one is none.</summary>
    public static IPNetwork[]? Parse(string list)
    {
        var networks = new List<IPNetwork>();
        foreach (var part in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (IPNetwork.TryParse(part, out var network))
                networks.Add(network);
            else if (IPAddress.TryParse(part, out var address))
                networks.Add(new(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
            else
                return null;
        }
        return [.. networks];
    }

    public IPAddress? Of(HttpContext context)
    {
        var source = Plain(context.Connection.RemoteIpAddress);
        if (source is null || trusted.Length == 0 || !IsTrusted(source))
            return source;
        var lines = isForwarded ? context.Request.Headers["Forwarded"] : context.Request.Headers["X-Forwarded-For"];
        // Read as one list, as if there were one line (RFC 7239, section 7.1).
        var hops = lines.ToString().Split(',', StringSplitOptions.TrimEntries);
        foreach (var hop in hops.Reverse().Take(MaxHops))
        {
            // What is no address says nothing, and nothing left of it counts.
            if (Plain(AddressOf(isForwarded ? ForOf(hop) : hop)) is not { } address)
                return source;
            source = address;
            if (!IsTrusted(address))
                return source;
        }
        return source;
    }

    /// <summary>By whom attempts are counted. IPv6 by /64: whoever has one address there has them all.</summary>
    public static string NetworkOf(IPAddress? address) => address is null ? "?"
        : address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes(), 0, 8) : address.ToString();

    /// <summary>The neighbourhood: IPv4 by /24, IPv6 by /48. Of two who wait for the same thing, the one whose neighbours wait less goes first.</summary>
    public static string NeighbourhoodOf(IPAddress? address) => address is null ? "?"
        : Convert.ToHexString(address.GetAddressBytes(), 0, address.AddressFamily == AddressFamily.InterNetworkV6 ? 6 : 3);

    private static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;

    private bool IsTrusted(IPAddress address)
    {
        foreach (var network in trusted)
        {
            if (network.Contains(address))
                return true;
        }
        return false;
    }

    // for=192.0.2.1;proto=https, for="[2001:db8::1]:1234"
    private static string ForOf(string element)
    {
        foreach (var pair in element.Split(';', StringSplitOptions.TrimEntries))
        {
            if (pair.StartsWith("for=", StringComparison.OrdinalIgnoreCase))
                return pair[4..].Trim('"');
        }
        return "";
    }

    private static IPAddress? AddressOf(string text)
    {
        // An IPv6 address has many colons; one colon divides an IPv4 address from its port.
        if (text.StartsWith('[') && text.IndexOf(']', StringComparison.Ordinal) is > 0 and var end)
            text = text[1..end];
        else if (text.Count(character => character == ':') == 1)
            text = text[..text.IndexOf(':', StringComparison.Ordinal)];
        return IPAddress.TryParse(text, out var address) ? address : null;
    }
}
