using Xunit;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Clusters;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using Phase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Restores;

[Collection(WorkSilo.Name)]
public sealed class RestoreGrainTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HalfMinute = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_restore_on_the_backups_own_cluster_uses_its_own_resource_and_leaves_it_there()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        string? used = null;
        scene.Kubernetes.StorkRestores = restore => (used, restore.Status) = (restore.Spec.BackupName, new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, ResourceCount = 3 });

        var uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, Second);

        Assert.Equal(Status.Success, scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Status);
        Assert.Equal(scene.Kubernetes.All<ApplicationBackup>().Single().Metadata.Name, used);
        Assert.Equal(0, scene.Kubernetes.Count("import"));
        Assert.Empty(scene.Kubernetes.All<ApplicationRestore>());
    }

    [Fact]
    public async Task A_restore_on_another_cluster_places_the_finished_backup_with_Retain_and_removes_it_at_the_end()
    {
        var (from, onto) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        var backup = await from.FinishedBackupAsync();
        ApplicationBackup? placed = null;
        onto.Kubernetes.StorkRestores = restore =>
        {
            placed = onto.Kubernetes.All<ApplicationBackup>().Single(one => one.Metadata.Name == restore.Spec.BackupName);
            restore.Status = new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, ResourceCount = 3 };
        };

        var uid = await from.StartRestoreAsync(backup, onto);
        await UntilAtRestAsync(from, uid, Second);

        Assert.Equal((StorkStage.Final, StorkStatus.Successful, "Retain"), (placed!.Status.Stage, placed.Status.Status, placed.Spec.ReclaimPolicy));
        Assert.Equal(from.BackupRecord(backup)!.Backup.BackupInfo.BackupPath, placed.Status.BackupPath);
        Assert.Empty(onto.Kubernetes.All<ApplicationRestore>());
        Assert.Empty(onto.Kubernetes.All<ApplicationBackup>());
        Assert.Equal(0, onto.Kubernetes.Count("patch ApplicationBackup")); // With Retain the data stays.
        Assert.Single(from.Kubernetes.All<ApplicationBackup>());
    }

    [Fact]
    public async Task A_backup_whose_objects_are_gone_is_found_out_before_anything_is_placed_and_restored_again_once_they_are_back()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        silo.Files.Missing[scene.Bucket] = ["resources.json", "metadata.json"];

        var uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, Second);
        var (restore, status) = (scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status, scene.BackupRecord(backup)!.Backup.BackupInfo.Status);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.StartRestoreAsync(backup));
        silo.Files.Missing.Clear();
        var again = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, again, Second);

        Assert.Equal(Status.Failed, restore.Status);
        Assert.StartsWith("CloudBackup objects are missing: resources.json, metadata.json in kube-system/", restore.Reason, StringComparison.Ordinal);
        Assert.Equal((BackupStatus.CloudBackupMissing, restore.Reason), (status.Status, status.Reason));
        Assert.Equal(ErrorReason.BackupNotRestorable, refusal.Reason);
        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationRestore"));
        Assert.Equal((BackupStatus.Success, Status.Success), (scene.BackupRecord(backup)!.Backup.BackupInfo.Status.Status, scene.RestoreRecord(again)!.Restore.RestoreInfo.Status.Status));
    }

    [Fact]
    public async Task The_outcome_is_stored_before_the_resource_is_removed()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        var stored = new List<Phase>();
        var uid = "";
        scene.Kubernetes.Before = call =>
        {
            if (call.StartsWith("delete ApplicationRestore", StringComparison.Ordinal))
                stored.Add(scene.RestoreRecord(uid)!.Phase);
            return Task.CompletedTask;
        };

        uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, Second);

        Assert.Equal([Phase.Cleaning], stored.Distinct());
    }

    [Fact]
    public async Task A_backup_that_did_not_succeed_is_not_restored()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup => FakeKubernetes.Finish(backup, StorkStatus.Failed);
        var backup = await scene.StartBackupAsync();
        await scene.UntilAsync(backup, BackupStatus.Failed);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.StartRestoreAsync(backup));

        Assert.Equal((ErrorReason.BackupNotRestorable, $"backup object [backup-{backup}] status is not in success: it is Failed"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task A_restore_that_Stork_never_begins_fails_without_any_Event()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRestores = null;

        var uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, HalfMinute);
        var status = scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status;

        Assert.Equal(Status.Failed, status.Status);
        Assert.StartsWith("Stork made no progress in stage '' for 00:10:", status.Reason);
        Assert.Empty(scene.Kubernetes.All<ApplicationRestore>());
    }

    [Fact]
    public async Task A_restore_that_is_stuck_fails_with_the_warning_as_its_reason()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRestores = restore =>
        {
            restore.Status = new() { Stage = StorkStage.Volumes, Status = StorkStatus.InProgress };
            scene.Kubernetes.Warnings[restore.Metadata.Uid] = ["Namespace \"\" is invalid"];
        };

        var uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, HalfMinute);

        Assert.EndsWith(": Namespace \"\" is invalid", scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Reason);
    }

    [Fact]
    public async Task A_creation_that_was_refused_and_done_nevertheless_is_taken_over()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.After = call => call.StartsWith("create ApplicationRestore", StringComparison.Ordinal) ? throw FakeKubernetes.Lost() : Task.CompletedTask;

        var uid = await scene.StartRestoreAsync(backup);
        await UntilAtRestAsync(scene, uid, Second);

        Assert.Equal(Status.Success, scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Status);
        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationRestore"));
    }

    [Fact]
    public async Task A_resource_that_a_person_deletes_fails_the_restore()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRestores = null;
        var uid = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("the restore ran", () => scene.RestoreRecord(uid)!.Phase == Phase.Running);

        await scene.Kubernetes.RemoveAsync<ApplicationRestore>();
        await UntilAtRestAsync(scene, uid, Second);

        Assert.Equal("the ApplicationRestore was deleted on the cluster while Stork was working on it; Stork may still finish it: 0 of an unknown number of resources were restored when it was last seen", scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Reason);
    }

    [Fact]
    public async Task Deleting_a_running_restore_cancels_it()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRestores = null;
        var uid = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("the restore ran", () => scene.RestoreRecord(uid)!.Phase == Phase.Running);

        await scene.Restore(uid).DeleteAsync(new() { OrgId = "default", Name = "restore-" + uid }, WorkSilo.Ann, Token);
        await silo.UntilAsync("the restore was gone", () => scene.RestoreRecord(uid) is null, Second);

        Assert.Empty(scene.Kubernetes.All<ApplicationRestore>());
        Assert.Single(scene.Kubernetes.All<ApplicationBackup>());
    }

    private Task UntilAtRestAsync(Scene scene, string uid, TimeSpan step) =>
        silo.UntilAsync($"restore {uid} was at rest", () => scene.RestoreRecord(uid)?.Phase == Phase.Finished, step);
}
