using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;
using RestorePhase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using BackupPhase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;

namespace PxBackup.Tests.Simulation;

/// <summary>
/// What really happened, written down where it happened, and the promises that are checked at that moment. Names such as N5 are those of
/// the reliability goals.
/// </summary>
internal sealed class Truth(World world)
{
    private readonly HashSet<RecordKey> _inserted = [];
    private readonly HashSet<RecordKey> _deleted = [];
    private readonly Dictionary<string, (int Stage, ulong Resources)> _progress = [];

    /// <summary>The installation whose truth this is.</summary>
    public Installation Home { get; set; } = null!;

    /// <summary>The effect that happens now comes from a zombie, or late.</summary>
    public bool Stale { get; set; }

    /// <summary>Names of resources for which a zombie or a dead silo asked, through a cluster's grain that lives.</summary>
    public HashSet<string> StaleNames { get; } = [];

    /// <summary>Something happened after which work may fail although Stork did not say so.</summary>
    public bool Excused { get; set; }

    /// <summary>What there is to know of each object by uid.</summary>
    public Dictionary<string, Story> Stories { get; } = [];

    /// <summary>How Stork ended, by the resource's uid.</summary>
    public Dictionary<string, string> Ends { get; } = [];

    /// <summary>Creates that would have brought a deleted object back, and conflicted.</summary>
    public int Resurrections { get; set; }

    /// <summary>Backups that began on a cluster, and restores.</summary>
    public int Begun { get; private set; }

    /// <summary>What can go wrong with the backup location.</summary>
    public Port LocationPort { get; } = new(Fault.LocationFails, Fault.LocationFails, Fault.LocationFails, Fault.LocationFails, Fault.LocationFails, what => new DomainException(ErrorReason.StoreUnavailable, $"the location failed: {what}"));

    public static string PathOf(ApplicationBackup backup) => $"{backup.Metadata.Namespace}/{backup.Metadata.Name}/{backup.Metadata.Uid}";

    public Story Of(string uid)
    {
        if (!Stories.TryGetValue(uid, out var story))
            Stories[uid] = story = new Story();
        return story;
    }

    /// <summary>A grain answered that it took a request on: N1, the record is durable by then.</summary>
    public void Accepted(ObjectKind kind, string uid)
    {
        Of(uid).Accepted = true;
        if (!_inserted.Contains(Key(kind, uid)))
            world.Break($"N1 {kind} {uid} was accepted before it was durable");
    }

    /// <summary>A grain answered that it deletes.</summary>
    public void DeletionAccepted(ObjectKind kind, string uid)
    {
        Of(uid).DeletionAccepted = true;
        if (Home.Records.IndexOf(Key(kind, uid)) is { Status: not ("Deleting" or "DeletePending") } index)
            world.Break($"N1 the deletion of {kind} {uid} was accepted before it was durable: the record says {index.Status}");
    }

    /// <summary>A record was written.</summary>
    public void Written(RecordKey key, RecordIndex? before, RecordIndex after, object body, long version)
    {
        if (key.Kind is not (ObjectKind.Backup or ObjectKind.Restore))
            return;
        if (before is null)
        {
            _inserted.Add(key);
            if (_deleted.Contains(key))
                world.Break($"N9 {key} was deleted and came back");
            Of(key.Uid).Kind = key.Kind;
            return;
        }

        if (!MayFollow(before.Status, after.Status))
            world.Break($"N5 {key} went from {before.Status} to {after.Status}");
        if (after.Status is "Deleting" && before.Status is not ("Deleting" or "DeletePending"))
            Of(key.Uid).DeletingSince = world.Now;
        (int Stage, ulong Resources) progress = body switch
        {
            BackupRecord { Phase: BackupPhase.Running, Backup.BackupInfo: var info } => ((int)info.Stage, info.ResourceCount),
            RestoreRecord { Phase: RestorePhase.Running, Restore.RestoreInfo: var info } => ((int)info.RestoreStatus.RestoreStatus, info.RestoredResourceCount),
            _ => (int.MaxValue, ulong.MaxValue),
        };
        var last = _progress.GetValueOrDefault(key.Uid);
        if (progress.Stage < last.Stage || progress.Resources < last.Resources)
            world.Break($"N6 the progress of {key} went back from {last} to {progress}");
        if (progress.Stage != int.MaxValue)
            _progress[key.Uid] = progress;
    }

