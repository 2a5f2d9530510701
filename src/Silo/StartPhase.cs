namespace PxBackup.Silo;

/// <summary>Whether the process is still starting: until it is not, failures are told by <see cref="Program"/> alone.</summary>
internal static class StartPhase
{
    private static volatile bool over;

    public static bool IsOver => over;

    public static void End() => over = true;
}
