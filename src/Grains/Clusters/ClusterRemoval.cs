using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.Grains.Restores;
using BackupPhase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using RestorePhase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// Ends the work on a cluster that is being removed, and says what we have placed there. All of it follows from our own records; the
/// cluster is not asked what is ours.
/// </summary>
internal sealed class ClusterRemoval(ObjectKey key, IGrainFactory grains, IRecordStore store)
{
    /// <summary>Records are read with their bodies: 20 at a time keeps a page of large ones in memory.</summary>
    private const int PageSize = 20;

    private static readonly string[] DeletionUnderWay = [ProtoNames.NameOf(BackupStatus.Deleting), ProtoNames.NameOf(BackupStatus.DeletePending)];

    // Named alike for backups and restores.
    private static readonly string[] Unfinished = [ProtoNames.NameOf(BackupStatus.Pending), ProtoNames.NameOf(BackupStatus.InProgress), .. DeletionUnderWay];

    /// <summary>Deletes what is to go with the cluster and cancels what waits or runs there. Asking again is harmless.</summary>
    /// <returns>What is to go with it and is still there; what has still something on the cluster.</returns>
    public async Task<(long ToGo, int StillThere)> EndWorkAsync(ClusterRecord record)
    {
        var info = record.Cluster.ClusterInfo;
        var owner = AccessRules.OwnerOf(record.Cluster.Metadata);
        long toGo = 0;
        if (info.DeleteRestores)
            toGo += await DeleteAllAsync<RestoreRecord>(Of(ObjectKind.Restore), one => grains.Restore(one).DeleteAsync(new RestoreDeleteRequest { OrgId = one.OrgId, Uid = one.Uid }, Caller.System));
        if (info.DeleteBackups)
        {
            var backups = record.DeleteEverybodysBackups ? Of(ObjectKind.Backup) : Of(ObjectKind.Backup) with { Owners = [owner] };
            toGo += await DeleteAllAsync<BackupRecord>(backups, one => grains.Backup(one).DeleteAsync(new BackupDeleteRequest { OrgId = one.OrgId, Uid = one.Uid }, Caller.System));
        }

        var reason = $"cancelled, because cluster [{record.Cluster.Metadata.Name}] is being removed";
        var stillThere = 0;
        foreach (var (kind, one) in await UnfinishedAsync())
        {
            if (!await (kind == ObjectKind.Backup ? grains.Backup(one).CancelAsync(reason) : grains.Restore(one).CancelAsync(reason)))
                stillThere++;
        }

        return (toGo, stillThere);
    }

    /// <summary>Backups and restores that may have something on the cluster.</summary>
    public async Task<IReadOnlyCollection<(ObjectKind Kind, ObjectKey Key)>> UnfinishedAsync()
    {
        var found = new HashSet<(ObjectKind, ObjectKey)>();
        await foreach (var backup in AllAsync<BackupRecord>(Of(ObjectKind.Backup) with { Statuses = Unfinished }))
            found.Add((ObjectKind.Backup, backup.Key.ToObjectKey()));
        await foreach (var backup in AllAsync<BackupRecord>(Of(ObjectKind.Backup) with { References = [[StillOn.Cluster(key.Uid)]] }))
            found.Add((ObjectKind.Backup, backup.Key.ToObjectKey()));
        await foreach (var restore in AllAsync<RestoreRecord>(Of(ObjectKind.Restore) with { Statuses = Unfinished }))
            found.Add((ObjectKind.Restore, restore.Key.ToObjectKey()));
        await foreach (var restore in AllAsync<RestoreRecord>(Of(ObjectKind.Restore) with { References = [[StillOn.Cluster(key.Uid)]] }))
            found.Add((ObjectKind.Restore, restore.Key.ToObjectKey()));
        return found;
    }

