namespace PxBackup.Gateway.Rest;

/// <summary>Limits of the REST edge.</summary>
public sealed class RestGatewayOptions
{
    /// <summary>Where the values stand in the configuration.</summary>
    public const string Section = "Rest";

    /// <summary>
    /// The largest request message in bytes of its binary form, as gRPC counts it, whatever form it came in; a larger one is answered with
    /// ResourceExhausted (429, code 8), as a gRPC server answers it. Default 4 MiB, gRPC's own.
    /// </summary>
    public int MaxMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// The largest request body in bytes as it came. Default 8 MiB, twice the message: base64, names and marks make JSON at most that much
    /// larger than what it says, unless it is written to be large.
    /// </summary>
    public int MaxBodyBytes { get; set; } = 8 * 1024 * 1024;
}
