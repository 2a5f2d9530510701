namespace PxBackup.Stork;

/// <summary>Which addresses may be connected to. Metadata services, unspecified, multicast and broadcast addresses never may.</summary>
public sealed class EndpointPolicyOptions
{
    /// <summary>Allows 127.0.0.0/8 and ::1. Off unless everything runs on one machine.</summary>
    public bool AllowLoopback { get; set; }

    /// <summary>Allows private networks (RFC 1918, 100.64.0.0/10, fc00::/7). On: clusters mostly live there.</summary>
    public bool AllowPrivate { get; set; } = true;
}

/// <summary>An address was refused by the endpoint policy.</summary>
public sealed class EndpointDeniedException(string host, System.Net.IPAddress address, string why)
    : Exception($"The address {address} of host '{host}' may not be connected to: {why}.")
{
    /// <summary>The host as it was given.</summary>
    public string Host { get; } = host;

    /// <summary>The address it resolved to.</summary>
    public System.Net.IPAddress Address { get; } = address;
}
