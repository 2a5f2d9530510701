using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace PxBackup.Silo;

/// <summary>This process. Section <c>Silo</c>.</summary>
internal sealed class SiloOptions
{
    public const string Section = "Silo";

    /// <summary>Where the records of one machine, keys and users rest; made with mode 0700.</summary>
    [Required]
    public string DataDirectory { get; set; } = "data";

    /// <summary>
    /// IP address at which other silos and the gateways reach this silo, and the only one it listens on. Loopback unless said otherwise:
    /// who may join proves it by the transport key, and still need not be let near.
    /// </summary>
    [Required]
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>Port between silos; 0 takes a free one. Default 11111, Orleans' own.</summary>
    [Range(0, 65535)]
    public int Port { get; set; } = 11111;

    /// <summary>
    /// Port of <see cref="Address"/> on which this silo listens for others when they reach it at <see cref="Port"/> by way of a proxy or a port
    /// mapping; 0 (the default) listens on <see cref="Port"/> itself.
    /// </summary>
    [Range(0, 65535)]
    public int ListenPort { get; set; }

    /// <summary>Port for the gateways; 0 takes a free one. Default 30000, Orleans' own.</summary>
    [Range(0, 65535)]
    public int ClientPort { get; set; } = 30000;

    /// <summary>Port of a silo's probes and metrics (<c>/healthz/live</c>, <c>/healthz/ready</c>, <c>/metrics</c>); 0 takes a free one. A gateway has them on its REST port.</summary>
    [Range(0, 65535)]
    public int ProbePort { get; set; } = 10003;

    /// <summary>Name of the installation: silos and gateways of the same name in the same database find each other.</summary>
    [Required, RegularExpression("^[A-Za-z0-9._-]{1,64}$", ErrorMessage = "Silo:ClusterId must be 1 to 64 letters, digits, '.', '_' or '-'")]
    public string ClusterId { get; set; } = "pxbackup";

    /// <summary>
    /// How long a stop waits for what is under way before it is cut off: the records are safe at any point, the rest is courtesy. 8 s, so
    /// that the process has ended within ten.
    /// </summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(8);

    /// <summary>How soon silos that do not answer are given up.</summary>
    [ValidateObjectMembers]
    public LivenessOptions Liveness { get; set; } = new();
}

/// <summary>How soon silos that do not answer are given up. Section <c>Silo:Liveness</c>; docs/performance.md has the measurements.</summary>
internal sealed class LivenessOptions
{
    /// <summary>Wait for the answer to a probe, and the time between two. Orleans extends it up to four times when answers are slow. 0.6 s: with three missed a killed silo is given up after about 2 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromMilliseconds(600);

    /// <summary>Missed probes in a row after which a silo votes against another.</summary>
    [Range(1, 20)]
    public int MissedProbes { get; set; } = 3;

    /// <summary>Votes that give a silo up; never more than there are others.</summary>
    [Range(1, 10)]
    public int Votes { get; set; } = 2;
}

/// <summary>Refuses a start with settings that cannot work.</summary>
[OptionsValidator]
internal sealed partial class SiloOptionsAttributes : IValidateOptions<SiloOptions>;

/// <summary>What attributes cannot say; each message names the setting and the cure.</summary>
internal sealed class SiloOptionsRules : IValidateOptions<SiloOptions>
{
    public ValidateOptionsResult Validate(string? name, SiloOptions options)
    {
        if (!IPAddress.TryParse(options.Address, out var address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            return ValidateOptionsResult.Fail($"Silo:Address is '{options.Address}', it must be one IP address of this machine, at which the others reach it");
        if (options.Liveness.ProbeTimeout < TimeSpan.FromMilliseconds(100) || options.Liveness.ProbeTimeout > TimeSpan.FromMinutes(1))
            return ValidateOptionsResult.Fail($"Silo:Liveness:ProbeTimeout is {options.Liveness.ProbeTimeout}, it must be 0.1 second to 1 minute");
        return ValidateOptionsResult.Success;
    }
}
