using System.Text.Json;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator;

/// <summary>A fleet's folder: its port, and for every cluster its authority, token and objects, so that a fleet started again is the same one.</summary>
internal sealed class FleetData : IAsyncDisposable
{
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(1);

    private readonly string _folder;
    private readonly CancellationTokenSource _stopped = new();
    private readonly Dictionary<string, long> _saved = [];
    private SimulatedFleet? _fleet;
    private Task _saving = Task.CompletedTask;

    private FleetData(string folder) => _folder = folder;

    /// <summary>Port of the last start, 0 when there was none.</summary>
    public int Port { get; private set; }

    public static FleetData Open(string folder)
    {
        Directory.CreateDirectory(folder);
        var data = new FleetData(folder);
        if (File.Exists(data.PathOf("fleet"))) data.Port = int.Parse(JsonNode.Parse(File.ReadAllText(data.PathOf("fleet"))).Text("port"));
        return data;
    }

    public void Resume(SimulatedFleet fleet)
    {
        foreach (var cluster in fleet.Clusters.Where(c => File.Exists(PathOf(c.Name))))
        {
            var kept = JsonNode.Parse(File.ReadAllText(PathOf(cluster.Name)))!;
            cluster.Resume(kept.Text("token"), Convert.FromBase64String(kept.Text("authority")), Convert.FromBase64String(kept.Text("authorityKey")));
            cluster.Store.Restore(kept["objects"]!.AsObject());
        }
    }

    /// <summary>Saves what changed, every second and at the end.</summary>
    public void KeepCurrent(SimulatedFleet fleet)
    {
        _fleet = fleet;
        Write("fleet", new JsonObject { ["port"] = fleet.Port });
        SaveChanged();
        _saving = Task.Run(SaveUntilStoppedAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _saving;
        if (_fleet is not null) SaveChanged();
        _stopped.Dispose();
    }

    private async Task SaveUntilStoppedAsync()
    {
        using var timer = new PeriodicTimer(SaveInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopped.Token)) SaveChanged();
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // The last save follows in DisposeAsync.
        }
    }

    private void SaveChanged()
    {
        foreach (var cluster in _fleet!.Clusters)
        {
            var version = cluster.Store.Version;
            if (_saved.GetValueOrDefault(cluster.Name) == version) continue;
            var (authority, key) = cluster.Certificates.Export();
            Write(cluster.Name, new JsonObject
            {
                ["token"] = cluster.Token, ["authority"] = Convert.ToBase64String(authority), ["authorityKey"] = Convert.ToBase64String(key), ["objects"] = cluster.Store.Snapshot(),
            });
            _saved[cluster.Name] = version;
        }
    }

    /// <summary>Replaces the file at once, so that a killed process leaves the old or the new one.</summary>
    private void Write(string name, JsonObject content)
    {
        var path = PathOf(name);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(content, KubernetesJson.Compact));
        File.Move(path + ".new", path, overwrite: true);
    }

    private string PathOf(string name) => Path.Combine(_folder, name + ".json");
}
