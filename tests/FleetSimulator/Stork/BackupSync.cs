using System.Text.Json;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Finds backups in the buckets of locations with sync = true and makes ApplicationBackups for those that the cluster does not know.</summary>
internal sealed class BackupSync(StorkRun run)
{
    private const double Interval = 60;

    /// <summary>Runs until no location wants it any more; <paramref name="ended"/> is called then.</summary>
    public async Task RunAsync(Action ended, CancellationToken cancellationToken)
    {
        try
        {
            while (run.Store.List(StorkResources.Locations).Any(Wanted))
            {
                await SyncAllAsync(cancellationToken);
                await run.DelayAsync(Interval, cancellationToken);
            }

            ended();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The process was killed.
        }
    }

    private async Task SyncAllAsync(CancellationToken cancellationToken)
    {
        var locations = run.Store.List(StorkResources.Locations);
        // One location whose Secret is missing makes the list fail and stops the sync of all of them.
        if (locations.Any(l => run.Buckets.Missing(l.Namespace, l.Name) is not null)) return;
        foreach (var location in locations.Where(Wanted))
        {
            try
            {
                using var bucket = run.Buckets.Open(location.Namespace, location.Name);
                foreach (var name in await bucket.FoldersAsync(location.Namespace + "/", cancellationToken))
                {
                    foreach (var path in await bucket.FoldersAsync(name, cancellationToken)) await SyncAsync(bucket, location, path.TrimEnd('/'), cancellationToken);
                }
            }
            catch (BucketException)
            {
                // Not reachable now: the next turn tries again, as Stork's does.
            }
        }
    }

    private async Task SyncAsync(BackupBucket bucket, StoredObject location, string path, CancellationToken cancellationToken)
    {
        JsonObject original;
        try
        {
            if (JsonNode.Parse(await bucket.ReadAsync($"{path}/metadata.json", cancellationToken)) is not JsonObject read) return;
            original = read;
        }
        catch (Exception incomplete) when (incomplete is BucketException { NotFound: true } or JsonException)
        {
            return;   // Without its commit mark it is no backup.
        }

        var (name, uid) = (original.Text("metadata", "name"), original.Text("metadata", "uid"));
        var synced = SyncedName(original);
        if (run.Store.Find(StorkResources.Backups, location.Namespace, name)?.Uid == uid || run.Store.Find(StorkResources.Backups, location.Namespace, synced) is not null) return;
        var copy = TypedResource.Of(original);
        var metadata = new JsonObject { ["name"] = synced, ["namespace"] = location.Namespace };
        foreach (var field in new[] { "labels", "annotations", "finalizers" })
        {
            if (original.At("metadata", field) is { } value) metadata[field] = value.DeepClone();
        }

        copy["metadata"] = metadata;
        copy.Child("spec")["reclaimPolicy"] = "Retain";   // spec.backupLocation keeps the name it had where it was made.
        cancellationToken.ThrowIfCancellationRequested();
        run.Store.Create(StorkResources.Backups, location.Namespace, copy, SimulatedStork.Caller);
    }

    /// <summary>NAME-2026-11-22-213201 from the trigger's time; scheduled backups have it in their name already.</summary>
    private static string SyncedName(JsonObject backup)
    {
        var name = backup.Text("metadata", "name");
        if (backup.At("metadata", "annotations", "stork.libopenstorage.org/applicationBackupScheduleName") is not null) return name;
        return DateTimeOffset.TryParse(backup.Text("status", "triggerTimestamp"), out var at) ? $"{name}-{at.UtcDateTime:yyyy-MM-dd-HHmmss}" : name;
    }

    private static bool Wanted(StoredObject location) => location.Body().Flag("location", "sync");
}
