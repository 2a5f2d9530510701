using System.Net;
using PxBackup.Chaos.Network;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;

namespace PxBackup.Chaos.Programs;

/// <summary>Everything that runs: database, three silos, two gateways, and in this process the simulated clusters and the bucket.</summary>
internal sealed class Installation : IAsyncDisposable
{
    public const int Silos = 3, Gateways = 2;
    public const string AdminName = "px-central-admin", AdminPassword = "chaos-administrator-password";
    public const string AccessKey = "chaos-access-key", SecretKey = "chaos-secret-access-key";
    public const string Bucket = "pxbackup";

    // Silos and gateways have folders of their own here, so that the key comes by the environment.
    private static readonly string TransportKey = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));

    // Seconds where an installation has minutes: a run of five minutes shall see every deadline kept.
    private static readonly Dictionary<string, string> ShortTimes = new()
    {
        ["PXBACKUP_Backups__CheckInterval"] = "00:00:02",
        ["PXBACKUP_Backups__StuckTimeout"] = "00:00:20",
        ["PXBACKUP_Backups__SweepAfter"] = "00:00:20",
        ["PXBACKUP_Backups__DeletePollInterval"] = "00:00:00.3",
        ["PXBACKUP_Restores__CheckInterval"] = "00:00:02",
        ["PXBACKUP_Restores__StuckTimeout"] = "00:00:20",
        ["PXBACKUP_Restores__SweepAfter"] = "00:00:20",
        ["PXBACKUP_Restores__DeletePollInterval"] = "00:00:00.3",
        ["PXBACKUP_Clusters__RecheckInterval"] = "00:00:02",
        ["PXBACKUP_Clusters__CheckInterval"] = "00:00:10",
        ["PXBACKUP_Clusters__BackoffMaximum"] = "00:00:02",
        ["PXBACKUP_Recovery__Interval"] = "00:00:05",
    };

    private readonly List<Member> _silos = [];
    private readonly List<Member> _gateways = [];
    private readonly int[] _rest = [Places.FreePort(), Places.FreePort()], _grpc = [Places.FreePort(), Places.FreePort()];
    private readonly string _first, _last;
    private RunningObjectStore? _store;

    private Installation(ChaosOptions options, Guard guard)
    {
        (Folder, Guard) = (options.Folder, guard);
        _first = options.Upgrade.Length > 0 ? options.Upgrade : Places.Product;
        _last = options.Other.Length > 0 ? options.Other : _first;
    }

    public string Folder { get; }

    public Guard Guard { get; }

    public Database Database { get; private set; } = null!;

    public SimulatedFleet Fleet { get; private set; } = null!;

    public SimulatedObjectStore Store => _store!.Store;

    public Uri StoreEndpoint => _store!.Endpoint;

    public IReadOnlyList<Member> SiloMembers => _silos;

    public IReadOnlyList<Member> GatewayMembers => _gateways;

    public IEnumerable<Member> Members => [.. _silos, .. _gateways];

    public Uri Rest(int gateway) => new($"http://127.0.0.1:{_rest[gateway]}");

    public Uri Grpc(int gateway) => new($"http://127.0.0.1:{_grpc[gateway]}");

    /// <summary>Starts everything and waits until it is ready.</summary>
    /// <param name="options">Where data and logs go, how many clusters are simulated, which program the last silo and gateway are.</param>
    /// <param name="ended">Told of every end of a silo or gateway.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Installation> StartAsync(ChaosOptions options, Action<MemberEnd> ended, CancellationToken cancellationToken)
    {
        var folder = options.Folder;
        Directory.CreateDirectory(folder);
        var installation = new Installation(options, Guard.Start());
        try
        {
            var store = new SimulatedObjectStoreOptions { Keys = { [AccessKey] = SecretKey } };
            installation._store = await SimulatedObjectStore.StartAsync(store, cancellationToken);
            installation.Fleet = await SimulatedFleet.StartAsync(new FleetOptions { Clusters = options.Clusters, StorkSpeed = 10, Applications = ["shop", "blog"] }, cancellationToken);
            installation.Database = await Database.StartAsync(installation.Guard, folder, cancellationToken);
            await installation.StartMembersAsync(ended, cancellationToken);
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
        await Task.WhenAll(Members.Select(member => member.DisposeAsync().AsTask()));
        if (Database is not null)
            await Database.DisposeAsync();
        if (Fleet is not null)
            await Fleet.DisposeAsync();
        if (_store is not null)
            await _store.DisposeAsync();
        await Guard.DisposeAsync();
    }

    private async Task StartMembersAsync(Action<MemberEnd> ended, CancellationToken cancellationToken)
    {
        for (var i = 0; i < Silos; i++)
            _silos.Add(NewSilo(i, ended));
        for (var i = 0; i < Gateways; i++)
            _gateways.Add(NewGateway(i, ended));
        // The first silo makes the indexes and the key file; the first gateway is the second one's issuer.
        foreach (var first in (Member[])[_silos[0], _gateways[0]])
        {
            first.Start();
            await first.ReadyAsync(cancellationToken);
        }

        foreach (var other in Members.Except([_silos[0], _gateways[0]]))
            other.Start();
        await Task.WhenAll(Members.Select(member => member.ReadyAsync(cancellationToken)));
    }

    private Member NewSilo(int index, Action<MemberEnd> ended)
    {
        var (listen, client, probe) = (Places.FreePort(), Places.FreePort(), Places.FreePort());
        // Others reach it at the proxy's port, so that a partition can be put between any two.
        var inbound = FaultProxy.Start(new IPEndPoint(IPAddress.Loopback, listen), SiloBehind, Places.FreePort());
        var database = FaultProxy.Start(Database.EndPoint);
        var environment = EnvironmentFor(database);
        environment["PXBACKUP_Silo__ListenPort"] = $"{listen}";
        return new Member($"silo-{index + 1}", Guard, Folder,
            ["--silo", "--store", "mongodb", "--silo-port", $"{inbound.Port}", "--client-port", $"{client}", "--probe-port", $"{probe}", "--data", Path.Combine(Folder, "silos")],
            environment, new Uri($"http://127.0.0.1:{probe}")) { Program = index == Silos - 1 ? _last : _first, Database = database, Inbound = inbound, Ended = ended };
    }

    private Member NewGateway(int index, Action<MemberEnd> ended)
    {
        var database = FaultProxy.Start(Database.EndPoint);
        var environment = EnvironmentFor(database);
        environment["PXBACKUP_ADMIN_PASSWORD"] = AdminPassword;
        environment["PXBACKUP_Identity__Issuer"] = $"http://127.0.0.1:{_rest[0]}/auth/realms/master";
        if (index > 0)
            environment["PXBACKUP_Identity__Mode"] = "External";
        return new Member($"gateway-{index + 1}", Guard, Folder,
            ["--gateway", "--store", "mongodb", "--rest-port", $"{_rest[index]}", "--grpc-port", $"{_grpc[index]}", "--data", Path.Combine(Folder, $"gateway-{index + 1}")],
            environment, Rest(index)) { Program = index == Gateways - 1 ? _last : _first, Database = database, Ended = ended };
    }

    private Dictionary<string, string> EnvironmentFor(FaultProxy database) => new(ShortTimes)
    {
        ["PXBACKUP_Mongo__ConnectionString"] = Database.AddressThrough(database.Port),
        ["PXBACKUP_Mongo__Database"] = Database.Name,
        ["PXBACKUP_Silo__ClusterId"] = "chaos",
        ["PXBACKUP_TRANSPORT_KEY"] = TransportKey,
        // Many starts on few cores: the cheapest code first.
        ["DOTNET_TieredPGO"] = "0",
    };

    private string? SiloBehind(int port)
    {
        var pids = _silos.Select(silo => (silo.Name, silo.Child)).Where(pair => pair.Child is not null).ToDictionary(pair => pair.Child!.Pid, pair => pair.Name);
        return PortOwner.Of(port, pids.Keys) is { } pid ? pids[pid] : null;
    }
}
