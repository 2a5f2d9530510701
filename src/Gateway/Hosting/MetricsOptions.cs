using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Hosting;

/// <summary>What the process measures of itself, and for whom. Section <c>Metrics</c>.</summary>
public sealed class MetricsOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Metrics";

    /// <summary>The name of the service in what is measured, unless another is given.</summary>
    public const string DefaultServiceName = "pxbackup";

    /// <summary>Whether <c>/metrics</c> answers. It needs no sign-in and tells counts and times, never names of objects; closed where scrapers must not see even that.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>The <c>service.name</c> of all metrics (in Prometheus' form the label <c>service_name</c> of <c>target_info</c>).</summary>
    [Required, RegularExpression("^[A-Za-z0-9._-]{1,64}$", ErrorMessage = "Metrics:ServiceName must be 1 to 64 letters, digits, '.', '_' or '-'")]
    public string ServiceName { get; set; } = DefaultServiceName;
}

/// <summary>Refuses a start with settings that cannot work.</summary>
[OptionsValidator]
internal sealed partial class MetricsOptionsValidation : IValidateOptions<MetricsOptions>;
