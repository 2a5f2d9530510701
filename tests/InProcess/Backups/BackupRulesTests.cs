using Xunit;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork.Resources;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

public sealed class BackupRulesTests
{
    [Fact]
    public void A_new_backup_waits_for_room_and_is_due_before_its_deadline()
    {
        var record = A.Backup();

        Assert.Equal((Phase.Accepted, Status.Pending, Stage.Initial), (record.Phase, record.Backup.BackupInfo.Status.Status, record.Backup.BackupInfo.Stage));
        Assert.Equal(A.Noon + A.Options.PendingTimeout, record.Deadline.ToDateTimeOffset());
        Assert.Equal(A.Noon + A.Options.SweepAfter, record.DueAt.ToDateTimeOffset());
        Assert.Equal("ann", BackupRules.IndexOf(record).Owner);
    }

    [Theory, InlineData(false, false, ErrorReason.Unreachable, "not online"), InlineData(true, true, ErrorReason.WrongState, "being removed")]
    public void A_cluster_that_cannot_be_backed_up_refuses_at_once(bool online, bool leaving, ErrorReason reason, string says)
    {
        var refusal = Assert.Throws<DomainException>(() => BackupRules.Create(A.Request(), new("default", "u"), A.Cluster(online, leaving), A.Location(), A.Ann, A.Options, A.Noon));

        Assert.Equal(reason, refusal.Reason);
        Assert.Contains("[prod]", refusal.Message);
        Assert.Contains(says, refusal.Message);
    }

    [Theory]
    [InlineData("cluster-uid", "kube-system", "nightly-shop-0b0c4a5", true)]
    [InlineData("other-cluster", "kube-system", "nightly-shop-0b0c4a5", false)]
    [InlineData("cluster-uid", "default", "nightly-shop-0b0c4a5", false)]
    [InlineData("cluster-uid", "kube-system", "another-name", false)]
    [InlineData("through-cluster", "kube-system", "nightly-shop-0b0c4a5", false)]
    public void A_report_concerns_a_backup_only_from_its_cluster_and_namespace_and_under_its_name(string cluster, string clusterNamespace, string name, bool concerns)
    {
        var report = A.Report(StorkStage.Volumes) with { ClusterUid = cluster, Namespace = clusterNamespace, Name = name };

        Assert.Equal(concerns, BackupRules.Concerns(A.Running(), report));
        Assert.Equal(concerns, BackupRules.Concerns(A.Backup(), report)); // Its resource's uid is not known yet.
    }

    [Fact]
    public void The_cluster_that_a_backup_is_deleted_through_may_report_about_it_too()
    {
        var deleting = BackupRules.Delete(A.Finished(), "through-cluster", keepData: false, A.Options, A.Noon);

        Assert.True(BackupRules.Concerns(deleting, A.Report(StorkStage.Final) with { ClusterUid = "through-cluster", Namespace = "kube-system", Name = "nightly-shop-0b0c4a5" }));
    }

    [Fact]
    public void Another_resource_under_the_same_name_neither_brings_a_backup_on_nor_ends_it()
    {
        var running = A.Running();
        var other = A.Final();
        other.Metadata.Uid = "other-uid";

        Assert.Same(running, BackupRules.Observe(running, A.Report(StorkStage.Volumes) with { ResourceUid = "other-uid" }, A.Options, A.Noon));
        Assert.Same(running, BackupRules.Finish(running, other, A.Noon));
    }

