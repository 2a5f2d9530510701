using PxBackup.Api;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.ObjectStore;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>A cluster is removed while something runs there, cannot be reached, or is put back to an earlier day: nothing of ours is left, nothing runs twice.</summary>
public class Clusters_that_go(Machine machine) : IClassFixture<Machine>
{
    public static TheoryData<string> Removal => ["cluster.before-clearing", "cluster.before-record-delete", "backup.after-resource-removal"];

    [Fact]
    public async Task A_cluster_goes_with_what_was_placed_there_while_a_backup_runs()
    {
        await machine.RestartServerAsync();
        var (simulated, cluster, request) = await RunningBackupAsync("running");

        await DeleteAsync(cluster);
        await GoneAsync(cluster);

        await AssertCancelledAsync(simulated, cluster, request);
    }

    [Theory, MemberData(nameof(Removal))]
    public async Task The_removal_of_a_cluster_is_completed_when_the_server_is_killed_at(string point)
    {
        await machine.RestartServerAsync(point);
        var (simulated, cluster, request) = await RunningBackupAsync("killed");
        await Backups_across_kills.AnsweredAsync(() => DeleteAsync(cluster));
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));

        await machine.StartServerAsync();
        await GoneAsync(cluster);

        await AssertCancelledAsync(simulated, cluster, request);
    }

    [Fact]
    public async Task A_restore_that_its_clusters_removal_cancels_says_that_Stork_may_still_finish_it()
    {
        await machine.RestartServerAsync();
        var (name, simulated) = (machine.NewName("cancelled"), machine.Fleet.Clusters[1]);
        var cluster = (await machine.Admin.AddClusterAsync(name, simulated.Kubeconfig)).Ref();
        var backup = await machine.Admin.TakeAsync(machine.BackupOf(name, "shop"));
        var held = machine.Store.Faults.Add(ObjectStoreFault.Denied("GetObject") with { Bucket = Machine.Bucket });
        var request = machine.RestoreOf(name, backup, ("shop", name));
        request.ClusterRef = cluster;
        await machine.Admin.CreateAsync(request);
        await Wait.UntilAsync(() => machine.Admin.LookAsync(request), it => it.RestoreInfo.Status.Status == RestoreStatus.InProgress, "the restore runs");

        await DeleteAsync(cluster);
        await GoneAsync(cluster);
        machine.Store.Faults.Remove(held);
        var ended = await machine.Admin.LookAsync(request);

        Assert.Equal(RestoreStatus.Failed, ended.RestoreInfo.Status.Status);
        Assert.Contains($"cancelled, because cluster [{name}] is being removed; Stork may still finish it", ended.RestoreInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Empty(Machine.OursOn(simulated));
    }

    [Theory]
    [InlineData("")]
    [InlineData("cluster.after-left-overs")]
    [InlineData("cluster.before-left-overs-forgotten")]
    public async Task What_an_unreachable_cluster_kept_is_named_and_removed_when_it_is_added_again(string point)
    {
        await machine.RestartServerAsync(point);
        var (name, simulated) = (machine.NewName("away"), machine.Fleet.Clusters[2]);
        var cluster = (await machine.Admin.AddClusterAsync(name, simulated.Kubeconfig)).Ref();
        var request = machine.BackupOf(name, "shop");
        request.ClusterRef = cluster;
        var backup = await machine.Admin.TakeAsync(request);
        simulated.Faults.SetMode(ApiServerMode.Refusing);

        await Backups_across_kills.AnsweredAsync(() => DeleteAsync(cluster));
        if (point == "cluster.after-left-overs")
            await EndsAsync(point);
        await GoneAsync(cluster);
        var kept = Machine.OursOn(simulated);
        simulated.Faults.Clear();
        await Backups_across_kills.AnsweredAsync(() => machine.Admin.AddClusterAsync($"{name}-again", simulated.Kubeconfig));
        if (point == "cluster.before-left-overs-forgotten")
            await EndsAsync(point);

        await Wait.UntilAsync(() => Task.FromResult(Machine.OursOn(simulated)), left => left.Count == 0, "nothing of ours is there");
        Assert.Equal(3, kept.Count);
        Assert.Contains(machine.LogLines, line => line.Contains($"Cluster [{name}]", StringComparison.Ordinal) && line.Contains($"ApplicationBackup {Machine.StorkNamespace}/{Machine.ResourceOf(request.Metadata)}", StringComparison.Ordinal));
        Assert.NotEmpty(machine.FilesOf(request.Metadata));
        Assert.Equal(BackupStatus.Success, (await machine.Admin.LookAsync(request)).BackupInfo.Status.Status);
        Assert.NotNull(backup);
    }

    [Fact]
    public async Task A_finished_restore_that_an_older_snapshot_brings_back_is_removed_and_its_namespaces_stay_deleted()
    {
        await machine.RestartServerAsync();
        var (name, simulated) = (machine.NewName("resurrected"), machine.Simulated);
        var backup = await machine.Admin.TakeAsync(machine.BackupOf(name, "shop"));
        simulated.Faults.Deny(new AccessDenial("delete", Resource: "applicationrestores"));
        var request = machine.RestoreOf(name, backup, ("shop", name));
        await machine.Admin.CreateAsync(request);
        await machine.Admin.EndAsync(request);
        var snapshot = simulated.TakeEtcdSnapshot(); // The restore has ended, and nobody has removed its resource.
        simulated.Faults.Clear();
        await RestoreIsGoneAsync(simulated, request);
        simulated.Objects.Delete("namespaces", "", name);

        await machine.Server.KillAsync(); // So that the next start lists: a watch that is resumed learns of it with the next bookmark only.
        simulated.RestoreEtcd(snapshot);
        await machine.StartServerAsync();
        await RestoreIsGoneAsync(simulated, request);
        simulated.Objects.Delete("namespaces", "", name);
        await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("later"), "shop")); // Time passes, Stork is at work.

        Assert.DoesNotContain(simulated.Objects.List("namespaces"), item => item["metadata"]!["name"]!.GetValue<string>() == name);
        Assert.Equal(RestoreStatus.Success, (await machine.Admin.LookAsync(request)).RestoreInfo.Status.Status);
    }

    private async Task<(SimulatedCluster Simulated, ObjectRef Cluster, BackupCreateRequest Request)> RunningBackupAsync(string what)
    {
        var (name, simulated) = (machine.NewName(what), machine.Fleet.Clusters[3]);
        var cluster = (await machine.Admin.AddClusterAsync(name, simulated.Kubeconfig)).Ref();
        simulated.Faults.MetadataUploadFails = true;
        var request = machine.BackupOf(name, "shop");
        request.ClusterRef = cluster;
        await machine.Admin.CreateAsync(request);
        await Wait.UntilAsync(() => Task.FromResult(machine.FilesOf(request.Metadata)), files => files.Count == 3, "all but the last file is stored");
        return (simulated, cluster, request);
    }

    private async Task AssertCancelledAsync(SimulatedCluster simulated, ObjectRef cluster, BackupCreateRequest request)
    {
        simulated.Faults.MetadataUploadFails = false;
        var ended = await machine.Admin.LookAsync(request);
        Assert.Equal((BackupStatus.Failed, $"cancelled, because cluster [{cluster.Name}] is being removed"), (ended.BackupInfo.Status.Status, ended.BackupInfo.Status.Reason));
        await Wait.UntilAsync(() => Task.FromResult(machine.FilesOf(request.Metadata)), files => files.Count == 0, "nothing of it is in the bucket");
        Assert.Empty(Machine.OursOn(simulated));
    }

    private async Task EndsAsync(string point)
    {
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));
        await machine.StartServerAsync();
    }

    private static async Task RestoreIsGoneAsync(SimulatedCluster simulated, RestoreCreateRequest request) => await simulated.Objects.WaitForAsync(
        Machine.Restores, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is null, "removed", Wait.Patience, TestContext.Current.CancellationToken);

    private async Task DeleteAsync(ObjectRef cluster) =>
        await machine.Admin.Clusters.DeleteAsync(new ClusterDeleteRequest { OrgId = Client.Org, Name = cluster.Name, Uid = cluster.Uid }, machine.Admin.Options);

    private async Task GoneAsync(ObjectRef cluster) => await Wait.UntilAsync(
        () => machine.Admin.Rest.GetAsync($"/v1/cluster/{Client.Org}/{cluster.Name}?uid={cluster.Uid}"), answer => answer.Status == System.Net.HttpStatusCode.NotFound, $"cluster {cluster.Name} is gone");
}
