using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What a start of the server is told.</summary>
internal sealed record ServerSetup
{
    public required string Data { get; init; }

    public required int RestPort { get; init; }

    public required int GrpcPort { get; init; }

    /// <summary>Settings and secrets, by their names in the environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }
}

/// <summary>The product's own program as a child: started, killed as by <c>kill -9</c>, or stopped by SIGTERM.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);
    private readonly Process _program;
    private readonly ConcurrentQueue<string> _lines = new();

    private Server(Process program) => _program = program;

    /// <summary>Everything it has said, on both of its outputs.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Its code, once it has ended; 137 after a kill.</summary>
    public int ExitCode => _program.ExitCode;

    public int ProcessId => _program.Id;

    /// <summary>Starts it and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">It ended or did not answer; the text holds its last lines.</exception>
    public static async Task<Server> StartAsync(ServerSetup setup)
    {
        var server = Launch(setup);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{setup.RestPort}"), Timeout = TimeSpan.FromSeconds(5) };
        var answers = await Wait.UntilAsync(() => server.AnswersAsync(http), answer => answer || server._program.HasExited, "the server answers", StartPatience);
        if (answers)
            return server;
        var last = server.LastLines();
        await server.DisposeAsync();
        throw new InvalidOperationException($"the server ended at its start:{Environment.NewLine}{last}");
    }

    /// <summary>Starts it without waiting for anything: for starts that must fail.</summary>
    public static Server Launch(ServerSetup setup, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "../../../../../src/Silo/bin", Configuration, "net10.0/PxBackup.Silo.dll"),
                "--all-in-one", "--data", setup.Data,
                "--rest-port", setup.RestPort.ToString(CultureInfo.InvariantCulture), "--grpc-port", setup.GrpcPort.ToString(CultureInfo.InvariantCulture),
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in setup.Environment)
            start.Environment[name] = value;
        var program = new Process { StartInfo = start };
        var server = new Server(program);
        program.OutputDataReceived += (_, line) => server.Keep(line.Data);
        program.ErrorDataReceived += (_, line) => server.Keep(line.Data);
        if (!program.Start())
            throw new InvalidOperationException("the server could not be started");
        program.BeginOutputReadLine();
        program.BeginErrorReadLine();
        return server;
    }

    /// <summary>Ends it as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        _program.Kill();
        await EndedAsync("it was killed");
    }

    /// <summary>Asks it to stop by SIGTERM; returns how long it took.</summary>
    public async Task<TimeSpan> StopAsync()
    {
        var since = Stopwatch.StartNew();
        using var term = Process.Start("kill", ["-TERM", _program.Id.ToString(CultureInfo.InvariantCulture)]);
        await EndedAsync("SIGTERM");
        return since.Elapsed;
    }

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">It still runs; the text holds its last lines.</exception>
    public async Task EndedAsync(string after)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Wait.Patience);
        try
        {
            await _program.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the server did not end after {after}:{Environment.NewLine}{LastLines()}");
        }
    }

    /// <summary>Its last words, for messages of failed tests.</summary>
    public string LastLines() => string.Join(Environment.NewLine, _lines.TakeLast(20));

    public async ValueTask DisposeAsync()
    {
        if (!_program.HasExited)
        {
            _program.Kill();
            await _program.WaitForExitAsync(CancellationToken.None);
        }

        _program.Dispose();
    }

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    private void Keep(string? line)
    {
        if (line is not null)
            _lines.Enqueue(line);
    }

    private async Task<bool> AnswersAsync(HttpClient http)
    {
        if (_program.HasExited)
            return false;
        try
        {
            using var answer = await http.GetAsync(new Uri("/healthz/ready", UriKind.Relative), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return false; // Not listening yet.
        }
    }
}
