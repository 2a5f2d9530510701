using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PxBackup.QuickStart;

/// <summary>How one program is started.</summary>
/// <param name="Name">What it is called in messages; its log is <c>NAME.log</c>.</param>
/// <param name="Assembly">Path of the program below the repository, without the build's folders, such as <c>src/Silo/PxBackup.Silo</c>.</param>
/// <param name="Arguments">Its command line.</param>
/// <param name="Environment">Settings and secrets.</param>
internal sealed record ProgramStart(string Name, string Assembly, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment);

/// <summary>
/// One program of the installation as a process: started, waited for, started again when it ends by itself or is killed (as a
/// supervisor such as systemd or Kubernetes does), ended by SIGTERM.
/// </summary>
internal sealed class ServerProgram : IAsyncDisposable
{
    private static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);

    // A program that ends this often in a row will not come up: somebody has to look.
    private const int FutileStarts = 5;

    private readonly ProgramStart _start;
    private readonly string _logFile;
    private readonly TextWriter _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process _program;
    private Task _watch = Task.CompletedTask;

    private ServerProgram(ProgramStart start, string logFolder)
    {
        _start = start;
        _logFile = Path.Combine(logFolder, $"{start.Name}.log");
        _log = TextWriter.Synchronized(new StreamWriter(_logFile, append: true) { AutoFlush = true });
        _program = Launch();
    }

    /// <summary>Ends when the program will not be started again.</summary>
    public Task Ended => _ended.Task;

    public int ProcessId => _program.Id;

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="start">What to start.</param>
    /// <param name="logFolder">Where its log goes.</param>
    /// <param name="isReady">Whether it answers.</param>
    /// <param name="isRestarted">Whether it is started again when it ends; else its end ends everything.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidOperationException">It ended or did not answer in time; the text holds its last lines.</exception>
    public static async Task<ServerProgram> StartAsync(ProgramStart start, string logFolder, Func<CancellationToken, Task<bool>> isReady, bool isRestarted, CancellationToken cancellationToken)
    {
        var server = new ServerProgram(start, logFolder);
        try
        {
            await server.ReadyAsync(isReady, cancellationToken);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        server._watch = server.WatchAsync(isRestarted);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch;
        if (!_program.HasExited)
        {
            using var term = Process.Start("kill", ["-TERM", $"{_program.Id}"]);
            await Task.WhenAny(_program.WaitForExitAsync(CancellationToken.None), Task.Delay(TimeSpan.FromSeconds(15), CancellationToken.None));
            if (!_program.HasExited)
                _program.Kill();
        }

        _program.Dispose();
        _stop.Dispose();
    }

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    private Process Launch()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "../../../../..", Path.GetDirectoryName(_start.Assembly)!, "bin", Configuration, "net10.0", $"{Path.GetFileName(_start.Assembly)}.dll");
        var start = new ProcessStartInfo("dotnet", [path, .. _start.Arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in _start.Environment)
            start.Environment[name] = value;
        var program = Process.Start(start) ?? throw new InvalidOperationException($"{_start.Name} could not be started");
        program.OutputDataReceived += (_, line) => _log.WriteLine(line.Data);
        program.ErrorDataReceived += (_, line) => _log.WriteLine(line.Data);
        program.BeginOutputReadLine();
        program.BeginErrorReadLine();
        return program;
    }

    private async Task WatchAsync(bool isRestarted)
    {
        try
        {
            for (var futile = 0; futile < FutileStarts; futile++)
            {
                var since = Stopwatch.StartNew();
                await _program.WaitForExitAsync(_stop.Token);
                if (!isRestarted)
                    break;
                if (since.Elapsed > TimeSpan.FromSeconds(30))
                    futile = 0;
                Console.WriteLine($"{_start.Name} ended with code {_program.ExitCode}; it is started again");
                await Task.Delay(RestartDelay, _stop.Token);
                _program.Dispose();
                _program = Launch();
            }

            _ended.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            // It is being stopped.
        }
    }

    /// <summary>Whether an address answers with success.</summary>
    public static Func<CancellationToken, Task<bool>> Http(string address) => async cancellationToken =>
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        try
        {
            using var answer = await http.GetAsync(new Uri(address), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false; // Not listening yet.
        }
    };

    /// <summary>Whether a port takes connections.</summary>
    public static Func<CancellationToken, Task<bool>> Tcp(int port) => async cancellationToken =>
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    };

    private async Task ReadyAsync(Func<CancellationToken, Task<bool>> isReady, CancellationToken cancellationToken)
    {
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < TimeSpan.FromSeconds(60) && !_program.HasExited)
        {
            if (await isReady(cancellationToken))
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }

        var last = string.Join(Environment.NewLine, File.ReadLines(_logFile).TakeLast(15));
        throw new InvalidOperationException($"{_start.Name} {(_program.HasExited ? $"ended with code {_program.ExitCode}" : "did not answer within 60 s")}; the end of {_logFile}:{Environment.NewLine}{last}");
    }
}
