using System.Diagnostics;
using System.Text;
using Xunit;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>
/// A real server started by a script of <c>tests/peers</c>. The script prints what a client needs to know as KEY=VALUE lines and
/// leaves daemons running; they end with this object, and with this test run at the latest.
/// </summary>
internal sealed class PeerServer : IAsyncDisposable
{
    /// <summary>A cold start unpacks and compiles (kube-api: 6.5 minutes on two busy cores); twice that is a failure.</summary>
    private static readonly TimeSpan ColdStart = TimeSpan.FromMinutes(15);

    private readonly string script;
    private readonly string directoryKey;

    private PeerServer(string script, string directoryKey, IReadOnlyDictionary<string, string> values) =>
        (this.script, this.directoryKey, Values) = (script, directoryKey, values);

    /// <summary>What the script printed.</summary>
    public IReadOnlyDictionary<string, string> Values { get; }

    /// <summary>Starts the server, building it first where that has not been done yet.</summary>
    /// <exception cref="InvalidOperationException">It could not be started; the message carries the script's own words.</exception>
    public static async Task<PeerServer> StartAsync(string name, string directoryKey, params string[] keys)
    {
        var script = Path.Combine(Checkout(), "tests", "peers", name + ".sh");
        var (exitCode, output, errors) = await RunAsync(script, "start");
        var values = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);
        var missing = keys.Append(directoryKey).Where(key => !values.ContainsKey(key)).ToList();
        if (exitCode != 0 || missing.Count > 0)
            throw new InvalidOperationException(
                $"The real server '{name}' could not be started (exit code {exitCode}, not printed: {string.Join(", ", missing)}). " +
                $"Run 'tests/peers/{name}.sh start' to see why. It said:\n{errors}");
        return new PeerServer(script, directoryKey, values);
    }

    public async ValueTask DisposeAsync()
    {
        if (Values[directoryKey] is not { Length: > 0 } directory)
            return;
        var (exitCode, _, errors) = await RunAsync(script, "stop", directory);
        if (exitCode != 0)
            throw new InvalidOperationException($"{script} stop {directory} ended with {exitCode}: {errors}");
    }

    /// <summary>Lets the script do something to the server that it started, such as <c>kill</c>.</summary>
    /// <exception cref="InvalidOperationException">It could not.</exception>
    public async Task CallAsync(string verb)
    {
        var (exitCode, _, errors) = await RunAsync(script, verb, Values[directoryKey]);
        if (exitCode != 0)
            throw new InvalidOperationException($"{script} {verb} ended with {exitCode}: {errors}");
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PXBACKUP_PEER_OWNER"] = Environment.ProcessId.ToString();
        using var running = Process.Start(start) ?? throw new InvalidOperationException($"{script} did not start");
        var errors = new StringBuilder();
        running.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                return;
            lock (errors)
                errors.AppendLine(line.Data);
            TestContext.Current.SendDiagnosticMessage("{0}", line.Data);
        };
        running.BeginErrorReadLine();
        var output = running.StandardOutput.ReadToEndAsync();
        try
        {
            await running.WaitForExitAsync().WaitAsync(ColdStart);
        }
        catch (TimeoutException)
        {
            running.Kill(entireProcessTree: true);
            lock (errors)
                throw new InvalidOperationException($"{script} {arguments[0]} did not finish within {ColdStart}. It said:\n{errors}");
        }
        var text = await output;
        lock (errors)
            return (running.ExitCode, text, errors.ToString());
    }

    /// <summary>The folder of the checkout that the tests run from.</summary>
    public static string Checkout()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "PxBackup.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No PxBackup.sln above {AppContext.BaseDirectory}: the tests run from inside a checkout.");
    }
}
