using System.Diagnostics;

namespace PxBackup.Benchmarks.Running;

/// <summary>Where this program was built from.</summary>
internal static class Repository
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Release or Debug, as this program was built.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary>The commit that is checked out, with a + where files differ from it; empty outside of git.</summary>
    public static string Commit()
    {
        var (head, changes) = (Git("rev-parse", "--short", "HEAD"), Git("status", "--porcelain", "--untracked-files=no"));
        return changes.Length > 0 ? head + "+" : head;
    }

    private static string Git(params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root };
            foreach (var argument in arguments)
                start.ArgumentList.Add(argument);
            using var git = Process.Start(start)!;
            var answer = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? answer : "";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return ""; // No git here: the figures are as good without.
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "PxBackup.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"there is no PxBackup.sln above {AppContext.BaseDirectory}: run from a build of the repository");
    }
}
