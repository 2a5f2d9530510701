using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Lists;

/// <summary>How large answers of lists may be. Section <c>Lists</c>.</summary>
public sealed class ListLimits
{
    /// <summary>The section's name.</summary>
    public const string Section = "Lists";

    /// <summary>
    /// Largest answer of one list in bytes of its binary form; a longer list ends there with <c>complete</c> false. 32 MiB: some 16,000
    /// backups of 2 KiB. An installation whose clients take no more than gRPC's default 4 MiB sets 4 MiB, and they page.
    /// </summary>
    [Range(64 * 1024, 1024 * 1024 * 1024)]
    public int MaxBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// Bytes of all answers together that are gathered or on their way at one time. 128 MiB: in memory an object takes two to four times its
    /// binary form. One user gets half of it at most.
    /// </summary>
    [Range(1024 * 1024, int.MaxValue)]
    public int MaxBytesAtOnce { get; set; } = 128 * 1024 * 1024;

    /// <summary>How long a list waits for its share of <see cref="MaxBytesAtOnce"/>. 10 s: others' lists are usually taken within one.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>Refuses a start with settings that cannot work.</summary>
[OptionsValidator]
internal sealed partial class ListLimitsAttributes : IValidateOptions<ListLimits>;

/// <summary>What attributes cannot say.</summary>
internal sealed class ListLimitsRules : IValidateOptions<ListLimits>
{
    public ValidateOptionsResult Validate(string? name, ListLimits options)
    {
        if (options.MaxBytesAtOnce / 2 < options.MaxBytes)
            return ValidateOptionsResult.Fail($"Lists:MaxBytesAtOnce is {options.MaxBytesAtOnce}, it must be at least twice Lists:MaxBytes ({options.MaxBytes}): one user gets half of it");
        return options.MaxWait < TimeSpan.Zero || options.MaxWait > TimeSpan.FromMinutes(5)
            ? ValidateOptionsResult.Fail($"Lists:MaxWait is {options.MaxWait}, it must be 0 to 5 minutes")
            : ValidateOptionsResult.Success;
    }
}
