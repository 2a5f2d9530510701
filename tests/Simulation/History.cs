using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.Simulation;

/// <summary>One history: everything follows from its seed.</summary>
internal sealed class History
{
    private static readonly TimeSpan FaultsUntil = TimeSpan.FromMinutes(10);

    // Pending, then a stage of Stork, then cleaning up, each with its own deadline and the longest pause between tries.
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMinutes(45);
    private static readonly TimeSpan FaultlessWithin = TimeSpan.FromMinutes(4);
    // Each silo sweeps once more in this time.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(40);
    private readonly Installation _home;

    private History(ulong seed, bool trace)
    {
        World = new World(seed, trace);
        var random = World.Random;
        _home = new Installation(World, SimOptions.ByWorkAtOnce[1 + random.Next(3)]);
        foreach (var name in random.Percent(15) ? new[] { "one", "two" } : ["one"])
        {
            _home.Clusters[name] = new Kubernetes(_home, name);
            _home.Records.Insert(Truth.Key(ObjectKind.Cluster, name), Scene.Clusters[name], ClusterRules.IndexOf(Scene.Clusters[name]), after: 0);
        }

        World.Log($"seed {seed}, faults: {string.Join(", ", World.Faults.Charges)}");
        new Clients(_home).Plan();
    }

    public World World { get; }

    /// <summary>More than any history has done at once; beyond it something calls itself for ever.</summary>
    private const int MaxStepsOfAnInstant = 100_000;

    /// <summary>Lives through a history; the first broken promise is in its world.</summary>
    public static World Run(ulong seed, bool trace, Coverage coverage)
    {
        var history = new History(seed, trace);
        try
        {
            history.Live();
        }
        catch (Exception e)
        {
            history.World.Break($"the simulation broke: {e}");
        }

        coverage.Count(history.World, history._home);
        return history.World;
    }

    private bool IsQuiet => World.Busy == 0 && World.Hazards == 0 && _home.Records.Unfinished == 0 && _home.Clusters.Values.All(cluster => !cluster.IsDeleting);

    private void Live()
    {
        DateTimeOffset? quietSince = null;
        var healed = false;
        var still = 0;
        while (World.Broken is null)
        {
            var before = World.Now;
            if (!World.Step())
                throw new InvalidOperationException("nothing will ever happen again");
            if (World.Now == before)
            {
                if (++still == MaxStepsOfAnInstant)
                    World.Break($"time stands still: {MaxStepsOfAnInstant} steps at {World.Now:HH:mm:ss.fff}: {Unfinished()}");
                continue;
            }

            still = 0;
            if (!healed && World.Now - World.Noon > FaultsUntil)
            {
                World.Faults.Heal();
                healed = true;
            }

            if (!IsQuiet)
            {
                quietSince = null;
                var bound = World.Faults.None && !_home.Truth.Excused ? FaultlessWithin : FaultsUntil + StuckAfter;
                if (World.Now - World.Noon > bound)
                    World.Break($"N4 something is stuck: {Unfinished()}");
            }
            else if (quietSince is null)
            {
                quietSince = World.Now;
                foreach (var cluster in _home.Clusters.Values)
                    cluster.ListAgain();
            }
            else if (World.Now - quietSince > Settling)
            {
                CheckEnd();
                return;
            }
            else if (World.Faults.None && World.Now - quietSince > TimeSpan.FromSeconds(1))
            {
                CheckRoom();
            }
        }
    }

    private string Unfinished() => $"{World.Busy} clients, {World.Hazards} hazards, "
        + string.Join(", ", _home.Records.Keys.Where(key => _home.Records.IndexOf(key)!.DueAt is not null).Select(key => $"{key} {_home.Records.IndexOf(key)!.Status}"));

    private void CheckEnd()
    {
        CheckRoom();
        foreach (var (uid, story) in _home.Truth.Stories)
        {
            if (story.Kind == ObjectKind.Backup)
                CheckBackup(uid, story);
            else if (story.Kind == ObjectKind.Restore)
                CheckRestore(uid, story);
        }

        foreach (var cluster in _home.Truth.RemovalsAccepted.Where(cluster => !_home.IsRemoved(cluster)))
            World.Break($"N1 cluster {cluster} was to be removed and is there");
        foreach (var cluster in _home.Clusters.Values)
        {
            if (_home.IsRemoved(cluster.Name))
            {
                foreach (var resource in cluster.All<KubernetesResource>().Where(resource => !IsExcused(resource) && !_home.Truth.IsLeftOver(cluster.Name, resource)))
                    World.Break($"N3 {resource.GetType().Name} {resource.Metadata.Name} is still on {cluster.Name}, which was removed");
                continue;
            }

            foreach (var resource in cluster.All<ApplicationBackup>())
                CheckOwner(cluster, resource);
            foreach (var resource in cluster.All<ApplicationRestore>())
                CheckOwner(cluster, resource);
        }
    }

    /// <summary>Nobody works and nobody waits: all room must be free.</summary>
    private void CheckRoom()
    {
        foreach (var cluster in _home.Clusters.Keys)
        {
            if (_home.Active(SimGrains.IdOf(ObjectKind.Cluster, $"{Scene.Org}/{cluster}"))?.GrainInstance is ClusterGrain grain && grain.Queue.Running.Count + grain.Queue.WaitingCount > 0)
                World.Break($"room on {cluster} is kept by {string.Join(", ", grain.Queue.Running.Select(work => work.Key.Uid))}, which has ended");
        }
    }

