using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Clusters;

[Collection(WorkSilo.Name)]
public sealed class ClusterGrainTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_registered_cluster_is_online_and_shows_no_secret_unless_asked()
    {
        var scene = new Scene(silo);

        var made = await scene.RegisterAsync();
        var blank = await scene.Cluster.InspectAsync(new() { Name = scene.ClusterRef.Name }, WorkSilo.Ann, Token);
        var open = await scene.Cluster.InspectAsync(new() { Name = scene.ClusterRef.Name, IncludeSecrets = true }, WorkSilo.Ann, Token);

        Assert.Equal((Status.Online, "v1.36.2", "24.3.0"), (made.ClusterInfo.Status.Status, made.ClusterInfo.K8SVersion, made.ClusterInfo.StorkVersion));
        Assert.Equal(("", "", WorkSilo.Kubeconfig(scene.Host)), (made.ClusterInfo.Kubeconfig, blank.ClusterInfo.Kubeconfig, open.ClusterInfo.Kubeconfig));
    }

    [Fact]
    public async Task A_kubeconfig_that_cannot_be_used_names_its_field_and_leaves_nothing()
    {
        var scene = new Scene(silo);
        var request = scene.ClusterRequest();
        request.Kubeconfig = "bm90IGEga3ViZWNvbmZpZw==";

        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.Cluster.CreateAsync(request, WorkSilo.Ann, Token));

        Assert.Equal((ErrorReason.InvalidField, "kubeconfig"), (refusal.Reason, refusal.Facts["field"]));
        Assert.Null(scene.ClusterRecord());
    }

    [Theory]
    [InlineData(ClusterFailure.Forbidden, ErrorReason.Rejected)]
    [InlineData(ClusterFailure.ConnectRefused, ErrorReason.Unreachable)]
    public async Task A_cluster_that_fails_its_check_is_not_registered_and_the_cause_and_cure_are_said(ClusterFailure cause, ErrorReason reason)
    {
        var scene = new Scene(silo);
        scene.Kubernetes.Probe = () => throw new ClusterException(cause, "it said no.", "Do this.");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.RegisterAsync());

        Assert.Equal((reason, $"failed to validate access to the cluster: {cause}: it said no. Do this."), (refusal.Reason, refusal.Message));
        Assert.Null(scene.ClusterRecord());
        Assert.Equal(0, scene.Kubernetes.Open);
    }

    [Fact]
    public async Task A_cluster_without_Stork_is_offline_and_comes_online_once_it_is_installed()
    {
        var scene = new Scene(silo);
        var installed = scene.Kubernetes.Probe;
        scene.Kubernetes.Probe = () => throw new ClusterException(ClusterFailure.StorkMissing, "Stork is not there.", "Install it.");
        var made = await scene.RegisterAsync();

        scene.Kubernetes.Probe = installed;
        await silo.UntilAsync("the cluster came online", () => StatusOf(scene) == Status.Online, TimeSpan.FromSeconds(5));

        Assert.Equal((Status.Offline, "StorkMissing: Stork is not there. Install it."), (made.ClusterInfo.Status.Status, made.ClusterInfo.Status.Reason));
    }

    [Fact]
    public async Task An_admin_namespace_that_only_a_later_check_tells_moves_the_watch_there_without_keeping_the_grain_waiting()
    {
        var scene = new Scene(silo);
        scene.Kubernetes.Probe = () => throw new ClusterException(ClusterFailure.StorkMissing, "Stork is not there.", "Install it.");
        await scene.RegisterAsync();
        scene.Kubernetes.Probe = () => new() { KubernetesVersion = "v1", AdminNamespace = "stork-ns" };
        await silo.UntilAsync("the cluster came online", () => StatusOf(scene) == Status.Online, TimeSpan.FromSeconds(5));

        // The clock stands still from here: nothing may need it to pass.
        await silo.UntilAsync("one watch and one connection were left", () => scene.Kubernetes is { Watching: 1, Open: 1 });
        var facts = await scene.Cluster.FactsAsync(WorkSilo.Ann, Token);

        Assert.Equal("stork-ns", facts.AdminNamespace);
    }

    [Fact]
    public async Task A_taken_name_says_how_its_holder_is_before_the_new_cluster_is_examined()
    {
        var (scene, other) = (new Scene(silo), new Scene(silo));
        await scene.RegisterAsync();
        var request = other.ClusterRequest();
        request.Metadata.Name = scene.ClusterRef.Name;

        var refusal = await Assert.ThrowsAsync<DomainException>(() => other.Cluster.CreateAsync(request, WorkSilo.Ann, Token));

        Assert.Equal((ErrorReason.AlreadyExists, $"cluster [{scene.ClusterRef.Name}] already exists with status: Online"), (refusal.Reason, refusal.Message));
        Assert.Empty(other.Kubernetes.Calls);
    }

    [Fact]
    public async Task An_update_is_checked_before_it_counts()
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        silo.Clusters["bad." + scene.Host].Probe = () => throw new ClusterException(ClusterFailure.Unauthorized, "unknown token.", "Give another.");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => UpdateAsync(scene, "bad." + scene.Host));

        Assert.Equal(ErrorReason.Rejected, refusal.Reason);
        Assert.Equal(WorkSilo.Kubeconfig(scene.Host), scene.ClusterRecord()!.Cluster.ClusterInfo.Kubeconfig);
        Assert.Equal(1, scene.Kubernetes.Open);
    }

    [Fact]
    public async Task A_new_access_replaces_the_connection_and_leaves_none_behind()
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        var after = silo.Clusters["new." + scene.Host];

        await Task.WhenAll(UpdateAsync(scene, "new." + scene.Host), scene.Cluster.WakeAsync(Token), scene.Cluster.WakeAsync(Token));
        await silo.UntilAsync("one connection was left", () => (scene.Kubernetes.Open, after.Open, after.Watching) == (0, 1, 1));

        Assert.Equal(2, scene.ClusterRecord()!.Revision);
    }

    [Fact]
    public async Task Lost_connections_make_a_cluster_offline_and_refuse_new_backups_at_once()
    {
        var scene = await Scene.ReadyAsync(silo);
        // The check that follows meets the same cause as the watch, whichever of them reports first.
        scene.Kubernetes.Before = _ => throw new ClusterException(ClusterFailure.ConnectRefused, "nothing listens there", "Start it.");
        await silo.UntilAsync("it was watched", () => scene.Kubernetes.Watching == 1);

        await scene.Kubernetes.ConnectedAsync(false);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.StartBackupAsync());

        Assert.Equal((ErrorReason.Unreachable, $"cluster [{scene.ClusterRef.Name}] is not online: ConnectRefused: nothing listens there. Start it."), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task Removing_a_cluster_takes_its_backups_and_restores_with_it_when_asked()
    {
        var scene = await Scene.ReadyAsync(silo);
        var backup = await scene.FinishedBackupAsync();
        var restore = await scene.StartRestoreAsync(backup);

        await scene.Cluster.DeleteAsync(new() { OrgId = "default", Name = scene.ClusterRef.Name, DeleteBackups = true, DeleteRestores = true }, WorkSilo.Ann, Token);
        var leaving = StatusOf(scene);
        await silo.UntilAsync("the cluster was gone", () => scene.ClusterRecord() is null, Second);

        Assert.Equal(Status.DeletePending, leaving);
        Assert.Null(scene.BackupRecord(backup));
        Assert.Null(scene.RestoreRecord(restore));
        Assert.Empty(scene.Kubernetes.All<ApplicationBackup>());
        await silo.UntilAsync("the connection was closed", () => scene.Kubernetes is { Open: 0, Watching: 0 });
    }

    [Fact]
    public async Task Removing_a_cluster_alone_fails_what_runs_on_it_and_keeps_the_records()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.Kubernetes.Count("create ApplicationBackup") == 1 && scene.BackupRecord(uid)!.Backup.BackupInfo.CrUid.Length > 0);

        await scene.Cluster.DeleteAsync(new() { OrgId = "default", Name = scene.ClusterRef.Name }, WorkSilo.Ann, Token);
        await scene.UntilAsync(uid, BackupStatus.Failed, Second);

        Assert.Equal($"cancelled, because cluster [{scene.ClusterRef.Name}] is being removed", scene.ReasonOf(uid));
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_holds_up_no_other()
    {
        var (sick, well) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        var (asked, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        sick.Kubernetes.Before = _ =>
        {
            asked.TrySetResult();
            return never.Task;
        };
        var stuck = await sick.StartBackupAsync();
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        _ = await well.FinishedBackupAsync();
        var facts = await sick.Cluster.FactsAsync(WorkSilo.Ann, Token);
        var seen = await sick.Backup(stuck).InspectAsync(new() { Name = "backup-" + stuck }, WorkSilo.Ann, Token);
        never.SetResult();
        await sick.UntilAsync(stuck, BackupStatus.Success, Second);

        Assert.True(facts.Online);
        Assert.Equal(BackupStatus.Pending, seen.Value.BackupInfo.Status.Status);
    }

    private static Task UpdateAsync(Scene scene, string host) =>
        scene.Cluster.UpdateAsync(new() { Metadata = new() { Name = scene.ClusterRef.Name, OrgId = "default" }, Kubeconfig = WorkSilo.Kubeconfig(host) }, WorkSilo.Ann, Token);

    private static Status StatusOf(Scene scene) => scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Status;
}
