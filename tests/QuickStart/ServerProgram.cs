using System.Diagnostics;

namespace PxBackup.QuickStart;

/// <summary>The product's own program as a process: started, waited for, ended by SIGTERM.</summary>
internal sealed class ServerProgram : IAsyncDisposable
{
    private readonly Process _program;
    private readonly string _logFile;

    private ServerProgram(Process program, string logFile) => (_program, _logFile) = (program, logFile);

    /// <summary>Ends when the program ends.</summary>
    public Task Ended => _program.WaitForExitAsync();

    /// <exception cref="InvalidOperationException">It ended or did not answer in time; the text holds its last lines.</exception>
    public static async Task<ServerProgram> StartAsync(QuickStartOptions options, string password, CancellationToken cancellationToken)
    {
        var logFile = Path.Combine(options.Data, "pxbackup.log");
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "../../../../../src/Silo/bin/", Configuration, "net10.0/PxBackup.Silo.dll"),
                "--all-in-one", "--data", Path.Combine(options.Data, "server"), "--rest-port", $"{options.RestPort}", "--grpc-port", $"{options.GrpcPort}",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PXBACKUP_ADMIN_PASSWORD"] = password;
        var program = Process.Start(start) ?? throw new InvalidOperationException("the server could not be started");
        var server = new ServerProgram(program, logFile);
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        program.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        program.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        program.BeginOutputReadLine();
        program.BeginErrorReadLine();
        await server.ReadyAsync(options, cancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_program.HasExited)
        {
            using var term = Process.Start("kill", ["-TERM", $"{_program.Id}"]);
            await Task.WhenAny(_program.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(15)));
            if (!_program.HasExited)
                _program.Kill();
        }

        _program.Dispose();
    }

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    private async Task ReadyAsync(QuickStartOptions options, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{options.RestPort}") };
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (_program.HasExited)
                break;
            try
            {
                using var answer = await http.GetAsync("/v1/health", cancellationToken);
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }

        var last = string.Join(Environment.NewLine, File.ReadLines(_logFile).TakeLast(15));
        throw new InvalidOperationException($"the server {(_program.HasExited ? $"ended with code {_program.ExitCode}" : "did not answer within 60 s")}; the end of {_logFile}:{Environment.NewLine}{last}");
    }
}
