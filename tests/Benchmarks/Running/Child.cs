using System.Diagnostics;
using System.Globalization;

namespace PxBackup.Benchmarks.Running;

/// <summary>A program of ours in a process of its own, so that its CPU and memory are its alone.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const int KeptLines = 20;
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(20);
    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<string> _firstLine = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Child(Process process) => _process = process;

    /// <summary>Processor time used so far, user and kernel; the clock ticks every 10 ms.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Resident memory in KiB.</summary>
    public long Rss => KibibytesOf("status", "VmRSS:");

    /// <summary>Largest resident memory so far in KiB.</summary>
    public long PeakRss => KibibytesOf("status", "VmHWM:");

    /// <summary>Proportional share of the memory in KiB: files mapped by several processes count in part.</summary>
    public long Pss => KibibytesOf("smaps_rollup", "Pss:");

    public int Threads => _process.Threads.Count;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a program of the solution.</summary>
    /// <param name="project">Folder of its project below the root, such as <c>src/Silo</c>.</param>
    /// <param name="assembly">Its assembly's name.</param>
    /// <param name="arguments">For the program.</param>
    public static Child Start(string project, string assembly, params IEnumerable<string> arguments)
    {
        var program = Path.Combine(Repository.Root, project, "bin", Repository.Configuration, "net10.0", assembly + ".dll");
        if (!File.Exists(program))
            throw new FileNotFoundException($"{program} is not built: ./build.sh build makes it");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} could not be started");
        var child = new Child(process);
        process.OutputDataReceived += (_, line) => child.Take(line.Data, output: true);
        process.ErrorDataReceived += (_, line) => child.Take(line.Data, output: false);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>The first line that the program prints.</summary>
    public async Task<string> FirstLineAsync()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var ended = _process.WaitForExitAsync(stop.Token);
        if (await Task.WhenAny(_firstLine.Task, ended) != _firstLine.Task)
            throw new InvalidOperationException($"the program ended or said nothing within two minutes:{Environment.NewLine}{LastLines()}");
        return await _firstLine.Task;
    }

    public string LastLines()
    {
        lock (_lastLines)
            return string.Join(Environment.NewLine, _lastLines);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var terminate = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(StopPatience));
            if (!_process.HasExited)
                _process.Kill();
        }

        _process.Dispose();
    }

    private void Take(string? line, bool output)
    {
        if (line is null)
            return;
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > KeptLines)
                _lastLines.Dequeue();
        }

        if (output)
            _firstLine.TrySetResult(line);
    }

    private long KibibytesOf(string file, string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/{file}").First(text => text.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
    }
}