    private void CheckBackup(string uid, Story story)
    {
        var stored = _home.Records.Find<BackupRecord>(Truth.Key(ObjectKind.Backup, uid));
        if (stored is null)
        {
            if (!_home.Truth.WasToGo(ObjectKind.Backup, uid))
                World.Break($"N1 backup {uid} is lost");
            else if (story.Deleted && _home.Truth.Left(uid, story) is { } left && !(story.Returned.Count > 0 && WasLetGo) && story.ReturnedLate.Count == 0)
                World.Break($"N9 backup {uid} is deleted and left {left}");
            return;
        }

        var info = stored.Body.Backup.BackupInfo;
        if (story.DeletionAccepted)
            World.Break($"N1 backup {uid} was to be deleted and is {info.Status.Status}");
        var end = _home.Truth.Ends.GetValueOrDefault(info.CrUid);
        var right = info.Status.Status switch
        {
            BackupStatus.Success => end == StorkStatus.Successful,
            BackupStatus.PartialSuccess => end == StorkStatus.PartialSuccess || (end == StorkStatus.Successful && info.MissingNamespaces.Count > 0),
            BackupStatus.Failed => end == StorkStatus.Failed || MayGiveUp(story) || _home.Truth.LostItsCluster(story),
            _ => false,
        };
        if (!right)
            World.Break($"backup {uid} is {info.Status.Status} ({info.Status.Reason}), and Stork said {end ?? "nothing"}");
        if (info.Status.Reason.StartsWith("cancelled", StringComparison.Ordinal) && story.HumanDeletions == 0 && story.Returned.Count == 0 && _home.Truth.Left(uid, story) is { } kept)
            World.Break($"N9 backup {uid} was cancelled and left {kept}");
        if (info.Status.Status is BackupStatus.Success or BackupStatus.PartialSuccess && !_home.Bucket.Has($"{info.BackupPath}/metadata.json"))
            World.Break($"backup {uid} is {info.Status.Status} and its data is not in the bucket");
    }

    private void CheckRestore(string uid, Story story)
    {
        var stored = _home.Records.Find<RestoreRecord>(Truth.Key(ObjectKind.Restore, uid));
        if (stored is null)
        {
            if (!_home.Truth.WasToGo(ObjectKind.Restore, uid))
                World.Break($"N1 restore {uid} is lost");
            return;
        }

        var info = stored.Body.Restore.RestoreInfo;
        if (story.DeletionAccepted)
            World.Break($"N1 restore {uid} was to be deleted and is {info.Status.Status}");
        var end = _home.Truth.Ends.GetValueOrDefault(stored.Body.ResourceUid);
        var right = info.Status.Status.ToString() switch
        {
            "Success" => end == StorkStatus.Successful,
            "PartialSuccess" => end == StorkStatus.PartialSuccess,
            // Whoever gives up what Stork may have finished says so.
            "Failed" when end is StorkStatus.Successful or StorkStatus.PartialSuccess && _home.Truth.LostItsCluster(story) => info.Status.Reason.Contains("Stork may still finish it", StringComparison.Ordinal),
            "Failed" => end == StorkStatus.Failed || MayGiveUp(story) || _home.Truth.LostItsCluster(story) || _home.Truth.WasToGo(ObjectKind.Backup, info.BackupRef.Uid),
            _ => false,
        };
        if (!right)
            World.Break($"restore {uid} is {info.Status.Status} ({info.Status.Reason}), and Stork said {end ?? "nothing"}");
    }

    /// <summary>Something happened after which giving work up is right.</summary>
    private bool MayGiveUp(Story story) => story.HumanDeletions > 0 || _home.Truth.Excused
        || World.Faults.Happened(Fault.StorkSilent) || World.Faults.Happened(Fault.StorkWarns) || World.Faults.Happened(Fault.StorkDead);

    /// <summary>
    /// A zombie or a late call made it, and its cluster was gone before anybody could see it; or an older snapshot brought it back while its
    /// cluster was being removed, or could not be reached any more until it was let go: no record names it then (docs/adr/0026).
    /// </summary>
    private bool IsExcused(KubernetesResource resource)
    {
        var story = _home.Truth.Of(resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "");
        return World.Faults.Happened(Fault.CallLate) || World.Faults.Happened(Fault.Pause) || story.StaleUids.Contains(resource.Metadata.Uid)
            || story.ReturnedLate.Contains(resource.Metadata.Uid) || (story.Returned.Contains(resource.Metadata.Uid) && WasLetGo);
    }

    /// <summary>A cluster that could not be reached was removed with what it kept in mind.</summary>
    private bool WasLetGo => _home.Records.Keys.Any(key => key.Kind == ObjectKind.LeftOvers);

    /// <summary>N3: what is on a cluster belongs to a record that wants it there.</summary>
    private void CheckOwner(Kubernetes cluster, KubernetesResource resource)
    {
        var uid = resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) ?? "";
        if (resource is ApplicationBackup && _home.Records.Find<BackupRecord>(Truth.Key(ObjectKind.Backup, uid)) is { } backup)
        {
            if (backup.Body.Backup.BackupInfo.CrUid != resource.Metadata.Uid || !_home.Truth.Ends.ContainsKey(resource.Metadata.Uid))
                World.Break($"N3 {resource.Metadata.Name} ({resource.Metadata.Uid}) is on {cluster.Name}, and its backup ended as {backup.Body.Backup.BackupInfo.Status.Status} without it");
        }
        else if (_home.Records.IndexOf(Truth.Key(ObjectKind.Restore, uid)) is { } restore)
            World.Break($"N3 {resource.GetType().Name} {resource.Metadata.Name} is still on {cluster.Name}, and its restore is {restore.Status}");
        else
            World.Break($"N3 {resource.GetType().Name} {resource.Metadata.Name} on {cluster.Name} belongs to nobody");
    }
}
