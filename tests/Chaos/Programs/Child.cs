using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PxBackup.Chaos.Programs;

/// <summary>A program as a child. What it says goes straight to its file, so that nothing is lost whoever dies first.</summary>
internal sealed partial class Child : IAsyncDisposable
{
    private const int SigTerm = 15, SigCont = 18, SigStop = 19;
    private readonly Process _program;
    private readonly Guard _guard;

    private Child(Process program, Guard guard, string logFile) => (_program, _guard, LogFile, Pid) = (program, guard, logFile, program.Id);

    public int Pid { get; }

    public string LogFile { get; }

    /// <summary>It was ended on purpose, by a signal from here.</summary>
    public bool WasEnded { get; private set; }

    public bool HasEnded => _program.HasExited;

    /// <summary>137 after SIGKILL.</summary>
    public int ExitCode => _program.ExitCode;

    /// <summary>Ends when the program has ended.</summary>
    public Task Ended => _program.WaitForExitAsync(CancellationToken.None);

    public static Child Start(Guard guard, string logFile, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(logFile)!);
        // The shell is replaced by the program, which keeps its pid.
        var start = new ProcessStartInfo("sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", logFile, .. command]);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var program = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} could not be started");
        guard.Add(program.Id);
        return new Child(program, guard, logFile);
    }

    /// <summary>Ends it as <c>kill -9</c> does; true when it was still there.</summary>
    public async Task<bool> KillAsync()
    {
        if (_program.HasExited)
            return false;
        WasEnded = true;
        _program.Kill();
        await Ended;
        return ExitCode == 137;
    }

    /// <summary>Asks it to stop; returns how long it took, null when it did not within the limit (then it is killed).</summary>
    public async Task<TimeSpan?> StopAsync(TimeSpan limit)
    {
        if (_program.HasExited)
            return TimeSpan.Zero;
        var (since, ended) = (Stopwatch.StartNew(), Ended);
        WasEnded = true;
        Signal(SigTerm);
        if (await Task.WhenAny(ended, Task.Delay(limit)) == ended)
            return since.Elapsed;
        await KillAsync();
        return null;
    }

    /// <summary>Stops it in the middle of whatever it does (SIGSTOP); true when the kernel says that it stands.</summary>
    public async Task<bool> PauseAsync()
    {
        if (_program.HasExited)
            return false;
        Signal(SigStop);
        await Task.Delay(20);
        try
        {
            var stat = File.ReadAllText($"/proc/{Pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is 'T' or 't';
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Lets it go on (SIGCONT).</summary>
    public void Continue()
    {
        if (!_program.HasExited)
            Signal(SigCont);
    }

    /// <summary>Resident memory in MiB, open files, threads; null when it is gone.</summary>
    public (long Rss, int Files, int Threads)? Measure()
    {
        try
        {
            var lines = File.ReadAllLines($"/proc/{Pid}/status");
            return (Number("VmRSS:") / 1024, Directory.GetFiles($"/proc/{Pid}/fd").Length, (int)Number("Threads:"));

            long Number(string name) => long.Parse(lines.First(line => line.StartsWith(name, StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The last lines it said.</summary>
    public string LastLines(int count = 15) => File.Exists(LogFile) ? string.Join(Environment.NewLine, File.ReadLines(LogFile).TakeLast(count)) : "";

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _guard.Remove(Pid);
        _program.Dispose();
    }

    private void Signal(int signal) => _ = Kill(Pid, signal);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
