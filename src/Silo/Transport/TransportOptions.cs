using System.ComponentModel.DataAnnotations;

namespace PxBackup.Silo.Transport;

/// <summary>How silos and gateways know each other. Section <c>Transport</c>; of no effect where one process is everything.</summary>
internal sealed class TransportOptions
{
    public const string Section = "Transport";

    /// <summary>Environment variable that holds the installation's transport keys as base64, the one in use first, separated by commas.</summary>
    public const string Variable = "PXBACKUP_TRANSPORT_KEY";

    /// <summary>Directory of the file <c>transport-key</c>.</summary>
    public string Directory { get; set; } = "";

    /// <summary>Keys from the environment; the file does not count then. Default: the value of <see cref="Variable"/>.</summary>
    public string? Keys { get; set; } = Environment.GetEnvironmentVariable(Variable);

    /// <summary>Whether connections prove who they are.</summary>
    [EnumDataType(typeof(TransportSecurity))]
    public TransportSecurity Security { get; set; } = TransportSecurity.Tls;

    /// <summary>Other machines may reach this silo's ports although <see cref="Security"/> is <see cref="TransportSecurity.None"/>.</summary>
    public bool Insecure { get; set; }

    /// <summary>
    /// Time for a connection's handshake. 5 s: an honest one takes some milliseconds, on a starved machine a second; whoever says nothing
    /// holds a slot no longer than that.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.5", "00:01:00")]
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Connections of one process that are in their handshake at once; more are closed on arrival. 128: hundreds of silos and gateways come back at
    /// once by repeating, and so many cost below 10 MiB.
    /// </summary>
    [Range(1, 10_000)]
    public int MaxHandshakes { get; set; } = 128;
}

/// <summary>What a connection between silos and gateways is.</summary>
internal enum TransportSecurity
{
    /// <summary>TLS 1.3; both sides show that they hold the installation's transport key.</summary>
    Tls,

    /// <summary>Plain text without any proof: whoever reaches the ports acts as the control plane itself. For upgrades from builds before this setting, and for measurements.</summary>
    None,
}
