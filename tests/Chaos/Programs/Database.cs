using System.Diagnostics;
using System.Net;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Chaos.Network;

namespace PxBackup.Chaos.Programs;

/// <summary>
/// The database: PostgreSQL with DocumentDB and the server that speaks MongoDB's protocol in front of it, or the one of <c>MONGO_URI</c>
/// (then nothing of it is killed). Every program of the product reaches it through a proxy of its own; a replica set of several members
/// it reaches as it is, so that it can follow an election, and the set's primary is made to step down instead.
/// </summary>
internal sealed class Database : IAsyncDisposable
{
    private const string User = "chaos", Password = "chaos-database-password";
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private readonly Guard _guard;
    private readonly string _folder;
    private readonly string? _foreign;
    private readonly SemaphoreSlim _turn = new(1);
    private string _postgres = "", _postgresFolder = "";
    private Child? _server;
    private int _starts;

    private Database(Guard guard, string folder, string? foreign) => (_guard, _folder, _foreign) = (guard, folder, foreign);

    /// <summary>It can be killed.</summary>
    public bool IsOurs => _foreign is null;

    /// <summary>It has other members that can become the primary.</summary>
    public bool CanElect { get; private set; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>The database's name; another one each time where the server is not ours.</summary>
    public string Name { get; private init; } = "pxbackup";

    /// <summary>Its address without any proxy.</summary>
    public string Direct => CanElect ? _foreign! : AddressAt(EndPoint.ToString());

    public static async Task<Database> StartAsync(Guard guard, string folder, CancellationToken cancellationToken)
    {
        var database = new Database(guard, folder, Environment.GetEnvironmentVariable("MONGO_URI"))
        {
            Name = Environment.GetEnvironmentVariable("MONGO_URI") is null ? "pxbackup" : $"chaos_{Guid.NewGuid():N}"[..30],
        };
        if (database._foreign is { } uri)
        {
            (database.EndPoint, database.CanElect) = await PrimaryOfAsync(uri, cancellationToken);
            return database;
        }

        var settings = await ScriptAsync(["start", Path.Combine(folder, "postgres")], cancellationToken);
        database._postgres = settings["DOCUMENTDB_POSTGRES"];
        database._postgresFolder = settings["DOCUMENTDB_DIR"];
        database.EndPoint = new IPEndPoint(IPAddress.Loopback, Places.FreePort());
        await database.StartServerAsync(cancellationToken);
        return database;
    }

    /// <summary>The address for a program that goes through a proxy on this port. A direct connection: what the server calls itself does not matter.</summary>
    public string AddressThrough(int port) => CanElect ? _foreign! : AddressAt($"127.0.0.1:{port}");

    /// <summary>Makes the primary step down, so that another member is elected; false when it refuses.</summary>
    public async Task<bool> StepDownAsync(CancellationToken cancellationToken)
    {
        using var client = new MongoClient(Direct);
        try
        {
            await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument { { "replSetStepDown", 15 }, { "secondaryCatchUpPeriodSecs", 5 }, { "force", true } }, ReadPreference.Primary, cancellationToken);
            return true;
        }
        catch (MongoConnectionException)
        {
            return true; // How older servers answer.
        }
        catch (MongoCommandException)
        {
            return false;
        }
    }

    /// <summary>Ends the server that clients see as <c>kill -9</c> does, and starts it again.</summary>
    public async Task<bool> KillServerAsync(TimeSpan downFor, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var killed = await _server!.KillAsync();
            await Task.Delay(downFor, cancellationToken);
            await StartServerAsync(CancellationToken.None);
            return killed;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Takes PostgreSQL away, connections cut and nothing answered, and starts it again with what it had acknowledged. Not by
    /// <c>kill -9</c>: under load that leaves indexes of DocumentDB behind in which inserts never end.
    /// </summary>
    public async Task<bool> KillPostgresAsync(TimeSpan downFor, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await ScriptAsync(["halt", _postgresFolder], cancellationToken);
            await Task.Delay(downFor, cancellationToken);
            await ScriptAsync(["restart", _postgresFolder], CancellationToken.None);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_foreign is not null)
        {
            using var client = new MongoClient(_foreign);
            await client.DropDatabaseAsync(Name, CancellationToken.None);
            return;
        }

        if (_server is not null)
            await _server.DisposeAsync();
        if (_postgresFolder.Length > 0)
            await ScriptAsync(["stop", _postgresFolder], CancellationToken.None);
        _turn.Dispose();
    }

    private static async Task<(IPEndPoint, bool)> PrimaryOfAsync(string uri, CancellationToken cancellationToken)
    {
        using var client = new MongoClient(uri);
        await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), ReadPreference.Primary, cancellationToken);
        var primary = client.Cluster.Description.Servers.First(server => server.IsDataBearing && server.Type is MongoDB.Driver.Core.Servers.ServerType.ReplicaSetPrimary or MongoDB.Driver.Core.Servers.ServerType.Standalone);
        var address = primary.EndPoint switch
        {
            IPEndPoint known => known,
            DnsEndPoint name => new IPEndPoint((await Dns.GetHostAddressesAsync(name.Host, cancellationToken))[0], name.Port),
            var other => throw new InvalidOperationException($"MONGO_URI leads to {other}, which no proxy can reach"),
        };
        return (address, client.Cluster.Description.Servers.Count(server => server.IsDataBearing) > 1);
    }

    private static async Task<Dictionary<string, string>> ScriptAsync(string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Places.Root, "tests/peers/documentdb.sh"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PXBACKUP_PEER_OWNER"] = $"{Environment.ProcessId}";
        using var script = Process.Start(start) ?? throw new InvalidOperationException("bash could not be started");
        var errors = script.StandardError.ReadToEndAsync(cancellationToken);
        var output = await script.StandardOutput.ReadToEndAsync(cancellationToken);
        await script.WaitForExitAsync(cancellationToken);
        if (script.ExitCode != 0)
            throw new InvalidOperationException($"the database: documentdb.sh {arguments[0]} failed: {(await errors).Trim()}");
        return output.Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal)).ToDictionary(line => line[..line.IndexOf('=', StringComparison.Ordinal)], line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
    }

    private string AddressAt(string host)
    {
        if (_foreign is null)
            return $"mongodb://{User}:{Password}@{host}/?replicaSet=rs0&directConnection=true";
        var builder = new MongoUrlBuilder(_foreign) { Server = MongoServerAddress.Parse(host), DirectConnection = true };
        return builder.ToString();
    }

    private async Task StartServerAsync(CancellationToken cancellationToken)
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _server = Child.Start(_guard, Path.Combine(_folder, "logs", $"database-{++_starts:000}.log"),
            ["dotnet", Places.DocumentGateway, "--postgres", _postgres, "--port", $"{EndPoint.Port}", "--set", "rs0", "--user", User, "--password", Password], new Dictionary<string, string>());
        var patience = Stopwatch.StartNew();
        while (!_server.HasEnded && patience.Elapsed < StartPatience)
        {
            if (File.Exists(_server.LogFile) && _server.LastLines().Contains("MONGO_URI=", StringComparison.Ordinal))
                return;
            await Task.Delay(50, cancellationToken);
        }

        throw new InvalidOperationException($"the database's server did not start: {_server.LastLines()}");
    }
}