    /// <summary>Everything of ours that may be on the cluster, in the order in which it goes. The data of backups that are kept stays in the bucket.</summary>
    public async Task<List<PlacedResource>> ResourcesAsync(ClusterRecord record)
    {
        var found = new Dictionary<(int, string, string, string), PlacedResource>();
        void Add(PlacedResource resource) => found.TryAdd((resource.Kind, resource.Namespace, resource.Name, resource.Uid), resource);
        void AddLocation(ObjectRef? location, string resourceNamespace)
        {
            // Notes are newer than some installations: what their work used is known from the work.
            if (location is not { Uid.Length: > 0 })
                return;
            foreach (var call in StorkLocations.Remove(new Metadata { Name = location.Name, Uid = location.Uid }, resourceNamespace))
                Add(new PlacedResource { Kind = (int)call.Resource, Namespace = call.Namespace, Name = call.Name, Uid = call.Uid });
        }

        foreach (var placed in record.Placed)
            Add(new PlacedResource(placed) { Unwanted = false });
        await foreach (var (_, restore, _) in AllAsync<RestoreRecord>(Of(ObjectKind.Restore)))
        {
            AddLocation(restore.Restore.RestoreInfo.BackupLocationRef, restore.ResourceNamespace);
            if (restore.Phase == RestorePhase.Finished)
                continue;
            foreach (var kind in new[] { ClusterResource.ApplicationRestore, ClusterResource.ApplicationBackup })
                Add(new PlacedResource { Kind = (int)kind, Namespace = restore.ResourceNamespace, Name = restore.ResourceName, Uid = restore.Restore.Metadata.Uid });
        }

        await foreach (var (_, backup, _) in AllAsync<BackupRecord>(Of(ObjectKind.Backup)))
        {
            var resourceNamespace = backup.Backup.BackupInfo.TargetNamespace;
            AddLocation(backup.Backup.BackupInfo.BackupLocationRef, resourceNamespace);
            Add(new PlacedResource
            {
                Kind = (int)ClusterResource.ApplicationBackup,
                Namespace = resourceNamespace,
                Name = StorkBackups.NameOf(backup.Backup),
                Uid = backup.Backup.Metadata.Uid,
                WithData = backup.Phase == BackupPhase.Deleting ? !backup.KeepData : backup.RemoveResource || backup.Phase != BackupPhase.Finished,
            });
        }

        return [.. found.Values.OrderBy(ClusterRules.OrderOf)];
    }

    /// <summary>What other registrations of the same cluster still use there.</summary>
    public async Task<HashSet<(int, string, string, string)>> UsedByOthersAsync(ClusterRecord record)
    {
        var used = new HashSet<(int, string, string, string)>();
        if (record.Cluster.ClusterInfo.ApplicationClusterUuid is not { Length: > 0 } identity)
            return used;
        await foreach (var (otherKey, other, _) in AllAsync<ClusterRecord>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = key.OrgId, SortBy = RecordSort.Name, Descending = false }))
        {
            if (otherKey.Uid != key.Uid && other.Cluster.ClusterInfo.ApplicationClusterUuid == identity)
                used.UnionWith(other.Placed.Where(one => !one.Unwanted).Select(one => (one.Kind, one.Namespace, one.Name, one.Uid)));
        }

        return used;
    }

    private async Task<long> DeleteAllAsync<T>(RecordQuery query, Func<ObjectKey, Task> delete)
        where T : class, IMessage<T>, new()
    {
        await foreach (var one in AllAsync<T>(query with { StatusesNot = DeletionUnderWay }))
        {
            try
            {
                await delete(one.Key.ToObjectKey());
            }
            catch (DomainException)
            {
                // It went since it was listed, which was wanted, or it is asked again: it is counted below.
            }
        }

        return await store.CountAsync(query, CancellationToken.None).OrUnavailableAsync();
    }

    private RecordQuery Of(ObjectKind kind) => new() { Kind = kind, OrgId = key.OrgId, References = [[key.Uid]], SortBy = RecordSort.CreatedAt, Descending = false };

    /// <summary>All matches. Those of a page that match no longer when the next page is asked for make room for others: whoever needs every one asks again.</summary>
    private async IAsyncEnumerable<Stored<T>> AllAsync<T>(RecordQuery query)
        where T : class, IMessage<T>, new()
    {
        for (var offset = 0; ; offset += PageSize)
        {
            var page = await store.QueryAsync<T>(query with { Offset = offset, Limit = PageSize }, CancellationToken.None).OrUnavailableAsync();
            foreach (var item in page.Items)
                yield return item;
            if (page.Items.Count < PageSize)
                yield break;
        }
    }
}
