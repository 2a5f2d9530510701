using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PxBackup.Silo;

/// <summary>This process. Section <c>Silo</c>.</summary>
internal sealed class SiloOptions
{
    public const string Section = "Silo";

    /// <summary>Where the records, keys and users rest; made with mode 0700.</summary>
    [Required]
    public string DataDirectory { get; set; } = "data";

    /// <summary>Port between silos, on loopback only; 0 takes a free one, since nobody else connects to it on one machine.</summary>
    [Range(0, 65535)]
    public int Port { get; set; }

    /// <summary>How long a stop may take before what is left is cut off. 10 s: the records are safe at any point, the rest is courtesy.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>Refuses a start with settings that cannot work.</summary>
[OptionsValidator]
internal sealed partial class SiloOptionsValidation : IValidateOptions<SiloOptions>;
