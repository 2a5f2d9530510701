using Xunit;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Records;
using PxBackup.ObjectStores;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Clusters;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

[Collection(WorkSilo.Name)]
public sealed class BackupDeletionTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stork_is_told_to_delete_the_data_before_the_resource_goes()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var path = scene.BackupRecord(uid)!.Backup.BackupInfo.BackupPath;

        await DeleteAsync(scene, uid);
        await scene.UntilGoneAsync(uid, Second);
        var calls = scene.Kubernetes.Calls.ToList();

        var patched = calls.FindIndex(call => call.StartsWith("patch ApplicationBackup", StringComparison.Ordinal) && call.EndsWith("""{"spec":{"reclaimPolicy":"Delete"}}""", StringComparison.Ordinal));
        Assert.InRange(patched, 0, calls.FindIndex(call => call.StartsWith("delete ApplicationBackup", StringComparison.Ordinal)));
        Assert.Contains(path, silo.Files.Removed);
        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
    }

    [Theory]
    [InlineData("kube-system")]
    [InlineData("kube-system/another-backup-1234567/another-uid")]
    public async Task A_path_that_the_cluster_reports_is_neither_emptied_by_us_nor_by_Stork(string reported)
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup =>
        {
            FakeKubernetes.Finish(backup);
            backup.Status.BackupPath = reported;
        };
        var uid = await scene.FinishedBackupAsync();
        var (info, resource) = (scene.BackupRecord(uid)!.Backup.BackupInfo, scene.Kubernetes.All<ApplicationBackup>().Single().Metadata);

        await DeleteAsync(scene, uid);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Contains($"the cluster reported '{reported}'", info.Status.Reason, StringComparison.Ordinal);
        Assert.Equal(0, scene.Kubernetes.Count("patch ApplicationBackup")); // It stays Retain: Stork would go by the path.
        Assert.DoesNotContain(reported, silo.Files.Removed);
        Assert.Contains($"kube-system/{resource.Name}/{resource.Uid}", silo.Files.Removed);
    }

    [Fact]
    public async Task A_uid_that_the_cluster_makes_up_to_name_another_backups_folder_removes_nothing()
    {
        var scene = await Scene.ReadyAsync(silo);
        var victim = await scene.FinishedBackupAsync();
        var (body, stored) = (scene.BackupRecord(victim)!, new RecordKey(ObjectKind.Backup, "default", victim));
        var thief = victim[..^1] + (victim[^1] == '0' ? '1' : '0'); // The same name on the cluster, since that has seven characters of the uid.
        var copy = body.Clone();
        (copy.Backup.Metadata.Uid, copy.Phase) = (thief, Phase.Finished);
        copy.Backup.Metadata.Ownership = new() { Owner = "eve" };
        await silo.Store.InsertAsync(stored with { Uid = thief }, copy, BackupRules.IndexOf(copy));
        var before = silo.Files.Removed.Count;

        await scene.Backup(thief).DeleteAsync(new() { OrgId = "default", Name = copy.Backup.Metadata.Name, Uid = thief }, new() { UserId = "eve", UserName = "Eve" }, Token);
        await scene.UntilAsync(thief, Status.DeletePending, Second);

        Assert.Equal(before, silo.Files.Removed.Count);
        Assert.Contains($"is that of backup [{victim}], too: its objects are kept", scene.ReasonOf(thief), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_the_keys_has_the_location_validated_again()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var opened = silo.ObjectStores[scene.Bucket].Opened.Count;
        var refused = new ObjectStoreException(StoreFailure.SignatureMismatch, "SignatureDoesNotMatch", "listing: SignatureDoesNotMatch: no");
        silo.Files.Refusals[scene.Bucket] = new(ErrorReason.Unreachable, "the backup's objects could not be removed: SignatureDoesNotMatch: no", refused);
        silo.ObjectStores[scene.Bucket].Refusal = refused;

        await DeleteAsync(scene, uid);
        await silo.UntilAsync("the location is found to be invalid", () => scene.LocationRecord()!.BackupLocation.BackupLocationInfo.Status.Status == PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status.ValidationFailed, Second);
        silo.Files.Refusals.Clear();
        await scene.UntilGoneAsync(uid, Second);

        Assert.Equal(opened + 1, silo.ObjectStores[scene.Bucket].Opened.Count);
        Assert.Contains("SignatureDoesNotMatch", scene.LocationRecord()!.BackupLocation.BackupLocationInfo.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_the_keys_that_Stork_met_has_the_location_validated_again_and_says_the_cure()
    {
        var scene = await Scene.ReadyAsync(silo);
        var opened = silo.ObjectStores[scene.Bucket].Opened.Count;
        scene.Kubernetes.StorkBacksUp = backup => FakeKubernetes.Finish(backup, StorkStatus.Failed, "Error uploading resources: blob (code=Unknown): InvalidAccessKeyId: unknown.\n\tstatus code: 403, request id: , host id: ");

        var uid = await scene.StartBackupAsync();
        await scene.UntilAsync(uid, Status.Failed);
        await silo.UntilAsync("the location is validated again", () => silo.ObjectStores[scene.Bucket].Opened.Count > opened);

        Assert.EndsWith("Correct the access key (and the session token, if there is one) of the cloud credential.", scene.ReasonOf(uid), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deletion_through_another_cluster_still_removes_the_resource_on_the_backups_own()
    {
        var (scene, other) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        var uid = await scene.FinishedBackupAsync();

        await scene.Backup(uid).DeleteAsync(new() { OrgId = "default", Name = "backup-" + uid, Uid = uid, ClusterRef = other.ClusterRef }, WorkSilo.Ann, Token);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
    }

    [Fact]
    public async Task Deleting_a_running_backup_cancels_it_and_removes_what_it_left_in_the_bucket()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        var resource = scene.Kubernetes.All<ApplicationBackup>().Single().Metadata;

        await DeleteAsync(scene, uid);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Contains($"kube-system/{resource.Name}/{resource.Uid}", silo.Files.Removed);
    }

    [Fact]
    public async Task A_resource_made_at_the_moment_of_the_deletion_is_found_and_its_files_too()
    {
        var scene = await Scene.ReadyAsync(silo);
        var (made, held) = (Gate(), Gate());
        scene.Kubernetes.StorkBacksUp = null;
        scene.Kubernetes.After = call => call.StartsWith("create ApplicationBackup", StringComparison.Ordinal) ? Reached(made, held) : Task.CompletedTask;
        var uid = await scene.StartBackupAsync();
        await made.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);
        var resource = scene.Kubernetes.All<ApplicationBackup>().Single().Metadata;

        await DeleteAsync(scene, uid);
        held.SetResult();
        await scene.UntilGoneAsync(uid, Second);

        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
        Assert.Contains($"kube-system/{resource.Name}/{resource.Uid}", silo.Files.Removed);
    }

    [Fact]
    public async Task Objects_under_a_lock_keep_the_backup_as_DeletePending_until_the_lock_ends()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        silo.Files.Kept[scene.Bucket] = "object lock keeps 4 objects of the backup";

        await DeleteAsync(scene, uid);
        await scene.UntilAsync(uid, Status.DeletePending, Second);
        var reason = scene.ReasonOf(uid);
        silo.Files.Kept.Clear();
        await scene.UntilGoneAsync(uid, TimeSpan.FromMinutes(1));

        Assert.Equal("object lock keeps 4 objects of the backup", reason);
    }

    [Fact]
    public async Task Forgetting_a_backup_leaves_its_data_alone()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var path = scene.BackupRecord(uid)!.Backup.BackupInfo.BackupPath;

        await scene.Backup(uid).ForgetAsync(WorkSilo.Ann, Token);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Equal(0, scene.Kubernetes.Count("patch ApplicationBackup"));
        Assert.DoesNotContain(path, silo.Files.Removed);
        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
    }

    [Fact]
    public async Task A_backup_whose_location_is_gone_is_deleted_nevertheless()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        silo.Store.Vanish(new(ObjectKind.BackupLocation, "default", scene.LocationRef.Uid));
        await silo.EndActivationAsync(silo.Grains.BackupLocation(new("default", scene.LocationRef.Uid)));

        await DeleteAsync(scene, uid);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
    }

    [Fact]
    public async Task A_backup_whose_cluster_is_gone_is_deleted_from_its_bucket()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var path = scene.BackupRecord(uid)!.Backup.BackupInfo.BackupPath;
        await scene.Cluster.DeleteAsync(new() { OrgId = "default", Name = scene.ClusterRef.Name }, WorkSilo.Ann, Token);
        await silo.UntilAsync("the cluster was gone", () => scene.ClusterRecord() is null, Second);

        await DeleteAsync(scene, uid);
        await scene.UntilGoneAsync(uid, Second);

        Assert.Contains(path, silo.Files.Removed);
    }

    [Fact]
    public async Task A_resource_that_Stork_leaves_there_is_asked_for_less_and_less_often_and_the_reason_says_whose_turn_it_is()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRemoves = false;

        await DeleteAsync(scene, uid);
        await silo.UntilAsync("the reason says so", () => scene.ReasonOf(uid).Contains("waiting for Stork on cluster", StringComparison.Ordinal), Second);
        var (reason, asked) = (scene.ReasonOf(uid), scene.Kubernetes.Count("find ApplicationBackup"));
        await scene.Kubernetes.RemoveAsync<ApplicationBackup>();
        await scene.UntilGoneAsync(uid, TimeSpan.Zero);

        Assert.Contains(scene.ClusterRef.Name, reason, StringComparison.Ordinal);
        Assert.Contains("ApplicationBackup [kube-system/", reason, StringComparison.Ordinal);
        Assert.InRange(asked, 1, 150); // Each second for three minutes would be 180 times, with several questions each.
    }

    [Fact]
    public async Task A_deletion_on_a_cluster_that_does_not_answer_waits_and_says_why()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        scene.Kubernetes.Before = _ => throw FakeKubernetes.Lost();

        await DeleteAsync(scene, uid);
        await silo.UntilAsync("the reason says so", () => scene.ReasonOf(uid).Contains("ConnectionLost", StringComparison.Ordinal), Second);
        var status = scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status;
        scene.Kubernetes.Before = null;
        await scene.UntilGoneAsync(uid, Second);

        Assert.Equal(Status.Deleting, status);
    }

    private static Task DeleteAsync(Scene scene, string uid) => scene.Backup(uid).DeleteAsync(new() { OrgId = "default", Name = "backup-" + uid }, WorkSilo.Ann, Token);

    private static async Task Reached(TaskCompletionSource here, TaskCompletionSource until)
    {
        here.TrySetResult();
        await until.Task;
    }

    private static TaskCompletionSource Gate() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
