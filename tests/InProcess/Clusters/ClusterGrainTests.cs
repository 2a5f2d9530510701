using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
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

    // A minute by the options; the test's clock does not wait for the work, so that some seconds pass beside it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

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

    [Fact]
    public async Task Stork_s_silence_is_seen_within_a_minute_in_the_cluster_and_in_what_waits_and_it_ends_by_itself()
    {
        var scene = await Scene.ReadyAsync(silo);
        var renewals = 0;
        scene.Kubernetes.Stork = () => new() { Namespace = "kube-system", LeaseMark = $"{Interlocked.Increment(ref renewals)}" };
        scene.Kubernetes.StorkBacksUp = null;
        var running = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(running)!.Backup.BackupInfo.CrUid.Length > 0);
        await silo.UntilAsync("the lease was seen to move", () => Volatile.Read(ref renewals) > 2, Second);

        scene.Kubernetes.Stork = () => new() { Namespace = "kube-system", LeaseMark = "dead" };
        var died = silo.Time.GetUtcNow();
        await silo.UntilAsync("the cluster was offline", () => StatusOf(scene) == Status.Offline, Second);
        var took = silo.Time.GetUtcNow() - died;
        var reason = scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Reason;
        await silo.UntilAsync("the running backup said so", () => scene.ReasonOf(running).Contains("StorkSilent", StringComparison.Ordinal));

        scene.Kubernetes.Stork = () => new() { Namespace = "kube-system", LeaseMark = $"{Interlocked.Increment(ref renewals)}" };
        await silo.UntilAsync("the cluster was online", () => StatusOf(scene) == Status.Online, Second);
        await silo.UntilAsync("the running backup said it no longer", () => !scene.ReasonOf(running).Contains("StorkSilent", StringComparison.Ordinal));

        Assert.InRange(took, TimeSpan.FromSeconds(20), Patience);
        Assert.StartsWith("StorkSilent: Stork says nothing: its lease in namespace kube-system has not been renewed for ", reason, StringComparison.Ordinal);
        Assert.Equal("", scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Reason);
    }

    [Fact]
    public async Task A_cluster_whose_Stork_does_not_run_is_registered_as_offline()
    {
        var scene = new Scene(silo);
        scene.Kubernetes.Stork = () => new() { Namespace = "stork-ns", Deployment = new() { Wanted = 0, Ready = 0 } };

        var made = await scene.RegisterAsync();

        Assert.Equal(Status.Offline, made.ClusterInfo.Status.Status);
        Assert.StartsWith("StorkNotRunning: Stork does not run: Deployment stork in namespace stork-ns is scaled to 0.", made.ClusterInfo.Status.Reason, StringComparison.Ordinal);
        scene.Kubernetes.Stork = () => new() { Namespace = "stork-ns", Deployment = new() { Wanted = 3, Ready = 3 } };
        await silo.UntilAsync("the cluster came online", () => StatusOf(scene) == Status.Online, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_sign_in_that_work_finds_refused_makes_the_cluster_offline_at_once_and_the_work_waits()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.Before = call => call.StartsWith("look", StringComparison.Ordinal) ? Task.CompletedTask : throw FakeKubernetes.Refused(System.Net.HttpStatusCode.Unauthorized, "Unauthorized");

        // The clock stands still: no check was due.
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the cluster was offline", () => StatusOf(scene) == Status.Offline);
        var reason = scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Reason;
        scene.Kubernetes.Before = null;
        await scene.UntilAsync(uid, BackupStatus.Success, Second);

        Assert.StartsWith("Unauthorized: ", reason, StringComparison.Ordinal);
        Assert.Equal(Status.Online, StatusOf(scene));
    }

    [Fact]
    public async Task A_frozen_API_server_is_offline_within_a_minute()
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        await silo.UntilAsync("it was checked", () => scene.Kubernetes.Count("probe") >= 2);
        var never = new TaskCompletionSource();
        scene.Kubernetes.Before = _ => never.Task;

        var froze = silo.Time.GetUtcNow();
        await silo.UntilAsync("the cluster was offline", () => StatusOf(scene) == Status.Offline, Second);
        var took = silo.Time.GetUtcNow() - froze;
        never.SetResult();

        Assert.InRange(took, TimeSpan.Zero, Patience);
        Assert.StartsWith("ApiTimeout: the API server did not answer within 25 s.", scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Silence_and_frost_are_seen_within_a_minute_by_the_options()
    {
        var options = new ClusterOptions();

        Assert.InRange((options.PulseInterval * 1.2) + options.StorkSilence, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.InRange((options.PulseInterval * 1.2) + options.PulseTimeout + options.CheckTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.InRange(options.CallTimeout, TimeSpan.Zero, TimeSpan.FromSeconds(29));
    }

    [Fact]
    public async Task A_request_that_a_hung_cluster_holds_up_says_which_and_why_before_anybody_gives_up_waiting()
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        var (asked, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        scene.Kubernetes.Before = call =>
        {
            if (call.StartsWith("list kinds", StringComparison.Ordinal))
                asked.TrySetResult();
            return never.Task;
        };

        var types = scene.Cluster.ResourceTypesAsync(WorkSilo.Ann, Token);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);
        silo.Time.Advance(TimeSpan.FromSeconds(20));
        var refusal = await Assert.ThrowsAsync<DomainException>(() => types);
        never.SetResult();

        Assert.Equal(ErrorReason.Unreachable, refusal.Reason);
        Assert.StartsWith($"failed to list the resource types of cluster [{scene.ClusterRef.Name}]: ApiTimeout: the API server did not answer within 20 s.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_clusters_kubeconfig_is_refused_until_the_update_says_that_the_cluster_was_rebuilt()
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        var old = scene.Kubernetes.Uid;
        var rebuilt = silo.Clusters["rebuilt." + scene.Host];
        rebuilt.Uid = "new-uid";

        var refusal = await Assert.ThrowsAsync<DomainException>(() => UpdateAsync(scene, "rebuilt." + scene.Host));
        var wrong = await Assert.ThrowsAsync<DomainException>(() => UpdateAsync(scene, "rebuilt." + scene.Host, ("pxbackup.io/rebuilt", "some-uid")));
        await UpdateAsync(scene, "rebuilt." + scene.Host, ("pxbackup.io/rebuilt", old), ("team", "a"));

        Assert.Equal((ErrorReason.InvalidField, "kubeconfig"), (refusal.Reason, refusal.Facts["field"]));
        Assert.Contains($"add the label pxbackup.io/rebuilt: {old}", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("metadata.labels[pxbackup.io/rebuilt]", wrong.Facts["field"]);
        var cluster = scene.ClusterRecord()!.Cluster;
        Assert.Equal(("new-uid", Status.Online), (cluster.ClusterInfo.ApplicationClusterUuid, cluster.ClusterInfo.Status.Status));
        Assert.Equal("team", Assert.Single(cluster.Metadata.Labels).Key);
    }

    [Fact]
    public async Task A_server_that_is_another_cluster_all_of_a_sudden_is_offline_with_the_cause()
    {
        var scene = await Scene.ReadyAsync(silo);
        await silo.UntilAsync("it was watched", () => scene.Kubernetes.Watching == 1);
        var uid = scene.Kubernetes.Uid;

        scene.Kubernetes.Uid = "another";
        await scene.Kubernetes.ConnectedAsync(true);
        await silo.UntilAsync("the cluster was offline", () => StatusOf(scene) == Status.Offline, Second);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.StartBackupAsync());
        scene.Kubernetes.Uid = uid;
        await silo.UntilAsync("the cluster was online", () => StatusOf(scene) == Status.Online, Second);

        Assert.Contains("OtherCluster: The server is another cluster than the one that was registered", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(uid, scene.ClusterRecord()!.Cluster.ClusterInfo.ApplicationClusterUuid);
    }

    [Fact]
    public async Task The_same_cluster_registered_twice_says_so_to_its_owner_only()
    {
        var (first, second, foreign) = (new Scene(silo), new Scene(silo), new Scene(silo));
        second.Kubernetes.Uid = foreign.Kubernetes.Uid = first.Kubernetes.Uid;
        await first.RegisterAsync();

        var twin = await second.RegisterAsync();
        var anothers = await foreign.Cluster.CreateAsync(foreign.ClusterRequest(), new() { UserId = "bob", UserName = "Bob" }, Token);
        await first.Cluster.DeleteAsync(new() { OrgId = "default", Name = first.ClusterRef.Name }, WorkSilo.Ann, Token);
        await silo.UntilAsync("the hint went with the first", () => second.ClusterRecord()!.Cluster.ClusterInfo.Status.Reason.Length == 0, TimeSpan.FromSeconds(10));

        Assert.Equal(Status.Online, twin.ClusterInfo.Status.Status);
        Assert.StartsWith($"cluster [{first.ClusterRef.Name}] is the same Kubernetes cluster", twin.ClusterInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Equal("", anothers.ClusterInfo.Status.Reason);
    }

    private static Task UpdateAsync(Scene scene, string host, params (string Key, string Value)[] labels)
    {
        var request = new ClusterUpdateRequest { Metadata = new() { Name = scene.ClusterRef.Name, OrgId = "default" }, Kubeconfig = WorkSilo.Kubeconfig(host) };
        foreach (var (key, value) in labels)
            request.Metadata.Labels.Add(key, value);
        return scene.Cluster.UpdateAsync(request, WorkSilo.Ann, Token);
    }

    private static Status StatusOf(Scene scene) => scene.ClusterRecord()!.Cluster.ClusterInfo.Status.Status;
}
