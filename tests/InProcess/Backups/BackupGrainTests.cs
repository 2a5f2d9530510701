using System.Collections.Concurrent;
using Xunit;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Records;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Clusters;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

[Collection(WorkSilo.Name)]
public sealed class BackupGrainTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HalfMinute = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backup_is_durable_before_anything_is_made_on_the_cluster()
    {
        var scene = await Scene.ReadyAsync(silo);
        var durable = new List<bool>();
        var uid = Guid.NewGuid().ToString();
        scene.Kubernetes.Before = call => Noted(() => durable.Add(call.StartsWith("probe", StringComparison.Ordinal) || scene.BackupRecord(uid) is not null));

        await scene.Backup(uid).CreateAsync(scene.BackupRequest(uid), WorkSilo.Ann, Token);
        await scene.UntilAsync(uid, Status.Success);

        Assert.DoesNotContain(false, durable);
        Assert.NotEmpty(durable);
    }

    [Fact]
    public async Task A_backup_with_a_new_uid_is_accepted_by_its_write_alone()
    {
        var scene = await Scene.ReadyAsync(silo);
        var (announced, chosen) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var asked = new ConcurrentQueue<(string Uid, string What)>();
        silo.Store.BeforeRead = key => asked.Enqueue((key.Uid, "read"));
        silo.Store.BeforeWrite = (what, key) => asked.Enqueue((key.Uid, what));
        try
        {
            NewUid.Announce(new ObjectKey("default", announced));
            await scene.Backup(announced).CreateAsync(scene.BackupRequest(announced), WorkSilo.Ann, Token);
            NewUid.Forget();
            await scene.Backup(chosen).CreateAsync(scene.BackupRequest(chosen), WorkSilo.Ann, Token);
        }
        finally
        {
            (silo.Store.BeforeRead, silo.Store.BeforeWrite) = (null, null);
        }

        Assert.Equal("insert", asked.First(at => at.Uid == announced).What);
        Assert.Equal("read", asked.First(at => at.Uid == chosen).What);
        await scene.UntilAsync(announced, Status.Success);
    }

    [Fact]
    public async Task An_announcement_that_comes_with_another_call_than_a_create_hides_no_backup()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        await silo.EndActivationAsync(scene.Backup(uid));

        NewUid.Announce(new ObjectKey("default", uid));
        var refused = await Assert.ThrowsAsync<DomainException>(() => scene.Backup(uid).InspectAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token));
        NewUid.Forget();
        var found = await scene.Backup(uid).InspectAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token);

        Assert.Equal(ErrorReason.StoreUnavailable, refused.Reason);
        Assert.Equal(Status.Success, found.Value.BackupInfo.Status.Status);
    }

    [Fact]
    public async Task Secret_location_and_backup_are_made_in_this_order_once_each()
    {
        var scene = await Scene.ReadyAsync(silo);

        await scene.FinishedBackupAsync();

        Assert.Equal(["create Secret", "create StorkBackupLocation", "create ApplicationBackup"],
            scene.Kubernetes.Calls.Where(call => call.StartsWith("create", StringComparison.Ordinal)).Select(call => string.Join(' ', call.Split(' ')[..2])));
    }

    [Fact]
    public async Task The_same_request_again_is_the_same_backup_and_another_one_is_refused()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var other = scene.BackupRequest(uid);
        other.Namespaces.Add("blog");

        var again = await scene.Backup(uid).CreateAsync(scene.BackupRequest(uid), WorkSilo.Ann, Token);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => scene.Backup(uid).CreateAsync(other, WorkSilo.Ann, Token));

        Assert.Equal(Status.Success, again.BackupInfo.Status.Status);
        Assert.Equal(ErrorReason.RequestMismatch, refusal.Reason);
        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationBackup"));
    }

    [Fact]
    public async Task No_more_backups_run_on_a_cluster_at_once_than_it_has_room_for()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uids = new List<string>();
        for (var i = 0; i < 4; i++)
            uids.Add(await scene.StartBackupAsync());
        await silo.UntilAsync("two backups ran", () => uids.Count(uid => scene.BackupRecord(uid)!.Phase == Phase.Running) == 2);

        var waiting = uids.Where(uid => scene.BackupRecord(uid)!.Phase == Phase.Accepted).ToList();
        Assert.All(waiting, uid => Assert.Equal("accepted", scene.ReasonOf(uid)));
        await silo.UntilAsync("those without room said so", () => waiting.All(uid => scene.ReasonOf(uid) == "waiting for room on the cluster"), Second);
        await scene.Backup(uids.Except(waiting).First()).DeleteAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token);
        await silo.UntilAsync("a third backup ran", () => waiting.Any(uid => scene.BackupRecord(uid)!.Phase == Phase.Running), Second);

        Assert.Equal(2, waiting.Count);
        Assert.All(waiting, uid => Assert.True(scene.BackupRecord(uid)!.Phase != Phase.Accepted || scene.ReasonOf(uid) == "waiting for room on the cluster"));
        Assert.Single(waiting, uid => scene.BackupRecord(uid)!.Phase == Phase.Running);
    }

    [Fact]
    public async Task A_crash_between_making_and_recording_the_resource_makes_it_only_once()
    {
        var scene = await Scene.ReadyAsync(silo);
        var (made, never) = (Gate(), Gate());
        scene.Kubernetes.StorkBacksUp = null;
        scene.Kubernetes.After = call => call.StartsWith("create ApplicationBackup", StringComparison.Ordinal) ? Reached(made, never) : Task.CompletedTask;
        var uid = await scene.StartBackupAsync();
        await made.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        await silo.EndActivationAsync(scene.Backup(uid));
        scene.Kubernetes.After = null;
        await scene.Backup(uid).WakeAsync(Token);
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        never.SetResult();

        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationBackup"));
        Assert.Equal(scene.Kubernetes.All<ApplicationBackup>().Single().Metadata.Uid, scene.BackupRecord(uid)!.Backup.BackupInfo.CrUid);
    }

    [Fact]
    public async Task A_creation_that_was_refused_and_done_nevertheless_is_taken_over()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.After = call => call.StartsWith("create ApplicationBackup", StringComparison.Ordinal) ? throw FakeKubernetes.Lost() : Task.CompletedTask;

        var uid = await scene.StartBackupAsync();
        await scene.UntilAsync(uid, Status.Success, Second);

        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationBackup"));
    }

    [Fact]
    public async Task A_foreign_resource_of_the_same_name_is_left_alone_and_the_backup_says_so()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = Guid.NewGuid().ToString();
        var name = $"backup-{uid}-{uid[..7]}";
        scene.Kubernetes.Put(new ApplicationBackup { Metadata = new() { Name = name, Namespace = "kube-system", Uid = "theirs" } });

        await scene.Backup(uid).CreateAsync(scene.BackupRequest(uid), WorkSilo.Ann, Token);
        await scene.UntilAsync(uid, Status.Failed);
        await silo.UntilAsync("the clean-up was over", () => scene.BackupRecord(uid) is { RemoveResource: false });

        Assert.Equal($"ApplicationBackup [kube-system/{name}] exists on the cluster and was not made for this backup: remove it or choose another name", scene.ReasonOf(uid));
        Assert.Equal("theirs", scene.Kubernetes.All<ApplicationBackup>().Single().Metadata.Uid);
        Assert.Equal(0, scene.Kubernetes.Count("delete") + scene.Kubernetes.Count("patch ApplicationBackup"));
    }

    [Fact]
    public async Task Missing_namespaces_make_the_backup_partial_and_none_at_all_fails_it_before_Stork_sees_it()
    {
        var scene = await Scene.ReadyAsync(silo);

        var partial = await scene.StartBackupAsync(request => request.Namespaces.Add("gone"));
        var failed = await scene.StartBackupAsync(request => request.Namespaces[0] = "lost");
        await scene.UntilAsync(partial, Status.PartialSuccess);
        await scene.UntilAsync(failed, Status.Failed);

        Assert.Equal(["shop"], scene.Kubernetes.All<ApplicationBackup>().Single().Spec.Namespaces);
        Assert.Equal($"nothing matched the selection: none of the namespaces exists on cluster [{scene.ClusterRef.Name}]: lost", scene.ReasonOf(failed));
    }

    [Fact]
    public async Task A_failure_of_Stork_is_told_in_its_words_and_its_resource_stays()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup => FakeKubernetes.Finish(backup, StorkStatus.Failed, "Error uploading resources: SignatureDoesNotMatch");

        var uid = await scene.StartBackupAsync();
        await scene.UntilAsync(uid, Status.Failed);

        Assert.Equal("Error uploading resources: SignatureDoesNotMatch", scene.ReasonOf(uid));
        Assert.Null(scene.BackupRecord(uid)!.DueAt);
    }

    [Fact]
    public async Task A_backup_that_never_ends_fails_with_the_warning_as_its_reason_and_is_removed()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup => scene.Kubernetes.Warnings[backup.Metadata.Uid] = ["old", "Error getting PreExecRule: not found"];
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        var since = silo.Time.GetUtcNow();

        await silo.UntilAsync("the warning was told", () => scene.ReasonOf(uid) == "Error getting PreExecRule: not found", HalfMinute);
        var told = scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status;
        await scene.UntilAsync(uid, Status.Failed, HalfMinute);
        await silo.UntilAsync("the resource was removed", () => scene.Kubernetes.All<ApplicationBackup>().Count == 0, Second);

        Assert.Equal(Status.InProgress, told);
        Assert.EndsWith(": Error getting PreExecRule: not found", scene.ReasonOf(uid));
        Assert.True(silo.Time.GetUtcNow() - since < A.Options.StageTimeout, "a known cause must not wait for the long deadline");
    }

    [Fact]
    public async Task A_backup_without_progress_and_without_warnings_fails_at_its_deadline_and_not_before()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        var since = silo.Time.GetUtcNow();

        await scene.UntilAsync(uid, Status.Failed, HalfMinute);

        Assert.StartsWith("Stork made no progress in stage '' for 00:3", scene.ReasonOf(uid));
        Assert.True(silo.Time.GetUtcNow() - since >= A.Options.StageTimeout);
    }

    [Fact]
    public async Task Events_that_may_not_be_read_do_not_keep_a_backup_alive_for_ever()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        scene.Kubernetes.Before = call => call.StartsWith("list Event", StringComparison.Ordinal) ? throw FakeKubernetes.Refused(System.Net.HttpStatusCode.Forbidden, "Forbidden") : Task.CompletedTask;
        var uid = await scene.StartBackupAsync();

        await scene.UntilAsync(uid, Status.Failed, HalfMinute);

        Assert.StartsWith("Stork made no progress in stage ''", scene.ReasonOf(uid));
    }

    [Fact]
    public async Task What_an_older_release_placed_is_left_out_of_backups_from_its_next_use_on()
    {
        var scene = await Scene.ReadyAsync(silo);
        await scene.FinishedBackupAsync();
        var (secret, location) = (scene.Kubernetes.All<Secret>().Single(), scene.Kubernetes.All<StorkBackupLocation>().Single());
        secret.Metadata.Annotations.Clear();
        location.Metadata.Annotations.Clear();
        scene.Kubernetes.Put(secret);
        scene.Kubernetes.Put(location);

        await scene.FinishedBackupAsync();

        Assert.All([.. scene.Kubernetes.All<Secret>(), .. scene.Kubernetes.All<StorkBackupLocation>(), .. scene.Kubernetes.All<ApplicationBackup>()],
            (KubernetesResource resource) => Assert.Equal("true", resource.Metadata.Annotations.GetValueOrDefault("stork.libopenstorage.org/skip-resource")));
    }

    [Fact]
    public async Task A_reason_does_not_outlive_what_it_was_about()
    {
        const string says = "Starting the Volume backups";
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = backup => backup.Status = new() { Stage = StorkStage.Volumes, Status = StorkStatus.InProgress, Reason = says };
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("Stork was heard", () => scene.ReasonOf(uid) == says, Second);
        scene.Kubernetes.Before = call => call.StartsWith("find ApplicationBackup", StringComparison.Ordinal) ? throw FakeKubernetes.Lost() : Task.CompletedTask;
        await silo.UntilAsync("the outage was told", () => scene.ReasonOf(uid).Contains("the connection broke", StringComparison.Ordinal), HalfMinute);

        scene.Kubernetes.Before = null;

        await silo.UntilAsync("Stork was heard again", () => scene.ReasonOf(uid) == says, HalfMinute);
    }

    [Fact]
    public async Task Signs_of_life_keep_a_long_backup_going()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        for (var i = 0; i < 6; i++)
        {
            var before = scene.BackupRecord(uid)!.Deadline;
            silo.Time.Advance(TimeSpan.FromMinutes(20));
            await scene.Kubernetes.ChangeAsync<ApplicationBackup>(backup => backup.Status = new() { Stage = StorkStage.Volumes, Status = StorkStatus.InProgress, LastUpdateTimestamp = silo.Time.GetUtcNow() });
            await silo.UntilAsync("the deadline moved", () => !before.Equals(scene.BackupRecord(uid)!.Deadline));
        }

        Assert.Equal(Status.InProgress, scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status);
    }

    [Fact]
    public async Task A_resource_that_a_person_deletes_fails_the_backup()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);

        await scene.Kubernetes.RemoveAsync<ApplicationBackup>();
        await scene.UntilAsync(uid, Status.Failed);

        Assert.Equal("the ApplicationBackup was deleted on the cluster while Stork was working on it", scene.ReasonOf(uid));
    }

    [Fact]
    public async Task An_activation_ends_after_the_step_that_is_under_way()
    {
        var scene = await Scene.ReadyAsync(silo);
        var (asked, answered) = (Gate(), Gate());
        scene.Kubernetes.Before = call => call.StartsWith("create ApplicationBackup", StringComparison.Ordinal) ? Reached(asked, answered) : Task.CompletedTask;
        var uid = await scene.StartBackupAsync();
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        var ending = silo.EndActivationAsync(scene.Backup(uid));
        var early = await Task.WhenAny(ending, Task.Delay(TimeSpan.FromMilliseconds(500), Token)) == ending;
        answered.SetResult();
        await ending.WaitAsync(TimeSpan.FromSeconds(10), Token);

        Assert.False(early, "another activation could have begun beside the step");
        Assert.Equal(1, scene.Kubernetes.Count("create ApplicationBackup"));
    }

    [Fact]
    public async Task A_wake_finds_a_backup_that_came_into_the_store_after_its_activation_had_looked()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = Guid.NewGuid().ToString();
        await Assert.ThrowsAsync<DomainException>(() => scene.Backup(uid).InspectAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token));
        var late = A.Finished();
        (late.Backup.Metadata.Uid, late.Backup.Metadata.Name) = (uid, $"late-{uid}");
        await silo.Store.InsertAsync(RecordKey.Of(ObjectKind.Backup, new ObjectKey("default", uid)), late, BackupRules.IndexOf(late));

        await scene.Backup(uid).WakeAsync(Token);

        var found = await scene.Backup(uid).InspectAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token);
        Assert.Equal($"late-{uid}", found.Value.Metadata.Name);
    }

    [Fact]
    public async Task A_late_report_does_not_reopen_a_finished_backup()
    {
        var scene = await Scene.ReadyAsync(silo);
        var uid = await scene.FinishedBackupAsync();
        var before = scene.BackupRecord(uid);

        await scene.Backup(uid).ObserveAsync(A.Report(StorkStage.Volumes), Token);
        await scene.Backup(uid).WakeAsync(Token);

        Assert.Equal(before, scene.BackupRecord(uid));
    }

    [Fact]
    public async Task A_backup_of_a_cluster_that_goes_away_says_what_it_waits_for_and_goes_on_when_it_is_back()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var held = new[] { await scene.StartBackupAsync(), await scene.StartBackupAsync() };
        await silo.UntilAsync("two backups ran", () => held.All(one => scene.BackupRecord(one)!.Phase == Phase.Running));
        var uid = await scene.StartBackupAsync();
        scene.Kubernetes.Before = _ => throw FakeKubernetes.Lost();
        await scene.Kubernetes.ConnectedAsync(false);
        await silo.UntilAsync("the reason names the cluster", () => scene.ReasonOf(uid).StartsWith($"waiting for cluster [{scene.ClusterRef.Name}], which is offline: ", StringComparison.Ordinal), HalfMinute);

        (scene.Kubernetes.Before, scene.Kubernetes.StorkBacksUp) = (null, backup => FakeKubernetes.Finish(backup));
        await scene.Kubernetes.ConnectedAsync(true);
        foreach (var one in held)
            await scene.Backup(one).DeleteAsync(new() { OrgId = "default" }, WorkSilo.Ann, Token);
        await scene.UntilAsync(uid, Status.Success, Second);

        Assert.Equal(1, scene.Kubernetes.Calls.Count(call => call.StartsWith($"create ApplicationBackup kube-system/backup-{uid}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Time_in_which_the_cluster_could_not_be_looked_at_does_not_count_against_a_running_backup()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var uid = await scene.StartBackupAsync();
        await silo.UntilAsync("the backup ran", () => scene.BackupRecord(uid)!.Phase == Phase.Running);
        scene.Kubernetes.Before = _ => throw FakeKubernetes.Lost();
        var back = silo.Time.GetUtcNow() + TimeSpan.FromHours(2);
        await silo.UntilAsync("two hours passed", () => silo.Time.GetUtcNow() >= back, TimeSpan.FromMinutes(2));

        scene.Kubernetes.Before = null;
        var looked = scene.Kubernetes.Count("find ApplicationBackup");
        await silo.UntilAsync("the backup was looked at", () => scene.Kubernetes.Count("find ApplicationBackup") > looked + 1, Second);
        var meanwhile = scene.BackupRecord(uid)!.Backup.BackupInfo.Status.Status;
        await scene.Kubernetes.ChangeAsync<ApplicationBackup>(backup => FakeKubernetes.Finish(backup));
        await scene.UntilAsync(uid, Status.Success, Second);

        Assert.Equal(Status.InProgress, meanwhile);
    }

    [Fact]
    public async Task A_backup_that_finds_no_room_in_time_fails_and_says_why()
    {
        var scene = await Scene.ReadyAsync(silo);
        scene.Kubernetes.StorkBacksUp = null;
        var busy = new[] { await scene.StartBackupAsync(), await scene.StartBackupAsync() };
        await silo.UntilAsync("two backups ran", () => busy.All(one => scene.BackupRecord(one)!.Phase == Phase.Running));
        var uid = await scene.StartBackupAsync();
        var until = scene.BackupRecord(uid)!.Deadline.ToDateTimeOffset() - TimeSpan.FromMinutes(10);

        // Stork's signs of life keep the other two going, so that their room never comes free.
        while (silo.Time.GetUtcNow() < until)
        {
            var before = busy.Select(one => scene.BackupRecord(one)!.Deadline).ToList();
            silo.Time.Advance(TimeSpan.FromMinutes(10));
            await scene.Kubernetes.ChangeAllAsync<ApplicationBackup>(backup => backup.Status = new() { Stage = StorkStage.Volumes, Status = StorkStatus.InProgress, LastUpdateTimestamp = silo.Time.GetUtcNow() });
            await silo.UntilAsync("the deadlines moved", () => !busy.Where((one, at) => before[at].Equals(scene.BackupRecord(one)!.Deadline)).Any());
        }

        silo.Time.Advance(TimeSpan.FromMinutes(11));
        await scene.UntilAsync(uid, Status.Failed);

        Assert.Equal($"no room on cluster [{scene.ClusterRef.Name}] within {A.Options.PendingTimeout}", scene.ReasonOf(uid));
    }

    private static Task Noted(Action note)
    {
        note();
        return Task.CompletedTask;
    }

    private static async Task Reached(TaskCompletionSource here, TaskCompletionSource until)
    {
        here.TrySetResult();
        await until.Task;
    }

    private static TaskCompletionSource Gate() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
