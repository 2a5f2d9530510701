using Xunit;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Clusters;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

/// <summary>A silo stood still right before it made a resource, and wakes up when the object has come to its end elsewhere.</summary>
[Collection(WorkSilo.Name)]
public sealed class OrphanTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_resource_that_appears_after_its_backup_was_deleted_is_removed_with_its_data()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var made = scene.Kubernetes.All<ApplicationBackup>().Single();
        made.Status = new() { Stage = StorkStage.Applications, Status = StorkStatus.InProgress };
        await scene.Backup(uid).DeleteAsync(new() { OrgId = "default", Uid = uid }, WorkSilo.Ann, Token);
        await scene.UntilGoneAsync(uid, Second);
        var patches = scene.Kubernetes.Count("patch ApplicationBackup");

        await AppearAsync(scene, made);
        await silo.UntilAsync("it was removed", () => scene.Kubernetes.All<ApplicationBackup>().Count == 0);

        Assert.Equal(patches + 1, scene.Kubernetes.Count("patch ApplicationBackup"));
    }

    [Fact]
    public async Task A_resource_of_which_the_store_never_knew_is_left_alone()
    {
        var scene = await Scene.ReadyAsync(silo);
        await scene.FinishedBackupAsync();
        var foreign = scene.Kubernetes.All<ApplicationBackup>().Single();
        foreign.Metadata.Name = "of-another-installation";
        foreign.Metadata.Labels!["pxbackup.io/uid"] = Guid.NewGuid().ToString();

        await AppearAsync(scene, foreign);
        await scene.FinishedBackupAsync(); // By then its report was delivered too.

        Assert.Contains(scene.Kubernetes.All<ApplicationBackup>(), backup => backup.Metadata.Name == "of-another-installation");
    }

    [Fact]
    public async Task A_resource_that_appears_after_its_backup_was_given_up_is_removed()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the resource was made", () => scene.Kubernetes.All<ApplicationBackup>().Count == 1);
        var made = scene.Kubernetes.All<ApplicationBackup>().Single();
        await scene.Kubernetes.RemoveAsync<ApplicationBackup>();
        await scene.UntilAsync(uid, Status.Failed, Second);
        made.Metadata.Uid = Guid.NewGuid().ToString();

        await AppearAsync(scene, made);
        await silo.UntilAsync("it was removed", () => scene.Kubernetes.All<ApplicationBackup>().Count == 0, Second);

        Assert.Equal(Status.Failed, scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status);
    }

    [Fact]
    public async Task A_restore_that_appears_again_after_its_end_is_removed_before_it_restores_twice()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        ApplicationRestore? made = null;
        scene.Kubernetes.StorkRestores = restore =>
        {
            restore.Status = new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, Reason = "restored", ResourceCount = 3 };
            made = restore;
        };
        var restore = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("it was restored and cleaned up", () => scene.RestoreRecord(restore)!.Phase == Grains.Restores.RestoreRecord.Types.Phase.Finished, Second);
        made!.Metadata.Uid = Guid.NewGuid().ToString();
        made.Status = new();

        scene.Kubernetes.Put(made);
        await scene.Kubernetes.ChangeAsync<ApplicationRestore>(_ => { });
        await silo.UntilAsync("it was removed", () => scene.Kubernetes.All<ApplicationRestore>().Count == 0, Second);

        Assert.Equal(PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status.Success, scene.RestoreRecord(restore)!.Restore.RestoreInfo.Status.Status);
    }

    [Fact]
    public async Task A_finished_restore_that_comes_back_with_an_older_snapshot_of_the_cluster_is_removed()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        ApplicationRestore? before = null;
        scene.Kubernetes.StorkRestores = restore =>
        {
            restore.Status = new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, Reason = "restored", ResourceCount = 3 };
            before = restore;
        };
        var restore = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("it was restored and cleaned up", () => scene.RestoreRecord(restore)!.Phase == Grains.Restores.RestoreRecord.Types.Phase.Finished, Second);

        scene.Kubernetes.Put(before!);
        await scene.Kubernetes.ChangeAsync<ApplicationRestore>(_ => { });
        await silo.UntilAsync("it was removed", () => scene.Kubernetes.All<ApplicationRestore>().Count == 0, Second);

        Assert.Equal(PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status.Success, scene.RestoreRecord(restore)!.Restore.RestoreInfo.Status.Status);
    }

    [Fact]
    public async Task A_finished_backup_that_comes_back_after_it_was_taken_out_of_the_catalogue_goes_without_its_data()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var before = scene.Kubernetes.All<ApplicationBackup>().Single();
        await silo.Grains.BackupLocation(new("default", scene.LocationRef.Uid)).DeleteAsync(new() { OrgId = "default", Uid = scene.LocationRef.Uid }, WorkSilo.Ann, Token);
        await silo.UntilAsync("the location was gone", () => silo.Store.Find<Grains.BackupLocations.BackupLocationRecord>(new(ObjectKind.BackupLocation, "default", scene.LocationRef.Uid)) is null, Second);
        Assert.Null(scene.BackupRecord(uid));

        await AppearAsync(scene, before);
        await silo.UntilAsync("it was removed", () => scene.Kubernetes.All<ApplicationBackup>().Count == 0);

        Assert.Equal(0, scene.Kubernetes.Count("patch ApplicationBackup"));
    }

    private static async Task AppearAsync(Scene scene, ApplicationBackup backup)
    {
        scene.Kubernetes.Put(backup);
        await scene.Kubernetes.ChangeAllAsync<ApplicationBackup>(_ => { });
    }
}
