using CsCheck;
using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Backups;
using Phase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Restores;

public sealed class RestoreRulesTests
{
    [Fact]
    public void Without_a_mapping_every_namespace_keeps_its_name()
    {
        var backup = A.Finished().Backup.Clone();
        backup.BackupInfo.Namespaces.Add("shop"); // Named twice in its request.

        var restore = A.Restore(backup: backup).Restore;

        Assert.Equal(new Dictionary<string, string> { ["shop"] = "shop", ["blog"] = "blog" }, restore.RestoreInfo.NamespaceMapping);
    }

    [Theory]
    [InlineData("cluster-uid", "kube-system", "back-again-9f3be77", true)]
    [InlineData("other-cluster", "kube-system", "back-again-9f3be77", false)]
    [InlineData("cluster-uid", "default", "back-again-9f3be77", false)]
    [InlineData("cluster-uid", "kube-system", "another-name", false)]
    public void A_report_concerns_a_restore_only_from_its_cluster_and_namespace_and_under_its_name(string cluster, string clusterNamespace, string name, bool concerns) =>
        Assert.Equal(concerns, RestoreRules.Concerns(A.RunningRestore(), new() { ResourceUid = "restore-cr-uid", ClusterUid = cluster, Namespace = clusterNamespace, Name = name }));

    [Fact]
    public void Another_resource_under_the_same_name_neither_brings_a_restore_on_nor_ends_it()
    {
        var running = A.RunningRestore();
        var other = A.FinalRestore();
        other.Metadata.Uid = "other-uid";

        Assert.Same(running, RestoreRules.Observe(running, new() { ResourceUid = "other-uid", Stage = "Volumes" }, A.RestoreOptions, A.Noon));
        Assert.Same(running, RestoreRules.Finish(running, other, A.RestoreOptions, A.Noon));
    }

