using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using RestorePhase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>A cluster is removed while backups and restores run there, or cannot be reached.</summary>
[Collection(WorkSilo.Name)]
public sealed class ClusterRemovalTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TenSeconds = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_running_backup_is_cancelled_and_what_it_had_stored_is_removed_before_the_cluster_goes()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup => backup.Status = new() { Stage = StorkStage.Applications, Status = StorkStatus.InProgress };
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Backup.BackupInfo.CrUid.Length > 0);
        var resource = scene.Kubernetes.All<ApplicationBackup>().Single().Metadata;

        await RemoveAsync(scene);
        await UntilGoneAsync(scene);

        Assert.Equal((BackupStatus.Failed, $"cancelled, because cluster [{scene.ClusterRef.Name}] is being removed"), (scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status, scene.ReasonOf(uid)));
        Assert.Contains($"kube-system/{resource.Name}/{resource.Uid}", silo.Files.Removed);
        AssertNothingIsLeft(scene);
    }

    [Fact]
    public async Task A_running_restore_ends_as_Stork_ended_it_although_its_cluster_is_being_removed()
    {
        var (scene, uid) = await RunningRestoreAsync();

        await RemoveAsync(scene);
        await silo.UntilAsync("it was to be deleted", () => scene.Kubernetes.All<ApplicationRestore>().Single().Metadata.DeletionTimestamp is not null, Second);
        var status = scene.ClusterRecord()!.Cluster.ClusterInfo.Status;
        await scene.Kubernetes.ChangeAsync<ApplicationRestore>(restore => restore.Status = new() { Stage = StorkStage.Final, Status = StorkStatus.Successful, Reason = "restored", ResourceCount = 3 });
        await silo.UntilAsync("the outcome was known", () => scene.RestoreRecord(uid)!.Phase == RestorePhase.Cleaning, Second);
        await scene.Kubernetes.RemoveAsync<ApplicationRestore>();
        scene.Kubernetes.StorkRemoves = true;
        await UntilGoneAsync(scene);

        Assert.Equal((Status.DeletePending, RestoreStatus.Success), (status.Status, scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Status));
        AssertNothingIsLeft(scene);
    }

    [Fact]
    public async Task A_running_restore_that_goes_without_an_end_says_that_Stork_may_still_finish_it()
    {
        var (scene, uid) = await RunningRestoreAsync();

        await RemoveAsync(scene);
        await silo.UntilAsync("it was to be deleted", () => scene.Kubernetes.All<ApplicationRestore>().Single().Metadata.DeletionTimestamp is not null, Second);
        scene.Kubernetes.StorkRemoves = true;
        await scene.Kubernetes.RemoveAsync<ApplicationRestore>();
        await UntilGoneAsync(scene);

        Assert.Equal(
            (RestoreStatus.Failed, $"cancelled, because cluster [{scene.ClusterRef.Name}] is being removed; Stork may still finish it: 2 of 7 resources were restored when it was last seen"),
            (scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Status, scene.RestoreRecord(uid)!.Restore.RestoreInfo.Status.Reason));
    }

    [Fact]
    public async Task Backups_that_are_kept_leave_the_cluster_with_their_location_and_keep_their_data()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();

        await RemoveAsync(scene);
        await UntilGoneAsync(scene);

        AssertNothingIsLeft(scene);
        Assert.Equal(0, scene.Kubernetes.Count("patch ApplicationBackup"));
        Assert.Equal(BackupStatus.Success, scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status);
        Assert.DoesNotContain(silo.Files.Removed, prefix => prefix.Contains(StorkPrefixOf(scene, uid), StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_accepted_delete_is_not_weakened_by_a_later_one()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRemoves = false;

        await scene.Cluster.DeleteAsync(new() { OrgId = "default", Name = scene.ClusterRef.Name, DeleteBackups = true }, WorkSilo.Ann, Token);
        await RemoveAsync(scene);
        await silo.UntilAsync("it was to be deleted", () => scene.Kubernetes.All<ApplicationBackup>().Single().Metadata.DeletionTimestamp is not null, Second);
        await scene.Kubernetes.RemoveAsync<ApplicationBackup>();
        scene.Kubernetes.StorkRemoves = true;
        await UntilGoneAsync(scene);

        Assert.Null(scene.BackupRecord(uid));
    }

    [Fact]
    public async Task What_an_unreachable_cluster_keeps_is_remembered_and_removed_when_its_owner_adds_it_again()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRestores = restore => restore.Status = new() { Stage = StorkStage.Applications, Status = StorkStatus.InProgress };
        var restore = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("the restore ran", () => scene.RestoreRecord(restore)!.Phase == RestorePhase.Running);
        var probe = scene.Kubernetes.Probe;
        var identity = probe().ClusterUid!;
        await DisconnectAsync(scene);

        await RemoveAsync(scene);
        await silo.UntilAsync("the cluster was let go", () => scene.ClusterRecord() is null, TenSeconds);
        await silo.UntilAsync("the restore had ended", () => scene.RestoreRecord(restore)!.Phase == RestorePhase.Finished, TenSeconds);
        var left = LeftOversOf(identity)!;
        (scene.Kubernetes.Before, scene.Kubernetes.Probe) = (null, probe);
        var again = new Scene(silo);
        var request = again.ClusterRequest();
        request.Kubeconfig = WorkSilo.Kubeconfig(scene.Host);
        await again.Cluster.CreateAsync(request, WorkSilo.Ann, Token);
        await silo.UntilAsync("what it had kept was removed", () => LeftOversOf(identity) is null, Second);

        Assert.Equal(
            ["ApplicationBackup", "ApplicationBackup", "ApplicationRestore", "BackupLocation", "Secret"],
            left.Resources.Select(one => ((ClusterResource)one.Kind).ToString()).Order(StringComparer.Ordinal));
        Assert.Contains("Stork may still finish it", scene.RestoreRecord(restore)!.Restore.RestoreInfo.Status.Reason, StringComparison.Ordinal);
        AssertNothingIsLeft(scene);
    }

    [Fact]
    public async Task What_a_cluster_keeps_is_not_removed_for_another_owner()
    {
        var scene = await Scene.ReadyAsync(silo);
        await scene.FinishedBackupAsync();
        var probe = scene.Kubernetes.Probe;
        await DisconnectAsync(scene);
        await RemoveAsync(scene);
        await silo.UntilAsync("the cluster was let go", () => scene.ClusterRecord() is null, TenSeconds);

        (scene.Kubernetes.Before, scene.Kubernetes.Probe) = (null, probe);
        var others = new Scene(silo);
        var request = others.ClusterRequest();
        request.Kubeconfig = WorkSilo.Kubeconfig(scene.Host);
        await others.Cluster.CreateAsync(request, new() { UserId = "bob", UserName = "Bob" }, Token);
        await silo.UntilAsync("it was watched", () => scene.Kubernetes.Watching == 1, Second);

        Assert.NotNull(LeftOversOf(probe().ClusterUid!));
        Assert.Single(scene.Kubernetes.All<Secret>());
    }

    [Fact]
    public async Task Keys_of_a_location_that_went_are_removed_when_an_older_snapshot_of_the_cluster_brings_them_back()
    {
        var scene = await Scene.ReadyAsync(silo);
        await scene.FinishedBackupAsync();
        var (secret, location) = (scene.Kubernetes.All<Secret>().Single(), scene.Kubernetes.All<StorkBackupLocation>().Single());
        foreach (var kind in new[] { ClusterResource.BackupLocation, ClusterResource.Secret })
            await scene.Cluster.CallAsync(new() { Verb = ClusterVerb.Delete, Resource = kind, Namespace = "kube-system", Name = secret.Metadata.Name, Uid = scene.LocationRef.Uid }, Token);
        Assert.Empty(scene.Kubernetes.All<Secret>());

        scene.Kubernetes.Put(secret);
        scene.Kubernetes.Put(location);
        await silo.UntilAsync("they were removed", () => scene.Kubernetes.All<Secret>().Count + scene.Kubernetes.All<StorkBackupLocation>().Count == 0, TenSeconds);
    }

    [Fact]
    public async Task What_another_registration_of_the_same_cluster_uses_stays_until_that_goes_too()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        var twin = new Scene(silo);
        var request = twin.ClusterRequest();
        request.Kubeconfig = WorkSilo.Kubeconfig(scene.Host);
        await twin.Cluster.CreateAsync(request, WorkSilo.Ann, Token);
        await scene.StartBackupAsync(it => it.ClusterRef = twin.ClusterRef);
        await silo.UntilAsync("both had placed", () => twin.ClusterRecord()!.Placed.Count == 2 && scene.Kubernetes.All<ApplicationBackup>().Count == 2);

        await RemoveAsync(scene);
        await UntilGoneAsync(scene);
        var kept = (scene.Kubernetes.All<Secret>().Count, scene.Kubernetes.All<ApplicationBackup>().Count);
        await RemoveAsync(twin);
        await UntilGoneAsync(twin);

        Assert.Equal((1, 1), kept);
        AssertNothingIsLeft(scene);
        Assert.NotNull(scene.BackupRecord(backup));
    }

    private async Task<(Scene Scene, string Restore)> RunningRestoreAsync()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        scene.Kubernetes.StorkRemoves = false;
        scene.Kubernetes.StorkRestores = restore => restore.Status = new() { Stage = StorkStage.Applications, Status = StorkStatus.InProgress, ResourceCount = 7, RestoredResourceCount = 2 };
        var uid = await scene.StartRestoreAsync(backup);
        await silo.UntilAsync("the restore ran", () => scene.RestoreRecord(uid) is { Phase: RestorePhase.Running, Restore.RestoreInfo.RestoredResourceCount: 2 });
        return (scene, uid);
    }

    private static async Task DisconnectAsync(Scene scene)
    {
        scene.Kubernetes.Before = _ => throw FakeKubernetes.Lost();
        scene.Kubernetes.Probe = () => throw FakeKubernetes.Lost();
        await scene.Kubernetes.ConnectedAsync(false);
    }

    private static Task RemoveAsync(Scene scene) => scene.Cluster.DeleteAsync(new() { OrgId = "default", Name = scene.ClusterRef.Name }, WorkSilo.Ann, Token);

    private Task UntilGoneAsync(Scene scene) => silo.UntilAsync("the cluster was gone", () => scene.ClusterRecord() is null, Second);

    private LeftOversRecord? LeftOversOf(string identity) => silo.Store.Find<LeftOversRecord>(LeftOvers.KeyOf("default", identity, "ann"))?.Body;

    private static string StorkPrefixOf(Scene scene, string uid) => scene.BackupRecord(uid)!.Backup.BackupInfo.CrUid;

    private static void AssertNothingIsLeft(Scene scene)
    {
        Assert.Empty(scene.Kubernetes.All<ApplicationRestore>());
        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
        Assert.Empty(scene.Kubernetes.All<StorkBackupLocation>());
        Assert.Empty(scene.Kubernetes.All<Secret>());
        Assert.Empty(scene.Kubernetes.All<StorkRule>());
    }
}
