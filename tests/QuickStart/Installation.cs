using System.Net;
using System.Net.Sockets;

namespace PxBackup.QuickStart;

/// <summary>The product's processes: one for everything, or silos and gateways of their own around a MongoDB.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private const string Silo = "src/Silo/PxBackup.Silo";
    private readonly List<ServerProgram> _programs = [];
    private readonly List<string> _lines = [];
    private TestDatabase? _database;

    /// <summary>What runs where, one line each.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Ends when one of the processes has ended for good.</summary>
    public Task Ended => Task.WhenAny(_programs.Select(program => program.Ended));

    /// <exception cref="InvalidOperationException">A part did not start; the text says which and why.</exception>
    public static async Task<Installation> StartAsync(QuickStartOptions options, string password, CancellationToken cancellationToken)
    {
        var installation = new Installation();
        try
        {
            await (options.Silos == 0 ? installation.AddAllInOneAsync(options, password, cancellationToken) : installation.AddManyAsync(options, password, cancellationToken));
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Together, the gateways too: nobody asks any more.
        await Task.WhenAll(_programs.Select(program => program.DisposeAsync().AsTask()));
        if (_database is not null)
            await _database.DisposeAsync();
    }

    private async Task AddAllInOneAsync(QuickStartOptions options, string password, CancellationToken cancellationToken)
    {
        _programs.Add(await ServerProgram.StartAsync(
            new("pxbackup", Silo, ["--all-in-one", "--data", Path.Combine(options.Data, "server"), "--rest-port", $"{options.RestPort}", "--grpc-port", $"{options.GrpcPort}"],
                new Dictionary<string, string> { ["PXBACKUP_ADMIN_PASSWORD"] = password }),
            options.Data, ServerProgram.Http($"{options.Rest}/v1/health"), isRestarted: false, cancellationToken));
        _lines.Add($"server    {options.Rest}, gRPC 127.0.0.1:{options.GrpcPort}, process {_programs[^1].ProcessId}");
    }

    private async Task AddManyAsync(QuickStartOptions options, string password, CancellationToken cancellationToken)
    {
        var uri = options.Mongo;
        if (uri.Length == 0)
        {
            _database = await TestDatabase.StartAsync(options.Data, cancellationToken);
            uri = _database.Uri;
            _lines.Add($"database  {uri} (MongoDB-compatible, of the tests; --mongo names a real one)");
        }

        var environment = new Dictionary<string, string> { ["PXBACKUP_Mongo__ConnectionString"] = uri, ["PXBACKUP_ADMIN_PASSWORD"] = password };
        // The first one alone: it makes the master key.
        for (var i = 1; i <= options.Silos; i++)
        {
            var (silo, client, probes) = (FreePort(), FreePort(), FreePort());
            await AddAsync($"silo-{i}", options, environment, $"silo      127.0.0.1:{silo}, probes http://127.0.0.1:{probes}/healthz/ready", $"http://127.0.0.1:{probes}/healthz/ready", cancellationToken,
                "--silo", "--store", "mongodb", "--data", Path.Combine(options.Data, "server"), "--silo-port", $"{silo}", "--client-port", $"{client}", "--probe-port", $"{probes}");
        }

        for (var i = 0; i < options.Gateways; i++)
        {
            var (rest, grpc) = (options.RestPort + (2 * i), options.GrpcPort + (2 * i));
            // The first one signs users in; the others check its tokens, as they would those of any provider.
            if (i == 1)
                environment = new(environment) { ["PXBACKUP_Identity__Mode"] = "External", ["PXBACKUP_Identity__Issuer"] = $"http://localhost:{options.RestPort}/auth/realms/master" };
            await AddAsync($"gateway-{i + 1}", options, environment, $"gateway   REST http://127.0.0.1:{rest}, gRPC 127.0.0.1:{grpc}", $"http://127.0.0.1:{rest}/healthz/ready", cancellationToken,
                "--gateway", "--store", "mongodb", "--data", Path.Combine(options.Data, "server"), "--rest-port", $"{rest}", "--grpc-port", $"{grpc}");
        }
    }

    private async Task AddAsync(
        string name, QuickStartOptions options, IReadOnlyDictionary<string, string> environment, string line, string probe, CancellationToken cancellationToken, params string[] arguments)
    {
        _programs.Add(await ServerProgram.StartAsync(new(name, Silo, arguments, environment), options.Data, ServerProgram.Http(probe), isRestarted: true, cancellationToken));
        _lines.Add($"{line}, process {_programs[^1].ProcessId}, log {Path.Combine(options.Data, $"{name}.log")}");
        Console.WriteLine($"started: {name}");
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
