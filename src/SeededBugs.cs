#if SEEDED_BUGS
namespace PxBackup;

/// <summary>
/// Mistakes that somebody could make, for showing that the tests find them (<c>build.sh bugs</c>). Compiled into the configuration
/// SeededBugs only; the product never contains them. One at a time, named by the environment.
/// </summary>
internal static class SeededBugs
{
    private static readonly string Active = Environment.GetEnvironmentVariable("PXBACKUP_SEEDED_BUG") ?? "";

    /// <summary>This one is to be made.</summary>
    public static bool Is(string name) => Active == name;
}
#endif
