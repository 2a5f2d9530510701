using System.Diagnostics;

namespace PxBackup.Chaos.Programs;

/// <summary>
/// Ends every program that was started here, also when this one is killed: a shell of its own keeps the list of pids (with their
/// start times, since a pid may be used again) and kills what is on it as soon as its input ends.
/// </summary>
internal sealed class Guard : IAsyncDisposable
{
    private const string Script = """
        trap '' INT TERM HUP
        declare -A there
        while read -r op pid at; do
          if [ "$op" = + ]; then there[$pid]=$at; else unset "there[$pid]"; fi
        done
        for pid in "${!there[@]}"; do
          at=$(sed -n 's/.*) //p' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20)
          [ "$at" != "${there[$pid]}" ] || kill -KILL "$pid" 2>/dev/null
        done
        """;

    private readonly Process _shell;
    private readonly Lock _gate = new();

    private Guard(Process shell) => _shell = shell;

    public static Guard Start() => new(Process.Start(new ProcessStartInfo("bash", ["-c", Script]) { RedirectStandardInput = true })
        ?? throw new InvalidOperationException("bash could not be started"));

    /// <summary>Puts a program on the list.</summary>
    public void Add(int pid) => Tell($"+ {pid} {StartOf(pid)}");

    /// <summary>Takes an ended one off.</summary>
    public void Remove(int pid) => Tell($"- {pid}");

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync(CancellationToken.None);
        _shell.Dispose();
    }

    /// <summary>Field 22 of /proc/PID/stat, counted behind the name, which may hold blanks; empty for one that is gone.</summary>
    private static string StartOf(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (IOException)
        {
            return "";
        }
    }

    private void Tell(string line)
    {
        lock (_gate)
        {
            _shell.StandardInput.WriteLine(line);
            _shell.StandardInput.Flush();
        }
    }
}
