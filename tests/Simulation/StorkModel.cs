using PxBackup.Grains.Clusters;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.Simulation;

/// <summary>Stork on one cluster, stage by stage as recorded: what it writes to its resources and into the bucket, and how it goes wrong.</summary>
internal sealed class StorkModel(Installation home, Kubernetes cluster)
{
    private static readonly (string Stage, string Status, int Count, string? Upload)[] BackupStages =
    [
        ("", "", 0, null),
        (StorkStage.Volumes, StorkStatus.Pending, 0, null),
        (StorkStage.Volumes, StorkStatus.InProgress, 0, "volume"),
        (StorkStage.Applications, StorkStatus.InProgress, 0, "namespaces.json"),
        (StorkStage.Applications, StorkStatus.InProgress, 7, "resources.json"),
        (StorkStage.Final, "", 7, "metadata.json"),
    ];

    private static readonly (string Stage, string Status, int Count)[] RestoreStages =
    [
        ("", "", 0),
        (StorkStage.Volumes, StorkStatus.InProgress, 0),
        (StorkStage.Applications, StorkStatus.InProgress, 3),
        (StorkStage.Final, "", 7),
    ];

    // Restores that nothing will bring on: their deletion is not waited for.
    private readonly HashSet<string> _stuck = [];
    private DateTimeOffset _deadUntil;

    private World World => home.World;

    public void Begin(ApplicationBackup backup) => Next(() => Advance(backup.Metadata.Name, backup.Metadata.Uid, 0));

    public void Begin(ApplicationRestore restore) => Next(() => AdvanceRestore(restore.Metadata.Name, restore.Metadata.Uid, 0));

    /// <summary>A restore that came back runs a second time within 2 s, over what runs now: a broken promise where nothing kept the product from seeing it.</summary>
    public void RunAgain(ApplicationRestore restore) => World.After(TimeSpan.FromSeconds(2), () =>
    {
        if (World.Faults.Only(Fault.PutBack) && cluster.Find<ApplicationRestore>(restore.Metadata.Name) is { Metadata.DeletionTimestamp: null } there && there.Metadata.Uid == restore.Metadata.Uid)
            World.Break($"N2 restore {restore.Metadata.Name} ran a second time: it came back and was not removed in time");
    });

    /// <summary>The finalizer: data first when it is to go, then the resource.</summary>
    public void Delete(KubernetesResource resource) => World.After(World.Random.Seconds(0.1, 2), () =>
    {
        if (IsDead())
        {
            Delete(resource);
            return;
        }

        var there = resource is ApplicationBackup ? (KubernetesResource?)cluster.Find<ApplicationBackup>(resource.Metadata.Name) : cluster.Find<ApplicationRestore>(resource.Metadata.Name);
        if (there?.Metadata.Uid != resource.Metadata.Uid)
            return;
        if (there is ApplicationRestore { Status.Stage: StorkStage.Volumes or StorkStage.Applications } && !_stuck.Contains(there.Metadata.Uid) && there.Metadata.DeletionTimestamp is not null)
        {
            Delete(resource); // Recorded: who deletes a running restore does not stop it. Looked at again until it has ended.
            return;
        }

        if (there is ApplicationBackup { Spec.ReclaimPolicy: "Delete" } backup && !World.Faults.Fires(Fault.StorkLeavesData))
            home.Bucket.Remove(PathOf(backup) + "/");
        cluster.Remove(there);
    });

    private static string PathOf(ApplicationBackup backup) => Truth.PathOf(backup);

