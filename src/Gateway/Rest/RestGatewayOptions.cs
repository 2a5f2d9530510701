namespace PxBackup.Gateway.Rest;

/// <summary>Limits of the REST edge.</summary>
public sealed class RestGatewayOptions
{
    /// <summary>Where the values stand in the configuration.</summary>
    public const string Section = "Rest";

    /// <summary>
    /// The largest request body in bytes; a larger one is answered with ResourceExhausted (429, code 8), which is what a gRPC server
    /// answers to a message above its limit. Default 4 MiB, gRPC's own.
    /// </summary>
    public int MaxBodyBytes { get; set; } = 4 * 1024 * 1024;
}
