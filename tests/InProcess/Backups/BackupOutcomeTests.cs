using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Stork.Resources;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

public sealed class BackupOutcomeTests
{
    [Fact]
    public void What_was_asked_for_and_taken_is_a_Success_in_Storks_words() =>
        Assert.Equal((Status.Success, "as Stork says"), Of(A.Running(), status => status.Resources = [Map("shop", "a"), Map("blog", "b")]));

    [Theory, InlineData(StorkStatus.Successful), InlineData(StorkStatus.PartialSuccess)]
    public void Nothing_taken_is_a_failure_whatever_Stork_says(string stork)
    {
        var (status, reason) = Of(A.Running(), _ => { }, stork);

        Assert.Equal(Status.Failed, status);
        Assert.StartsWith("nothing matched the selection: ", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Storks_failure_stays_one() => Assert.Equal((Status.Failed, "as Stork says"), Of(A.Running(), status => status.Resources = [Map("shop", "a")], StorkStatus.Failed));

    [Fact]
    public void A_namespace_that_was_missing_is_named() =>
        Assert.Equal((Status.PartialSuccess, "as Stork says; namespaces that do not exist on the cluster: blog"), Of(A.Running("blog"), status => status.Resources = [Map("shop", "a")]));

    [Fact]
    public void A_namespace_that_gave_nothing_is_named() =>
        Assert.Equal((Status.PartialSuccess, "as Stork says; namespaces without any resource that Stork backs up: blog"), Of(A.Running(), status => status.Resources = [Map("shop", "a")]));

    [Fact]
    public void Where_labels_or_kinds_choose_a_namespace_may_give_nothing()
    {
        var running = A.Running();
        running.Backup.BackupInfo.LabelSelectors["app"] = "shop";

        Assert.Equal(Status.Success, Of(running, status => status.Resources = [Map("shop", "a")]).Status);
    }

    [Fact]
    public void A_kind_that_the_cluster_does_not_have_is_named()
    {
        var running = BackupRules.Placed(A.Backup(), "n", "cr-uid", "loc", [], A.Options, A.Noon, ["Route"]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; kinds that the cluster does not have: Route"), Of(running, status => status.Resources = [Map("shop", "a"), Map("blog", "b")]));
    }

    [Fact]
    public void A_resource_that_was_not_found_is_named()
    {
        var running = A.Running();
        running.Backup.BackupInfo.IncludeResources.Add([Info("shop", "a"), Info("shop", "misspelt")]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 2 include_resources were not found: v1 ConfigMap shop/misspelt"), Of(running, status => status.Resources = [Map("shop", "a", group: "core")]));
    }

    [Fact]
    public void Of_a_list_that_Stork_left_out_the_number_is_compared()
    {
        var running = A.Running();
        running.Backup.BackupInfo.IncludeResources.Add([Info("shop", "a"), Info("shop", "b"), Info("shop", "c")]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 3 include_resources were not found"), Of(running, status => (status.LargeResourceEnabled, status.ResourceCount) = (true, 2)));
    }

    [Fact]
    public void A_claim_without_its_volume_is_no_whole_backup()
    {
        var (status, reason) = Of(A.Running(), s => s.Resources = [Map("shop", "data", "PersistentVolumeClaim"), Map("blog", "b")], warnings: ["stork namespace is empty"]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; the data of 1 claims is not in the backup: shop/data (stork namespace is empty)"), (status, reason));
    }

    [Fact]
    public void A_Warning_about_volumes_counts_where_no_claim_shows_it() =>
        Assert.Equal((Status.PartialSuccess, "as Stork says; no volume was backed up, of which Stork warned: stork namespace is empty"),
            Of(A.Running(), s => s.Resources = [Map("shop", "a"), Map("blog", "b")], warnings: ["stork namespace is empty", "something else"]));

    [Fact]
    public void Other_Warnings_are_over_when_Stork_has_ended() =>
        Assert.Equal(Status.Success, Of(A.Running(), s => s.Resources = [Map("shop", "a"), Map("blog", "b")], warnings: ["the bucket was away for a while"]).Status);

    [Theory, InlineData(StorkStatus.Failed), InlineData(StorkStatus.InProgress), InlineData("")]
    public void A_volume_that_is_not_there_at_the_end_is_counted_and_named(string volume)
    {
        var (status, reason) = Of(A.Running(), s =>
        {
            s.Resources = [Map("shop", "a"), Map("blog", "b")];
            s.Volumes = [new() { Namespace = "shop", PersistentVolumeClaim = "x", Status = StorkStatus.Successful }, new() { Namespace = "shop", PersistentVolumeClaim = "y", Status = volume, Reason = "no\nspace" }];
        });

        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 2 volumes were not backed up: shop/y (no space)"), (status, reason));
    }

    [Fact]
    public void Only_the_first_few_are_named()
    {
        var running = A.Running();
        running.Backup.BackupInfo.IncludeResources.Add(Enumerable.Range(0, 9_000).Select(i => Info("shop", $"missing-{i}")));

        var (_, reason) = Of(running, status => status.Resources = [Map("shop", "a")]);

        Assert.EndsWith("shop/missing-4 and 8995 more", reason, StringComparison.Ordinal);
        Assert.InRange(reason.Length, 1, 1_024);
    }

    private static ResourceOutcome Map(string ns, string name, string kind = "ConfigMap", string group = "") => new() { Kind = kind, Group = group, Version = "v1", Namespace = ns, Name = name };

    private static ResourceInfo Info(string ns, string name) => new() { Kind = "ConfigMap", Version = "v1", Namespace = ns, Name = name };

    private static (Status Status, string Reason) Of(BackupRecord record, Action<ApplicationBackupStatus> change, string stork = StorkStatus.Successful, params string[] warnings)
    {
        var resource = A.Final(stork);
        resource.Status.ResourceCount = 0;
        change(resource.Status);
        var status = BackupRules.Finish(record, resource, A.Noon, warnings).Backup.BackupInfo.Status;
        return (status.Status, status.Reason);
    }
}
