using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using PxBackup.FleetSimulator.Control;

namespace PxBackup.FleetSimulator;

/// <summary>
/// Many application clusters in one process: one server, one port, a loopback address for each cluster. Linux answers at every address of 127.0.0.0/8;
/// other systems need the addresses set up first.
/// </summary>
public sealed class SimulatedFleet : IAsyncDisposable
{
    private readonly ConcurrentDictionary<IPAddress, SimulatedCluster> _byAddress = new();
    private readonly List<SimulatedCluster> _clusters = [];
    private readonly FleetOptions _options;
    private readonly FleetData? _data;
    private readonly WebApplication _server;

    private SimulatedFleet(FleetOptions options, FleetData? data)
    {
        _options = options;
        _data = data;
        for (var number = 1; number <= options.Clusters; number++) Add(number);
        _server = FleetServer.Build(this, data?.Port is > 0 and var kept ? kept : options.Port, options.ControlPort);
    }

    /// <summary>The clusters, in order of their numbers.</summary>
    public IReadOnlyList<SimulatedCluster> Clusters => _clusters;

    /// <summary>Port of every API server.</summary>
    public int Port { get; private set; }

    /// <summary>Address of the control interface, when there is one.</summary>
    public Uri? Control { get; private set; }

    /// <summary>The cluster of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public SimulatedCluster this[string name] => _clusters.Find(c => c.Name == name) ?? throw new KeyNotFoundException($"The fleet has no cluster {name}; it has {_options.NamePrefix}1 to {_options.NamePrefix}{_options.Clusters}.");

    /// <summary>Starts the fleet; when this returns every cluster answers.</summary>
    public static async Task<SimulatedFleet> StartAsync(FleetOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Clusters is >= 1 and <= 65_000, true, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.StorkSpeed);
        var fleet = new SimulatedFleet(options, options.DataDirectory is null ? null : FleetData.Open(options.DataDirectory));
        fleet._data?.Resume(fleet);
        await fleet._server.StartAsync(cancellationToken);
        (fleet.Port, fleet.Control) = FleetServer.Bound(fleet._server);
        foreach (var cluster in fleet._clusters) cluster.Stork.Start();
        fleet._data?.KeepCurrent(fleet);
        return fleet;
    }

    /// <summary>Stops Stork everywhere, then the servers; keeps the state when there is a folder for it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters) await cluster.Stork.DisposeAsync();
        if (_data is not null) await _data.DisposeAsync();
        foreach (var cluster in _clusters) cluster.Faults.SetMode(Faults.ApiServerMode.Refusing);   // No open watch may hold up the stop.
        await _server.StopAsync(new CancellationToken(canceled: true));
        await _server.DisposeAsync();
    }

    internal SimulatedCluster? At(IPAddress address) => _byAddress.GetValueOrDefault(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    private void Add(int number)
    {
        // 127.77.0.1 upwards: away from 127.0.0.1, where everything else on a machine listens.
        var address = new IPAddress([127, 77, (byte)(number >> 8), (byte)number]);
        var cluster = new SimulatedCluster($"{_options.NamePrefix}{number}", address, () => Port, _options);
        _clusters.Add(cluster);
        _byAddress[address] = cluster;
    }
}
