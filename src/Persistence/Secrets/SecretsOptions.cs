namespace PxBackup.Persistence.Secrets;

/// <summary>Where the master keys come from.</summary>
public sealed class SecretsOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Secrets";

    /// <summary>Environment variable that holds keys as base64, the sealing one first, separated by commas.</summary>
    public const string Variable = "PXBACKUP_MASTER_KEY";

    /// <summary>Directory of the file <c>master-key</c>; made with mode 0700.</summary>
    public string Directory { get; set; } = "";

    /// <summary>Begin with an empty store although there are keys already. For one start: a store that was lost unnoticed would else look like a new installation.</summary>
    public bool StartAnew { get; set; }

    /// <summary>Keys from the environment; they come before those of the file. Default: the value of <see cref="Variable"/>.</summary>
    public string? Keys { get; set; } = Environment.GetEnvironmentVariable(Variable);
}
