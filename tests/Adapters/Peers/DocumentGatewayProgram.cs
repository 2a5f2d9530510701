using System.Collections.Concurrent;
using System.Diagnostics;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// The gateway that speaks MongoDB's protocol, as a process of its own: it can be killed. It ends with this test run however that
/// ends, for it reads from a pipe that is closed then.
/// </summary>
internal sealed class DocumentGatewayProgram : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process program;
    private bool ended;

    private DocumentGatewayProgram(Process program, string connectionString) => (this.program, ConnectionString) = (program, connectionString);

    /// <summary>Where it answers; without a password, and without options for TLS beyond that it is used.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts one in front of a PostgreSQL.</summary>
    /// <param name="postgres">Connection string of the PostgreSQL, which need not answer yet.</param>
    /// <param name="options">More options of the program; without an argument it lists them.</param>
    /// <exception cref="InvalidOperationException">It did not start; the text holds what it said.</exception>
    public static async Task<DocumentGatewayProgram> StartAsync(string postgres, params string[] options)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var file = Path.Combine(PeerServer.Checkout(), "tests", "DocumentGateway", "bin", output.Parent!.Name, output.Name, "PxBackup.DocumentGateway.dll");
        var start = new ProcessStartInfo("dotnet", [file, "--postgres", postgres, "--until-input-ends", "yes", .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var program = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start");
        var said = new ConcurrentQueue<string?>();
        program.ErrorDataReceived += (_, line) => said.Enqueue(line.Data);
        program.BeginErrorReadLine();
        const string Prefix = "MONGO_URI=";
        var first = await program.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        return first?.StartsWith(Prefix, StringComparison.Ordinal) == true
            ? new(program, first[Prefix.Length..])
            : throw new InvalidOperationException($"{file} did not start: {first} {string.Join('\n', said)}");
    }

    /// <summary>Ends it at once, as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        program.Kill();
        await program.WaitForExitAsync().WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        if (ended) return;
        ended = true;
        if (!program.HasExited) await KillAsync();
        program.Dispose();
    }
}