    private void Advance(string name, string uid, int step)
    {
        if (cluster.Find<ApplicationBackup>(name) is not { Metadata.DeletionTimestamp: null } backup || backup.Metadata.Uid != uid)
            return;
        if (Held(() => Advance(name, uid, step), () => cluster.Delete<ApplicationBackup>(name, uid), backup))
            return;
        var (stage, status, count, upload) = BackupStages[step];
        var reason = $"{stage} {status}";
        if (stage == StorkStage.Final)
        {
            (status, reason) = World.Faults.Fires(Fault.StorkFails) ? (StorkStatus.Failed, "the upload failed")
                : World.Faults.Fires(Fault.StorkPartial) ? (StorkStatus.PartialSuccess, "Some volumes and resources were not backed up")
                : (StorkStatus.Successful, "Volumes and resources were backed up successfully");
            home.Truth.StorkEnded(uid, status);
        }

        if (upload is not null && status != StorkStatus.Failed)
            home.Bucket.Add($"{PathOf(backup)}/{upload}");
        cluster.Replace(new ApplicationBackup
        {
            Metadata = backup.Metadata,
            Spec = backup.Spec,
            Status = new()
            {
                Stage = stage,
                Status = status,
                Reason = reason,
                ResourceCount = count,
                FailedVolCount = status == StorkStatus.PartialSuccess ? 1 : 0,
                LastUpdateTimestamp = step == 0 ? null : World.Now,
                FinishTimestamp = stage == StorkStage.Final ? World.Now : null,
                BackupPath = stage == StorkStage.Final && status != StorkStatus.Failed ? PathOf(backup) : "",
            },
        });
        if (step + 1 < BackupStages.Length)
            Next(() => Advance(name, uid, step + 1));
    }

    private void AdvanceRestore(string name, string uid, int step)
    {
        if (cluster.Find<ApplicationRestore>(name) is not { } restore || restore.Metadata.Uid != uid || (restore.Metadata.DeletionTimestamp is not null && restore.Status.Stage.Length == 0))
            return;
        if (Held(() => AdvanceRestore(name, uid, step), () => cluster.Delete<ApplicationRestore>(name, uid), restore))
            return;
        // Without its backup, or with one whose data is gone, it stays as it is for ever.
        if (cluster.Find<ApplicationBackup>(restore.Spec.BackupName) is not { Status.Stage: StorkStage.Final } backup || !home.Bucket.Has($"{backup.Status.BackupPath}/metadata.json"))
        {
            home.Truth.Excused = true;
            _stuck.Add(uid);
            return;
        }

        var (stage, status, count) = RestoreStages[step];
        if (stage == StorkStage.Final)
        {
            status = World.Faults.Fires(Fault.StorkFails) ? StorkStatus.Failed : World.Faults.Fires(Fault.StorkPartial) ? StorkStatus.PartialSuccess : StorkStatus.Successful;
            home.Truth.StorkEnded(uid, status);
        }

        cluster.Replace(new ApplicationRestore
        {
            Metadata = restore.Metadata,
            Spec = restore.Spec,
            Status = new() { Stage = stage, Status = status, Reason = $"{stage} {status}", ResourceCount = 7, RestoredResourceCount = count, LastUpdateTimestamp = step == 0 ? null : World.Now },
        });
        if (step + 1 < RestoreStages.Length)
            Next(() => AdvanceRestore(name, uid, step + 1));
    }

    /// <summary>Something comes between: Stork is dead, stands still for ever, or a person takes the resource away.</summary>
    private bool Held(Action again, Action remove, KubernetesResource resource)
    {
        if (World.Faults.Fires(Fault.StorkDead))
            _deadUntil = World.Now + World.Random.Seconds(5, 60);
        if (IsDead())
        {
            World.After(World.Random.Seconds(1, 10), again);
            return true;
        }

        if (World.Faults.Fires(Fault.StorkSilent))
        {
            World.Log($"{cluster.Name}: Stork will never go on with {resource.Metadata.Name}");
            _stuck.Add(resource.Metadata.Uid);
            return true;
        }

        if (World.Faults.Fires(Fault.StorkWarns))
        {
            World.Log($"{cluster.Name}: Stork warns about {resource.Metadata.Name}");
            _stuck.Add(resource.Metadata.Uid);
            cluster.Warnings[resource.Metadata.Uid] = "the rule was not found";
            return true;
        }

        if (World.Faults.Fires(Fault.HumanDeletes))
        {
            World.Log($"{cluster.Name}: a person deletes {resource.Metadata.Name}");
            home.Truth.HumanDeleted(resource);
            remove();
            if (resource is not ApplicationRestore { Status.Stage.Length: > 0 })
                return true;
        }

        if (!World.Faults.Fires(Fault.StorkSlow))
            return false;
        World.After(World.Random.Seconds(20, 100), again);
        return true;
    }

    private bool IsDead() => World.Now < _deadUntil;

    private void Next(Action step) => World.After(World.Random.Seconds(0.3, 4), step);
}
