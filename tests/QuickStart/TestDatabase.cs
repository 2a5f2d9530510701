using System.Diagnostics;

namespace PxBackup.QuickStart;

/// <summary>
/// The MongoDB-compatible server of the tests: <c>tests/peers/documentdb.sh</c> with <c>tests/DocumentGateway</c> before it. For
/// trials on one machine without a MongoDB; what it holds ends with it.
/// </summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ServerProgram _gateway;

    private TestDatabase(string folder, ServerProgram gateway, string uri) => (_folder, _gateway, Uri) = (folder, gateway, uri);

    /// <summary>Its address.</summary>
    public string Uri { get; }

    /// <exception cref="InvalidOperationException">It cannot be started here; the text says why.</exception>
    public static async Task<TestDatabase> StartAsync(string data, CancellationToken cancellationToken)
    {
        Console.WriteLine("starting the MongoDB-compatible database (the first time it is unpacked: half a minute)");
        var folder = Path.Combine(data, "mongodb");
        if (Directory.Exists(folder))
            await ScriptAsync(CancellationToken.None, "stop", folder);
        var said = await ScriptAsync(cancellationToken, "start", folder);
        var postgres = said.Split('\n').FirstOrDefault(line => line.StartsWith("DOCUMENTDB_POSTGRES=", StringComparison.Ordinal))?["DOCUMENTDB_POSTGRES=".Length..]
            ?? throw new InvalidOperationException($"the database did not start: {said}");
        var port = Installation.FreePort();
        var start = new ProgramStart("mongodb", "tests/DocumentGateway/PxBackup.DocumentGateway",
            ["--postgres", postgres, "--port", $"{port}", "--set", "pxbackup", "--until-input-ends", "yes"], new Dictionary<string, string>());
        return new(folder, await ServerProgram.StartAsync(start, data, ServerProgram.Tcp(port), isRestarted: true, cancellationToken), $"mongodb://127.0.0.1:{port}/?replicaSet=pxbackup");
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await ScriptAsync(CancellationToken.None, "stop", _folder);
    }

    private static string Repository => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));

    private static async Task<string> ScriptAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Repository, "tests/peers/documentdb.sh"), .. arguments]) { RedirectStandardOutput = true };
        start.Environment["PXBACKUP_PEER_OWNER"] = $"{Environment.ProcessId}";
        using var script = Process.Start(start) ?? throw new InvalidOperationException("bash could not be started");
        var said = await script.StandardOutput.ReadToEndAsync(cancellationToken);
        await script.WaitForExitAsync(cancellationToken);
        return script.ExitCode == 0 ? said : throw new InvalidOperationException($"documentdb.sh {arguments[0]} ended with code {script.ExitCode} (its words are above); name a MongoDB with --mongo");
    }
}