    /// <summary>A record is gone: by now nothing of a deleted object may be left.</summary>
    public void Deleted(RecordKey key)
    {
        if (key.Kind is not (ObjectKind.Backup or ObjectKind.Restore))
            return;
        _deleted.Add(key);
        var story = Of(key.Uid);
        story.Deleted = true;
        if (!WasToGo(key.Kind, key.Uid))
            world.Break($"N1 nobody asked for the deletion of {key}");
        if (story.Returned.Count == 0 && Left(key.Uid, story) is { } left)
            world.Break($"N9 the record {key} is gone before {left}");
    }

    /// <summary>What is left of an object outside; null when nothing is that a deletion must take away.</summary>
    public string? Left(string uid, Story story)
    {
        foreach (var cluster in Home.Clusters.Values)
        {
            foreach (var resource in cluster.All<KubernetesResource>())
            {
                if (resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) == uid && !story.StaleUids.Contains(resource.Metadata.Uid) && !story.Returned.Contains(resource.Metadata.Uid)
                    && !IsLeftOver(cluster.Name, resource))
                    return $"{resource.GetType().Name} {resource.Metadata.Name} on {cluster.Name}";
            }
        }

        if (story.HumanDeletions > 0 || story.Forgotten)
            return null; // The way to what it left in the bucket went with the resource; or it is to stay.
        return story.Paths.Where(path => !story.StaleUids.Contains(path[(path.LastIndexOf('/') + 1)..])).SelectMany(path => Home.Bucket.Below(path + "/")).FirstOrDefault() is { } left ? $"{left} in the bucket" : null;
    }

    /// <summary>The cluster was let go, and this is kept in mind.</summary>
    public bool IsLeftOver(string cluster, KubernetesResource resource) => Home.IsRemoved(cluster)
        && Home.Records.Find<LeftOversRecord>(LeftOvers.KeyOf(Scene.Org, "ks-" + cluster, "ann")) is { } left
        && left.Body.Resources.Any(one => one.Name == resource.Metadata.Name && ((ClusterResource)one.Kind).ToString() == resource.GetType().Name.Replace("Stork", "", StringComparison.Ordinal));

    /// <summary>Stork is asked for a backup: N2.</summary>
    public void BackupBegins(Kubernetes cluster, ApplicationBackup resource)
    {
        var uid = resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "";
        var story = Begins(cluster, uid, resource);
        story.Paths.Add(PathOf(resource));
        if (!story.StaleUids.Contains(resource.Metadata.Uid) && Home.Records.IndexOf(Key(ObjectKind.Backup, uid)) is not { Status: "Pending" or "Deleting" } index)
            world.Break($"N2 an ApplicationBackup was made for backup {uid}, which is {Home.Records.IndexOf(Key(ObjectKind.Backup, uid))?.Status ?? "gone"}");
    }

    /// <summary>A finished backup was placed for a restore.</summary>
    public void BackupPlaced(ApplicationBackup resource)
    {
        if (Stale || StaleNames.Contains(resource.Metadata.Name))
            Of(resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "").StaleUids.Add(resource.Metadata.Uid);
    }

    /// <summary>Stork is asked for a restore: N2, N12.</summary>
    public void RestoreBegins(Kubernetes cluster, ApplicationRestore resource, Installation home)
    {
        var uid = resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "";
        if (Begins(cluster, uid, resource).StaleUids.Contains(resource.Metadata.Uid) || home.Records.Find<RestoreRecord>(Key(ObjectKind.Restore, uid)) is not { } restore)
            return;
        // The check and the request to Stork are not one step: a deletion may come in between.
        var backup = restore.Body.Restore.RestoreInfo.BackupRef.Uid;
        var status = home.Records.IndexOf(Key(ObjectKind.Backup, backup))?.Status ?? "gone";
        if (status is not ("Success" or "PartialSuccess") && !(Of(backup).DeletingSince > world.Now - TimeSpan.FromMinutes(1)))
            world.Break($"N12 restore {uid} began from backup {backup}, which is {status}");
    }

    /// <summary>Stork ended its work.</summary>
    public void StorkEnded(string resourceUid, string status) => Ends[resourceUid] = status;

    /// <summary>A resource that was gone is there again: what it does is not the product's doing, and whether anything of it stays is checked in the end.</summary>
    public void BackAgain(KubernetesResource resource)
    {
        Returned++;
        var story = Of(resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "");
        story.Returned.Add(resource.Metadata.Uid);
        if (RemovalsAccepted.Count > 0)
            story.ReturnedLate.Add(resource.Metadata.Uid);
    }

    /// <summary>Resources that came back.</summary>
    public int Returned { get; private set; }

    /// <summary>Clusters whose removal was asked for, and what was to go with them.</summary>
    public Dictionary<string, (bool Backups, bool Restores)> Removals { get; } = [];

    /// <summary>Those that were accepted.</summary>
    public HashSet<string> RemovalsAccepted { get; } = [];

    /// <summary>Whether the object was to go, by itself or with its cluster.</summary>
    public bool WasToGo(ObjectKind kind, string uid) => Of(uid).DeletionAsked
        || (Removals.TryGetValue(Of(uid).Cluster, out var flags) && (kind == ObjectKind.Backup ? flags.Backups : flags.Restores));

    /// <summary>The object's cluster was removed: it may have been cancelled.</summary>
    public bool LostItsCluster(Story story) => Removals.ContainsKey(story.Cluster);

    /// <summary>A person took a resource away.</summary>
    public void HumanDeleted(KubernetesResource resource) => Of(resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "").HumanDeletions++;

    public static RecordKey Key(ObjectKind kind, string uid) => new(kind, Scene.Org, uid);

    /// <summary>Pending, then InProgress, then one end, then being deleted.</summary>
    public static bool MayFollow(string before, string after) => Rank(after) > Rank(before) || (Rank(after) == Rank(before) && (Rank(after) != 2 || after == before));

    private static int Rank(string status) => status switch
    {
        "Pending" => 0,
        "InProgress" => 1,
        "Deleting" or "DeletePending" => 3,
        _ => 2,
    };

    private Story Begins(Kubernetes cluster, string uid, KubernetesResource resource)
    {
        Begun++;
        var story = Of(uid);
        if (Stale || StaleNames.Contains(resource.Metadata.Name))
            story.StaleUids.Add(resource.Metadata.Uid);
        else if (++story.Created > 1 + story.HumanDeletions)
            world.Break($"N2 {resource.GetType().Name} {resource.Metadata.Name} was made for the {story.Created}th time");
        var atOnce = cluster.All<ApplicationBackup>().Count(one => one.Status.Stage != StorkStage.Final && one.Metadata.DeletionTimestamp is null)
            + cluster.All<ApplicationRestore>().Count(one => one.Status.Stage != StorkStage.Final && one.Metadata.DeletionTimestamp is null);
        if (world.Faults.None && atOnce > Home.Options.Clusters.Value.WorkAtOnce)
            world.Break($"{atOnce} run at once on {cluster.Name}, which takes {Home.Options.Clusters.Value.WorkAtOnce}");
        return story;
    }
}

/// <summary>What happened to one backup or restore.</summary>
internal sealed class Story
{
    public ObjectKind Kind { get; set; }

    public bool Accepted { get; set; }

    /// <summary>Where it runs.</summary>
    public string Cluster { get; set; } = "";

    /// <summary>Uids of resources that came back with an earlier snapshot.</summary>
    public HashSet<string> Returned { get; } = [];

    /// <summary>Those of them that came back while a cluster was being removed: the last look there may have been before.</summary>
    public HashSet<string> ReturnedLate { get; } = [];

    /// <summary>A client began to ask for it.</summary>
    public bool DeletionAsked { get; set; }

    public bool DeletionAccepted { get; set; }

    public DateTimeOffset? DeletingSince { get; set; }

    public bool Deleted { get; set; }

    /// <summary>The data is to stay in the bucket.</summary>
    public bool Forgotten { get; set; }

    /// <summary>Resources made for it, those of zombies and late ones apart.</summary>
    public int Created { get; set; }

    /// <summary>Uids of resources that a zombie or a late call made.</summary>
    public HashSet<string> StaleUids { get; } = [];

    public int HumanDeletions { get; set; }

    /// <summary>Where its data went.</summary>
    public List<string> Paths { get; } = [];
}
