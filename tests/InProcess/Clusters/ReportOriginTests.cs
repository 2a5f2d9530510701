using Orleans.Runtime;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>What a cluster reports about what is not its own.</summary>
[Collection(WorkSilo.Name)]
public sealed class ReportOriginTests(WorkSilo silo)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Another_cluster_that_labels_a_resource_with_the_uid_of_a_backup_changes_nothing_of_it()
    {
        var (mine, hostile) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        mine.Kubernetes.StorkBacksUp = null;
        var uid = await mine.StartBackupAsync();
        await silo.UntilAsync("it was looked at once", () => mine.BackupRecord(uid)?.ProgressMark.Length > 0); // From here on its own cluster says nothing.
        var copy = mine.Kubernetes.All<ApplicationBackup>().Single();
        copy.Status = new() { Stage = "Applications", Status = "InProgress", Reason = "by somebody else", ResourceCount = 7, TotalSize = 7, LastUpdateTimestamp = DateTimeOffset.UnixEpoch };
        var before = mine.BackupRecord(uid);

        hostile.Kubernetes.Put(copy);
        await hostile.Kubernetes.ChangeAllAsync<ApplicationBackup>(_ => { });
        await hostile.FinishedBackupAsync(); // Its report came after.
        await mine.Backup(uid).ObserveAsync(new() { ResourceUid = copy.Metadata.Uid, ClusterUid = hostile.ClusterRef.Uid, Namespace = copy.Metadata.Namespace, Name = copy.Metadata.Name, Stage = "Applications", Reason = "by somebody else" }, Token);

        Assert.Equal(before, mine.BackupRecord(uid));
    }

    [Fact]
    public async Task Another_cluster_neither_ends_a_restore_nor_lets_it_come_back()
    {
        var (mine, hostile) = (await Scene.ReadyAsync(silo), await Scene.ReadyAsync(silo));
        var backup = await mine.FinishedBackupAsync();
        ApplicationRestore? made = null;
        mine.Kubernetes.StorkRestores = restore => made = restore;
        var uid = await mine.StartRestoreAsync(backup);
        await silo.UntilAsync("it was placed", () => made is not null && mine.RestoreRecord(uid)?.ProgressMark.Length > 0); // Looked at once: from here on its own cluster says nothing.
        var before = mine.RestoreRecord(uid);
        var report = new Grains.Interfaces.Clusters.StorkReport { ResourceUid = made!.Metadata.Uid, ClusterUid = hostile.ClusterRef.Uid, Namespace = made.Metadata.Namespace, Name = made.Metadata.Name, Stage = "Applications", RestoredCount = 3 };

        await mine.Restore(uid).ObserveAsync(report, Token);
        await mine.Restore(uid).ObserveAsync(report with { Stage = "Final" }, Token);
        await mine.Restore(uid).ObserveAsync(report with { Gone = true }, Token);

        Assert.Equal(before, mine.RestoreRecord(uid));
    }

    [Fact]
    public async Task Made_up_uids_activate_no_grain_and_real_work_goes_on_beside_them()
    {
        var scene = await Scene.ReadyAsync(silo);
        await scene.FinishedBackupAsync();
        var model = scene.Kubernetes.All<ApplicationBackup>().Single();
        var before = await ActivationsAsync();
        for (var i = 0; i < 500; i++)
        {
            model.Metadata.Name = $"made-up-{i}";
            model.Metadata.Labels["pxbackup.io/uid"] = Guid.NewGuid().ToString();
            scene.Kubernetes.Put(model);
        }

        await scene.Kubernetes.ChangeAllAsync<ApplicationBackup>(_ => { });
        await scene.Kubernetes.ChangeAllAsync<ApplicationBackup>(_ => { });
        var uid = await scene.StartBackupAsync();
        await scene.UntilAsync(uid, Status.Success, Second);

        Assert.InRange(await ActivationsAsync() - before, 0, 20);
    }

    [Fact]
    public void A_report_is_one_of_ours_only_if_Kubernetes_could_have_written_it()
    {
        var good = new ResourceProjection { Namespace = "kube-system", Name = "a-1", Uid = "u", OwnerUid = "o", Stage = "Volumes", Reason = "two\nlines" };

        Assert.Equal("two lines", ReportReading.Read(good, "c", "kube-system", gone: false)!.Reason);
        Assert.Null(ReportReading.Read(good with { Namespace = "shop" }, "c", "kube-system", gone: false));
        Assert.Null(ReportReading.Read(good with { Name = "../a" }, "c", "kube-system", gone: false));
        Assert.Null(ReportReading.Read(good with { Uid = "" }, "c", "kube-system", gone: false));
        Assert.Null(ReportReading.Read(good with { OwnerUid = "a/b" }, "c", "kube-system", gone: false));
    }

    [Fact]
    public void A_bounded_set_forgets_what_was_not_asked_for_and_never_grows()
    {
        var set = new BoundedSet(10);
        for (var i = 0; i < 1000; i++)
        {
            set.Add($"u{i}");
            Assert.True(i == 0 || set.Contains("u0"));
        }

        Assert.InRange(set.Count, 1, 12);
        Assert.True(set.Contains("u999"));
        Assert.False(set.Contains("u500"));
        set.Remove("u999");
        Assert.False(set.Contains("u999"));
    }

    private async Task<int> ActivationsAsync() =>
        (await silo.Grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics()).Where(s => s.GrainType.Contains("BackupGrain", StringComparison.Ordinal) || s.GrainType.Contains("RestoreGrain", StringComparison.Ordinal)).Sum(s => s.ActivationCount);
}
