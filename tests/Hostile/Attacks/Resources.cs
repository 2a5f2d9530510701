using System.Text.Json.Nodes;
using PxBackup.Api;

namespace PxBackup.Hostile.Attacks;

/// <summary>Resources as the attacker writes them on the cluster.</summary>
internal static class Resources
{
    public const string Backups = "applicationbackups.stork.libopenstorage.org", Restores = "applicationrestores.stork.libopenstorage.org", Namespace = "kube-system";

    /// <summary>An ApplicationBackup or ApplicationRestore that claims to stand for an object.</summary>
    public static JsonObject Claiming(string kind, string name, string uid, JsonObject? status = null, string ns = Namespace) => new()
    {
        ["apiVersion"] = "stork.libopenstorage.org/v1alpha1",
        ["kind"] = kind,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns, ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "pxbackup", ["pxbackup.io/uid"] = uid } },
        ["spec"] = new JsonObject { ["namespaces"] = new JsonArray("shop") },
        ["status"] = status ?? new JsonObject { ["stage"] = "Applications", ["status"] = "InProgress", ["reason"] = "made up" },
    };

    /// <summary>The status of a success, as Stork ends.</summary>
    public static JsonObject Success(string backupPath) => new()
    {
        ["stage"] = "Final", ["status"] = "Successful", ["reason"] = "Volumes and resources were backed up successfully", ["backupPath"] = backupPath, ["resourceCount"] = 1,
        ["resources"] = new JsonArray(new JsonObject { ["group"] = "core", ["version"] = "v1", ["kind"] = "ConfigMap", ["name"] = "c", ["namespace"] = "shop" }),
        ["finishTimestamp"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ"), ["lastUpdateTimestamp"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ"),
    };

    /// <summary>Begins a backup of the attacker and waits until its resource is on the cluster, where nobody works on it.</summary>
    public static async Task<(BackupObject Backup, JsonObject Resource)> PlacedAsync(Scene scene, string name, CancellationToken cancellationToken)
    {
        var backup = await scene.Attacker.BeginBackupAsync($"{name}-{Guid.NewGuid().ToString()[..8]}", "shop");
        var resources = await scene.Cluster.Objects.WaitForListAsync(Backups, Namespace, all => all.Any(IsIt), "placed", TimeSpan.FromSeconds(30), cancellationToken);
        return (backup, resources.First(IsIt));

        bool IsIt(JsonObject resource) => resource["metadata"]!["labels"]?["pxbackup.io/uid"]?.GetValue<string>() == backup.Metadata.Uid;
    }

    /// <summary>Ends it as a success that says where it lies.</summary>
    public static void End(Scene scene, JsonObject resource, string backupPath) =>
        scene.Cluster.Objects.Patch(Backups, Namespace, NameOf(resource), new JsonObject { ["status"] = Success(backupPath) });

    public static string NameOf(JsonObject resource) => resource["metadata"]!["name"]!.GetValue<string>();

    public static string UidOf(JsonObject resource) => resource["metadata"]!["uid"]!.GetValue<string>();
}
