using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Grains.Access;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// What stayed on clusters that were let go while they could not be reached, in records of their own: it is removed when the same owner
/// adds the same cluster again. A cluster is known by the uid of its namespace kube-system; its word about it counts for what its owner
/// has left there, for nobody else's.
/// </summary>
internal static class LeftOvers
{
    /// <summary>Resources that one record keeps in mind: about 200 bytes each, 2 MB.</summary>
    public const int MaxResources = 10_000;

    /// <summary>The record of one cluster and owner.</summary>
    public static RecordKey KeyOf(string orgId, string identity, string owner) =>
        new(ObjectKind.LeftOvers, orgId, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{identity}\n{owner}"))));

    /// <summary>Adds to what is known; nothing can be kept in mind of a cluster without identity.</summary>
    public static async Task RememberAsync(IRecordStore store, string orgId, ClusterRecord cluster, IReadOnlyCollection<PlacedResource> resources, DateTimeOffset now)
    {
        var (identity, owner) = (cluster.Cluster.ClusterInfo.ApplicationClusterUuid, AccessRules.OwnerOf(cluster.Cluster.Metadata));
        if (identity.Length == 0 || resources.Count == 0)
            return;
        var key = KeyOf(orgId, identity, owner);
        while (true)
        {
            var (there, tombstone) = await store.LookAsync<LeftOversRecord>(key, CancellationToken.None).OrUnavailableAsync();
            var next = Joined(there?.Body, cluster, resources, now);
            try
            {
                if (there is null)
                    await store.InsertAsync(key, next, IndexOf(next), after: tombstone);
                else if (!next.Equals(there.Body))
                    await store.UpdateAsync(key, there.Version, next, IndexOf(next));
                return;
            }
            catch (Exception e) when (e is RecordConflictException or RecordExistsException)
            {
                // Another registration of the same cluster was let go at the same time.
            }
        }
    }

    /// <summary>What is known; null for nothing.</summary>
    public static Task<Stored<LeftOversRecord>?> FindAsync(IRecordStore store, string orgId, ClusterRecord cluster) =>
        cluster.Cluster.ClusterInfo.ApplicationClusterUuid is { Length: > 0 } identity
            ? store.FindAsync<LeftOversRecord>(KeyOf(orgId, identity, AccessRules.OwnerOf(cluster.Cluster.Metadata)), CancellationToken.None).OrUnavailableAsync()
            : Task.FromResult<Stored<LeftOversRecord>?>(null);

    /// <summary>Keeps the rest in mind, or forgets the cluster when nothing is left. A record that changed meanwhile stays as it is.</summary>
    public static async Task KeepAsync(IRecordStore store, Stored<LeftOversRecord> known, IReadOnlyCollection<PlacedResource> rest)
    {
        if (rest.Count == known.Body.Resources.Count)
            return;
        try
        {
            if (rest.Count == 0)
            {
                await store.DeleteAsync(known.Key, known.Version);
                return;
            }

            var next = known.Body.Clone();
            next.Resources.Clear();
            next.Resources.Add(rest);
            await store.UpdateAsync(known.Key, known.Version, next, IndexOf(next));
        }
        catch (RecordConflictException)
        {
            // Looked at again at the next connection.
        }
    }

    private static LeftOversRecord Joined(LeftOversRecord? known, ClusterRecord cluster, IReadOnlyCollection<PlacedResource> resources, DateTimeOffset now)
    {
        var next = known?.Clone() ?? new LeftOversRecord { Since = Timestamp.FromDateTimeOffset(now) };
        (next.Identity, next.Owner) = (cluster.Cluster.ClusterInfo.ApplicationClusterUuid, AccessRules.OwnerOf(cluster.Cluster.Metadata));
        (next.ClusterName, next.ClusterUid) = (cluster.Cluster.Metadata.Name, cluster.Cluster.Metadata.Uid);
        var there = next.Resources.Select(one => (one.Kind, one.Namespace, one.Name, one.Uid)).ToHashSet();
        foreach (var resource in resources.Where(one => there.Add((one.Kind, one.Namespace, one.Name, one.Uid))))
        {
            if (next.Resources.Count < MaxResources)
                next.Resources.Add(resource);
            else
                next.More++;
        }

        return next;
    }

    private static RecordIndex IndexOf(LeftOversRecord record) => new()
    {
        Name = record.Identity,
        Owner = record.Owner,
        CreatedAt = record.Since.ToDateTimeOffset(),
        UpdatedAt = record.Since.ToDateTimeOffset(),
        ClusterName = record.ClusterName,
        ClusterUid = record.ClusterUid,
    };
}
