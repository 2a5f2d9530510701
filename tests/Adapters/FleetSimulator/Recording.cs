using System.Text.Json.Nodes;
using Xunit;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>The essentials of one recording of real Stork: what was there, what was created, the rows that followed and how it ended.</summary>
internal sealed class Recording
{
    /// <summary>Server, export and folder of the NFS location in the recordings.</summary>
    private const string NfsFolder = "nfs.example/exports/backups/pxb/";

    private readonly JsonObject _json;

    private Recording(JsonObject json) => _json = json;

    public static string Folder => Path.Combine(AppContext.BaseDirectory, "FleetSimulator", "Recordings");

    public bool Crash => _json["crash"]!.GetValue<bool>();

    public bool CommandsFail => _json["commandsFail"]!.GetValue<bool>();

    public bool Deleted => _json["deleted"]!.GetValue<bool>();

    public JsonObject[] Given => [.. _json["given"]!.AsArray().Select(g => g!.AsObject())];

    public JsonObject Create => _json["create"]!.AsObject();

    public string[] Rows => [.. _json["rows"]!.AsArray().Select(r => string.Join(" | ", r!.AsArray().Select(c => c!.ToString())))];

    public JsonObject Final => _json["final"]!.AsObject();

    /// <summary>Messages of Warning Events.</summary>
    public string[] Warnings => [.. _json["warnings"]!.AsArray().Select(w => StoreText.Plain(w!.ToString())).Order(StringComparer.Ordinal)];

    public string[] Files => [.. _json["files"]!.AsArray().Select(w => w!.ToString())];

    /// <summary>Whether its location is on NFS, where files are never deleted.</summary>
    public bool OnNfs => Given.Any(g => g["location"]?["type"]?.ToString() == "nfs");

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    public static string BelowNfsFolder(string path)
    {
        Assert.StartsWith(NfsFolder, path, StringComparison.Ordinal);
        return path[NfsFolder.Length..];
    }

    public static Recording Read(string name, string endpoint) =>
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, name + ".json")).Replace("ENDPOINT", endpoint, StringComparison.Ordinal))!.AsObject());
}