    [Fact]
    public void A_giant_status_leaves_a_restore_that_a_client_can_list_with_true_counts()
    {
        var final = A.FinalRestore();
        final.Status.Resources = [.. Enumerable.Range(0, 100_000).Select(i => new ResourceOutcome { Name = $"made-up-{i}", Kind = "ConfigMap", Status = StorkStatus.Successful, Reason = new string('r', 5000) })];

        var info = RestoreRules.Finish(A.RunningRestore(), final, A.RestoreOptions, A.Noon).Restore.RestoreInfo;

        Assert.InRange(info.CalculateSize(), 0, 3 * 1024 * 1024);
        Assert.Equal(100_000UL, info.ResourceCount);
        Assert.Contains("of 100000 resources are listed here", info.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_of_a_namespace_that_the_backup_does_not_hold_names_the_field_and_what_it_holds()
    {
        var refusal = Assert.Throws<DomainException>(() => A.Restore(request => request.NamespaceMapping["other"] = "x"));

        Assert.Equal((ErrorReason.InvalidField, "namespace_mapping: namespace [other] is not in the backup; it holds shop, blog"), (refusal.Reason, refusal.Message));
    }

    [Theory]
    [InlineData(ReplacePolicy.Types.Type.Invalid, ReplacePolicy.Types.Type.Retain)]
    [InlineData(ReplacePolicy.Types.Type.Retain, ReplacePolicy.Types.Type.Retain)]
    [InlineData(ReplacePolicy.Types.Type.Delete, ReplacePolicy.Types.Type.Delete)]
    public void The_replace_policy_is_always_said(ReplacePolicy.Types.Type asked, ReplacePolicy.Types.Type wanted) =>
        Assert.Equal(wanted, A.Restore(request => request.ReplacePolicy = asked).Restore.RestoreInfo.ReplacePolicy);

    [Theory, InlineData(false, false, ErrorReason.Unreachable), InlineData(true, true, ErrorReason.WrongState)]
    public void A_cluster_that_cannot_be_restored_to_refuses_at_once(bool online, bool leaving, ErrorReason reason)
    {
        var refusal = Assert.Throws<DomainException>(() =>
            RestoreRules.Create(A.RestoreRequest(), new("default", "u"), A.Cluster(online, leaving), A.Finished().Backup, A.Ann, A.RestoreOptions, A.Noon));

        Assert.Equal(reason, refusal.Reason);
    }

    [Fact]
    public void The_list_of_resources_stays_with_the_backup()
    {
        var backup = A.Finished().Backup.Clone();
        backup.BackupInfo.Resources.Add(new ResourceInfo { Name = "one" });

        var record = A.Restore(backup: backup);

        Assert.Empty(record.Backup.BackupInfo.Resources);
        Assert.Single(backup.BackupInfo.Resources);
    }

    [Fact]
    public void A_finished_restore_is_not_at_rest_before_the_cluster_is_clean()
    {
        var finished = RestoreRules.Finish(A.RunningRestore(), A.FinalRestore(), A.RestoreOptions, A.Noon);
        var clean = RestoreRules.Cleaned(finished);

        Assert.Equal((Phase.Cleaning, Status.Success), (finished.Phase, finished.Restore.RestoreInfo.Status.Status));
        Assert.NotNull(finished.DueAt);
        Assert.Equal((Phase.Finished, null), (clean.Phase, clean.DueAt));
    }

    [Fact]
    public void An_end_that_no_known_Stork_writes_is_a_failure() =>
        Assert.Equal((Status.Failed, "Stork ended the restore with status 'Novel': as Stork says"),
            RestoreRules.Finish(A.RunningRestore(), A.FinalRestore("Novel"), A.RestoreOptions, A.Noon).Restore.RestoreInfo.Status is var status ? (status.Status, status.Reason) : default);

    [Fact]
    public void A_sign_of_life_of_Stork_prolongs_the_deadline()
    {
        var seen = RestoreRules.Observe(A.RunningRestore(), A.Report(StorkStage.Volumes, lastUpdate: "1") with { ResourceUid = "restore-cr-uid" }, A.RestoreOptions, A.Noon);
        var later = A.Noon.AddMinutes(20);

        Assert.Same(seen, RestoreRules.Observe(seen, A.Report(StorkStage.Volumes, lastUpdate: "1") with { ResourceUid = "restore-cr-uid" }, A.RestoreOptions, later));
        Assert.Equal(later + A.RestoreOptions.StageTimeout, RestoreRules.Observe(seen, A.Report(StorkStage.Volumes, lastUpdate: "2") with { ResourceUid = "restore-cr-uid" }, A.RestoreOptions, later).Deadline.ToDateTimeOffset());
    }

    [Fact]
    public void No_history_of_a_restore_breaks_its_promises() =>
        Gen.Select(Gen.Int[0, 8], Gen.Int[0, 4], Gen.Int[0, 600]).List[1, 40].Sample(Holds, iter: 5_000);

    private static void Holds(List<(int Kind, int Number, int Seconds)> history)
    {
        var (record, now) = (A.Restore(), A.Noon);
        foreach (var (kind, number, seconds) in history)
        {
            now = now.AddSeconds(seconds);
            var before = record;
            record = Apply(record, kind, number, now);
            var (was, status) = (before.Restore.RestoreInfo.Status.Status, record.Restore.RestoreInfo.Status.Status);
            Assert.NotEqual(Status.Invalid, status);
            Assert.True(record.Phase >= before.Phase, $"the phase went back from {before.Phase} to {record.Phase}");
            Assert.True(Rank(status) >= Rank(was), $"the status went back from {was} to {status}");
            Assert.Equal(record.Phase == Phase.Finished, record.DueAt is null);
            if (before.Phase is Phase.Cleaning or Phase.Finished && record.Phase != Phase.Deleting)
                Assert.Equal(before.Restore.RestoreInfo.Status, record.Restore.RestoreInfo.Status);
        }
    }

    private static int Rank(Status status) => status switch
    {
        Status.Pending => 0,
        Status.InProgress => 1,
        Status.Deleting => 3,
        _ => 2,
    };

    private static RestoreRecord Apply(RestoreRecord record, int kind, int number, DateTimeOffset now) => kind switch
    {
        0 or 8 => RestoreRules.Placed(record, "uid", A.RestoreOptions, now),
        1 => RestoreRules.Observe(record, A.Report(number == 0 ? StorkStage.Final : StorkStage.Volumes, resources: number) with { ResourceUid = "restore-cr-uid" }, A.RestoreOptions, now),
        2 => RestoreRules.Finish(record, A.FinalRestore(number == 0 ? "Novel" : StorkStatus.PartialSuccess), A.RestoreOptions, now),
        3 when number == 0 => RestoreRules.Fail(record, "why", A.RestoreOptions, now),
        4 => RestoreRules.Explain(record, "because " + number, A.RestoreOptions, now),
        5 => RestoreRules.Cleaned(record),
        6 when number == 0 => RestoreRules.Delete(record, A.RestoreOptions, now),
        _ => RestoreRules.Update(record, new() { Metadata = new() { Labels = { ["n"] = number.ToString() } } }, now),
    };
}
