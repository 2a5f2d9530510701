using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Finds the bucket or the NFS folder behind a BackupLocation: its inline settings and its Secret.</summary>
internal sealed class BackupBuckets(ClusterStore store, ClusterFaults faults, NfsServers servers)
{
    public ClusterFaults Faults => faults;

    /// <summary>Why the location of a backup cannot be used at all (it or its Secret does not exist), or null.</summary>
    public string? Missing(JsonObject backup) => Missing(backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"));

    public string? Missing(string ns, string name)
    {
        if (store.Find(StorkResources.Locations, ns, name)?.Body() is not { } location) return Refusals.NotFound(StorkResources.Locations, name).Message;
        var secret = location.Text("location", "secretConfig");
        return secret.Length > 0 && store.Find(BuiltInResources.Secrets, ns, secret) is null ? $"error getting secretConfig for backupLocation: {Refusals.NotFound(BuiltInResources.Secrets, secret).Message}" : null;
    }

    /// <summary>Whether the location is of type nfs: Stork leaves its files to Jobs.</summary>
    public bool IsNfs(JsonObject backup) => IsNfs(backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"));

    public bool IsNfs(string ns, string name) => store.Find(StorkResources.Locations, ns, name)?.Body().Text("location", "type") == "nfs";

    /// <exception cref="BucketException">The location or its Secret is missing or cannot be used.</exception>
    public NfsExport Export(string ns, string name)
    {
        if (Missing(ns, name) is { } missing) throw new BucketException(missing);
        return NfsExport.Open(store, servers, store.Get(StorkResources.Locations, ns, name).Body());
    }

    /// <summary>Reads a file of a backup, wherever the location keeps it.</summary>
    /// <exception cref="BucketException">The location cannot be used, or the file is not there.</exception>
    public async Task<byte[]> ReadAsync(string ns, string name, string key, CancellationToken cancellationToken)
    {
        if (IsNfs(ns, name)) return Export(ns, name).Read(key);
        using var bucket = Open(ns, name);
        return await bucket.ReadAsync(key, cancellationToken);
    }

    /// <exception cref="BucketException">The location or its Secret is missing or cannot be used.</exception>
    public BackupBucket Open(string ns, string name)
    {
        if (Missing(ns, name) is { } missing) throw new BucketException(missing);
        var location = store.Get(StorkResources.Locations, ns, name).Body()["location"]!.AsObject();
        var config = location.At("s3Config").Map();
        config["path"] = location.Text("path");
        config["encryptionKey"] = location.Text("encryptionV2Key");
        if (location.Text("secretConfig") is { Length: > 0 } secret)
        {
            // Values of the Secret win; people write them with a line end.
            foreach (var (key, value) in store.Get(BuiltInResources.Secrets, ns, secret).Body().Map("data"))
                config[key] = Encoding.UTF8.GetString(Convert.FromBase64String(value)).TrimEnd('\n');
        }

        if (location.Text("type") != "s3") throw new BucketException($"invalid backupLocation type: {location.Text("type")} (the simulator writes to s3 and nfs)");
        if (location.Text("encryptionKey").Length > 0) throw new BucketException("EncryptionKey is deprecated, use EncryptionKeyV2 instead");
        return new BackupBucket(config);
    }

    /// <summary>Makes the bucket when a backup begins; failing only leaves an Event.</summary>
    public static async Task PrepareAsync(StorkWork work, JsonObject backup)
    {
        if (work.Run.Buckets.Missing(backup) is { } missing)
        {
            work.Warn(backup, $"error getting backup location path: {missing}");
            return;
        }

        if (work.Run.Buckets.IsNfs(backup)) return;   // The export is mounted by the Job, nothing is made before.
        try
        {
            using var bucket = work.Run.Buckets.Open(backup.Text("metadata", "namespace"), backup.Text("spec", "backupLocation"));
            await bucket.CreateAsync(work.Killed);
        }
        catch (BucketException failed) when (failed.FromStore)
        {
            work.Warn(backup, $"error creating backup location path: {failed.Message}");
        }
        catch (BucketException)
        {
            // Settings that Stork refuses only when it uploads.
        }
    }
}

/// <summary>An object store (or the settings of one) that refuses, in the words of Stork's S3 client.</summary>
internal sealed class BucketException(string message, bool fromStore = false, bool notFound = false) : Exception(message)
{
    public bool FromStore => fromStore;

    public bool NotFound => notFound;
}