    [Fact]
    public void A_giant_status_leaves_a_record_that_a_client_can_list_with_true_counts()
    {
        var final = A.Final();
        final.Status.Reason = string.Concat(Enumerable.Repeat("line\n", 1_000_000));
        final.Status.Resources = [.. Enumerable.Range(0, 100_000).Select(i => new ResourceOutcome { Name = $"made-up-{i}", Namespace = "shop", Group = "core", Version = "v1", Kind = new string('K', 500) })];
        final.Status.Volumes = [.. Enumerable.Range(0, 20_000).Select(i => new BackupVolume { Volume = $"pvc-{i}", Status = StorkStatus.Failed, Options = Enumerable.Range(0, 200).ToDictionary(o => $"o{o}", _ => "") })];
        final.Status.FinishTimestamp = DateTimeOffset.MaxValue;
        final.Spec.Namespaces = [.. Enumerable.Range(0, 50_000).Select(i => $"ns-{i}"), "not a name\n"];

        var info = BackupRules.Finish(A.Running(), final, A.Noon).Backup.BackupInfo;

        Assert.InRange(info.CalculateSize(), 0, 3 * 1024 * 1024);
        Assert.Equal((100_000UL, 20_000UL), (info.ResourceCount, info.FailedVolCount));
        Assert.Contains("of 100000 resources are listed here", info.Status.Reason, StringComparison.Ordinal);
        Assert.Contains("of 20000 volumes are listed here", info.Status.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', info.Status.Reason);
        Assert.InRange(info.Status.Reason.Length, 0, 8192);
        Assert.Equal(A.Noon, info.CompletionTimeInfo.TotalCompletionTime.ToDateTimeOffset());
        Assert.DoesNotContain("not a name\n", info.Namespaces);
    }

    [Fact]
    public void A_backup_of_a_cluster_whose_clock_is_behind_does_not_end_before_it_was_asked_for()
    {
        var early = A.Final();
        early.Status.FinishTimestamp = A.Noon.AddHours(-1);

        var times = BackupRules.Finish(A.Running(), early, A.Noon.AddSeconds(10)).Backup.BackupInfo.CompletionTimeInfo;

        Assert.Equal((A.Noon, A.Noon, A.Noon), (times.TotalCompletionTime.ToDateTimeOffset(), times.ResourcesCompletionTime.ToDateTimeOffset(), times.VolumesCompletionTime.ToDateTimeOffset()));
    }

    [Fact]
    public void A_lost_answer_to_the_placement_changes_nothing_the_second_time()
    {
        var running = A.Running();

        Assert.Same(running, BackupRules.Placed(running, "other", "other-uid", "other", [], A.Options, A.Noon.AddHours(1)));
    }

    [Fact]
    public void A_late_report_does_not_reopen_a_finished_backup()
    {
        var finished = A.Finished();

        Assert.Same(finished, BackupRules.Observe(finished, A.Report(StorkStage.Volumes), A.Options, A.Noon.AddHours(1)));
        Assert.Same(finished, BackupRules.Finish(finished, A.Final(StorkStatus.Failed), A.Noon.AddHours(1)));
        Assert.Same(finished, BackupRules.Fail(finished, "too late", A.Noon.AddHours(1)));
        Assert.Same(finished, BackupRules.Explain(finished, "too late", A.Options, A.Noon.AddHours(1)));
    }

    [Fact]
    public void A_repeated_report_is_not_written_again()
    {
        var seen = BackupRules.Observe(A.Running(), A.Report(StorkStage.Volumes), A.Options, A.Noon);

        Assert.Same(seen, BackupRules.Observe(seen, A.Report(StorkStage.Volumes), A.Options, A.Noon.AddMinutes(10)));
    }

    [Fact]
    public void A_reordered_report_does_not_take_the_stage_back()
    {
        var seen = BackupRules.Observe(A.Running(), A.Report(StorkStage.Applications, resources: 15), A.Options, A.Noon);

        var late = BackupRules.Observe(seen, A.Report(StorkStage.Volumes), A.Options, A.Noon.AddSeconds(1));

        Assert.Equal(Stage.Applications, late.Backup.BackupInfo.Stage);
    }

    [Fact]
    public void Only_a_sign_of_life_of_Stork_prolongs_the_deadline()
    {
        var seen = BackupRules.Observe(A.Running(), A.Report(StorkStage.Applications, lastUpdate: "1"), A.Options, A.Noon);
        var later = A.Noon.AddMinutes(20);

        Assert.Equal(seen.Deadline, BackupRules.Explain(seen, "a warning", A.Options, later).Deadline);
        Assert.Equal(later + A.Options.StageTimeout, BackupRules.Observe(seen, A.Report(StorkStage.Applications, lastUpdate: "2"), A.Options, later).Deadline.ToDateTimeOffset());
    }

    [Fact]
    public void Missing_namespaces_make_a_success_partial_and_are_named()
    {
        var info = A.Finished(StorkStatus.Successful, "gone", "lost").Backup.BackupInfo;

        Assert.Equal((Status.PartialSuccess, "as Stork says; namespaces that do not exist on the cluster: gone, lost"), (info.Status.Status, info.Status.Reason));
        Assert.True(BackupRules.IsRestorable(info));
    }

    [Fact]
    public void Missing_namespaces_do_not_embellish_a_failure() =>
        Assert.Equal(Status.Failed, A.Finished(StorkStatus.Failed, "gone").Backup.BackupInfo.Status.Status);

    [Theory, InlineData("Splendid"), InlineData(""), InlineData("InProgress")]
    public void An_end_that_no_known_Stork_writes_is_a_failure_and_never_under_way(string status)
    {
        var info = A.Finished(status).Backup.BackupInfo;

        Assert.Equal(Status.Failed, info.Status.Status);
        Assert.Equal($"Stork ended the backup with status '{status}': as Stork says", info.Status.Reason);
    }

    [Fact]
    public void A_failed_backup_is_due_until_its_resource_is_gone()
    {
        var failed = BackupRules.Fail(A.Running(), "why", A.Noon);

        Assert.Equal((true, A.Noon), (failed.RemoveResource, failed.DueAt.ToDateTimeOffset()));
        Assert.Equal((false, null), (BackupRules.ResourceRemoved(failed).RemoveResource, BackupRules.ResourceRemoved(failed).DueAt));
    }

    [Fact]
    public void A_deletion_stays_due_when_the_clean_up_of_the_failure_ends_after_it_was_asked_for()
    {
        var deleting = BackupRules.Delete(BackupRules.Fail(A.Running(), "why", A.Noon), "", keepData: false, A.Options, A.Noon);

        Assert.Same(deleting, BackupRules.ResourceRemoved(deleting));
        Assert.NotNull(deleting.DueAt);
    }

    [Fact]
    public void A_resource_that_was_made_while_the_deletion_was_asked_for_still_leads_to_its_files()
    {
        var deleting = BackupRules.Delete(A.Backup(), "", keepData: false, A.Options, A.Noon);

        var known = BackupRules.Identified(deleting, "nightly-shop-0b0c4a5", "cr-uid");

        Assert.Equal((Phase.Deleting, "cr-uid"), (known.Phase, known.Backup.BackupInfo.CrUid));
        Assert.Same(known, BackupRules.Identified(known, "other", "other-uid"));
    }

    [Fact]
    public void A_locked_deletion_is_looked_at_again_after_its_own_pause_and_not_with_each_sweep()
    {
        var deleting = BackupRules.Delete(A.Finished(), "", keepData: false, A.Options, A.Noon);

        var waits = BackupRules.DeletionWaits(deleting, "locked", A.Options, A.Noon);
        var soon = BackupRules.DeletionWaits(waits, "locked", A.Options, A.Noon.AddMinutes(1));
        var after = BackupRules.DeletionWaits(waits, "locked", A.Options, A.Noon + A.Options.LockedInterval);

        Assert.Equal((Status.DeletePending, "locked"), (waits.Backup.BackupInfo.Status.Status, waits.Backup.BackupInfo.Status.Reason));
        Assert.Same(waits, soon);
        Assert.Equal(A.Noon + (2 * A.Options.LockedInterval), after.DueAt.ToDateTimeOffset());
    }

    [Fact]
    public void Deleting_again_is_the_same_deletion()
    {
        var deleting = BackupRules.Delete(A.Finished(), "", keepData: false, A.Options, A.Noon);

        Assert.Same(deleting, BackupRules.Delete(deleting, "", keepData: false, A.Options, A.Noon.AddHours(1)));
        Assert.Equal("other", BackupRules.Delete(deleting, "other", keepData: false, A.Options, A.Noon).DeleteThrough);
    }

    [Theory]
    [InlineData("Volumes", "", "Stork is in stage 'Volumes'")]
    [InlineData("", "", "placed on the cluster")]
    [InlineData("Volumes", "Starting\nthe Volume backups", "Starting the Volume backups")]
    public void Progress_that_says_nothing_empties_no_reason(string stage, string reason, string says) =>
        Assert.Equal(says, BackupRules.Observe(A.Running(), A.Report(stage, lastUpdate: "1") with { Reason = reason }, A.Options, A.Noon).Backup.BackupInfo.Status.Reason);

    [Fact]
    public void What_was_just_accepted_does_not_claim_to_wait_for_anybody() => Assert.Equal("accepted", A.Backup().Backup.BackupInfo.Status.Reason);

    [Fact]
    public void A_decision_never_changes_the_record_it_was_given()
    {
        var running = A.Running();
        var before = running.Clone();

        _ = BackupRules.Observe(running, A.Report(StorkStage.Volumes), A.Options, A.Noon);
        _ = BackupRules.Finish(running, A.Final(), A.Noon);
        _ = BackupRules.Fail(running, "why", A.Noon);
        _ = BackupRules.Delete(running, "other", keepData: true, A.Options, A.Noon);

        Assert.Equal(before, running);
    }
}
