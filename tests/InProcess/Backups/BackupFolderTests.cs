using Xunit;
using PxBackup.Grains.Backups;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

public sealed class BackupFolderTests
{
    private const string Own = "kube-system/nightly-shop-0b0c4a5/cr-uid";

    [Fact]
    public void The_folder_follows_from_the_record_component_by_component()
    {
        var folder = BackupFolder.Of(A.Finished().Backup);

        Assert.Equal((Own, Own + "/"), (folder!.Path, folder.Prefix));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData("a/b")]
    [InlineData("/")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("a\n")]
    [InlineData("%2e%2e")]
    [InlineData("ä")]
    [InlineData("-")]
    public void What_is_not_one_component_is_no_part_of_a_folder(string text)
    {
        Assert.False(BackupFolder.IsComponent(text));
        Assert.Null(BackupFolder.Of(text, "name", "uid"));
        Assert.Null(BackupFolder.Of("ns", text, "uid"));
        Assert.Null(BackupFolder.Of("ns", "name", text));
    }

    [Fact]
    public void A_component_has_a_longest_length() => Assert.False(BackupFolder.IsComponent(new string('a', 254)));

    [Fact]
    public void A_name_that_the_cluster_answered_does_not_move_the_folder()
    {
        var backup = A.Finished().Backup;
        backup.BackupInfo.CrName = "somebody-elses";

        Assert.Equal(Own, BackupFolder.Of(backup)!.Path);
    }

    [Theory]
    [InlineData("kube-system")]
    [InlineData("kube-system/")]
    [InlineData("kube-system/other-backup-1234567/uid")]
    [InlineData("kube-system/nightly-shop-0b0c4a5")]
    [InlineData("kube-system/nightly-shop-0b0c4a5/cr-uid/..")]
    [InlineData("/")]
    [InlineData("..")]
    public void A_reported_path_that_differs_is_refused_and_said(string reported)
    {
        var resource = A.Final();
        resource.Status.BackupPath = reported;

        var info = BackupRules.Finish(A.Running(), resource, A.Noon).Backup.BackupInfo;

        Assert.Equal((Status.Success, Own), (info.Status.Status, info.BackupPath));
        Assert.Equal($"as Stork says; the cluster reported '{reported}' as the path of its objects, which is not this backup's ({Own}): nothing there is read or deleted", info.Status.Reason);
    }

    [Fact]
    public void The_finished_resource_for_a_restore_names_the_backups_own_folder_whatever_the_record_holds_as_its_path()
    {
        var backup = A.Finished().Backup;
        backup.BackupInfo.BackupPath = "kube-system";

        Assert.Equal(Own, StorkBackups.ToFinishedResource(backup, "n", "kube-system", "loc", A.RestoreUid).Status.BackupPath);
    }

    [Fact]
    public void The_end_of_another_resource_does_not_change_which_one_is_the_backups()
    {
        var resource = A.Final();
        (resource.Metadata.Uid, resource.Metadata.Name, resource.Metadata.Namespace) = ("another-uid", "another", "another");

        var info = BackupRules.Finish(A.Running(), resource, A.Noon).Backup.BackupInfo;

        Assert.Equal(("cr-uid", "nightly-shop-0b0c4a5", "kube-system"), (info.CrUid, info.CrName, info.TargetNamespace));
    }

    [Fact]
    public void A_uid_that_is_no_component_does_not_identify_a_resource() =>
        Assert.Empty(BackupRules.Identified(A.Backup(), "nightly-shop-0b0c4a5", "../..").Backup.BackupInfo.CrUid);

    [Fact]
    public void An_accepted_deletion_with_the_data_is_not_weakened_by_one_that_keeps_it()
    {
        var deleting = BackupRules.Delete(A.Finished(), "", keepData: false, A.Options, A.Noon);

        var again = BackupRules.Delete(deleting, "", keepData: true, A.Options, A.Noon);

        Assert.Same(deleting, again);
        Assert.Equal((Phase.Deleting, false), (again.Phase, again.KeepData));
    }

    [Fact]
    public void A_deletion_that_keeps_the_data_becomes_one_with_it() =>
        Assert.False(BackupRules.Delete(BackupRules.Delete(A.Finished(), "", keepData: true, A.Options, A.Noon), "", keepData: false, A.Options, A.Noon).KeepData);

    [Fact]
    public void A_cluster_that_a_deletion_named_is_kept_when_a_later_one_names_another()
    {
        var first = BackupRules.Delete(A.Finished(), "one", keepData: false, A.Options, A.Noon);

        var then = BackupRules.Delete(BackupRules.Delete(first, "two", keepData: false, A.Options, A.Noon), "", keepData: false, A.Options, A.Noon);

        Assert.Equal(("two", "one"), (then.DeleteThrough, Assert.Single(then.DeleteThroughToo)));
    }

    [Fact]
    public void Objects_that_are_missing_and_come_back_leave_the_outcome_as_it_was()
    {
        var finished = A.Finished();

        var missing = BackupRules.FilesMissing(finished, "metadata.json", A.Noon);
        var found = BackupRules.FilesFound(missing, A.Noon);

        Assert.Equal(Status.CloudBackupMissing, missing.Backup.BackupInfo.Status.Status);
        Assert.StartsWith("CloudBackup objects are missing: metadata.json in " + Own, missing.Backup.BackupInfo.Status.Reason);
        Assert.False(BackupRules.IsRestorable(missing.Backup.BackupInfo));
        Assert.Equal(finished.Backup.BackupInfo.Status, found.Backup.BackupInfo.Status);
    }

    [Fact]
    public void Missing_objects_change_no_backup_that_is_being_deleted()
    {
        var deleting = BackupRules.Delete(A.Finished(), "", keepData: false, A.Options, A.Noon);

        Assert.Same(deleting, BackupRules.FilesMissing(deleting, "metadata.json", A.Noon));
    }
}
