using Grpc.Core;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.ObjectStore;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;

namespace PxBackup.Tests.EndToEnd;

/// <summary>The process is ended as by <c>kill -9</c> at each step of a backup's life. What was accepted ends truthfully, and happens once.</summary>
public class Backups_across_kills(Machine machine) : IClassFixture<Machine>
{
    private static readonly string[] FourFiles = ["crds.json", "metadata.json", "namespaces.json", "resources.json"];

    public static TheoryData<string> Creation =>
    [
        "backup.before-record", "backup.after-record", "backup.before-place", "backup.before-resource", "backup.after-resource",
        "backup.after-placed", "backup.after-report", "backup.before-final", "backup.after-final",
    ];

    public static TheoryData<string> Deletion => ["backup.before-resource-delete", "backup.after-resource-delete", "backup.before-record-delete"];

    [Theory, MemberData(nameof(Creation))]
    public async Task A_backup_is_made_once_and_ends_truthfully_when_the_server_is_killed_at(string point)
    {
        await machine.RestartServerAsync(point);
        // The simulated Stork can be done before anybody has heard of its progress: held back, it is heard of for certain.
        machine.Simulated.Faults.MetadataUploadFails = point == "backup.after-report";
        var request = machine.BackupOf(machine.NewName("killed"), "shop");
        var answered = await AnsweredAsync(() => machine.Admin.CreateAsync(request));
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));
        machine.Simulated.Faults.MetadataUploadFails = false;

        await machine.StartServerAsync();
        if (!answered)
            await machine.Admin.CreateAsync(request); // As a client does that had no answer: the same request with the same uid.
        await AssertMadeOnceAsync(request);
    }

    [Fact]
    public async Task An_accepted_backup_survives_a_kill_right_after_the_answer()
    {
        await machine.RestartServerAsync();
        var request = machine.BackupOf(machine.NewName("accepted"), "shop");
        await machine.Admin.CreateAsync(request);
        await machine.Server.KillAsync();

        await machine.StartServerAsync();

        await AssertMadeOnceAsync(request);
    }

    [Fact]
    public async Task A_backup_that_Stork_finishes_while_nobody_looks_is_taken_up_by_the_next_start()
    {
        await machine.RestartServerAsync();
        await machine.Simulated.Stork.StopAsync();
        var request = machine.BackupOf(machine.NewName("unseen"), "shop");
        await machine.Admin.CreateAsync(request);
        await machine.Simulated.Objects.WaitForAsync(
            Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is not null, "created", Wait.Patience, TestContext.Current.CancellationToken);
        await machine.Server.KillAsync();
        machine.Simulated.Stork.Start();
        await machine.Simulated.Objects.WaitForAsync(
            Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found?["status"]?["stage"]?.GetValue<string>() == "Final", "final", Wait.Patience, TestContext.Current.CancellationToken);

        await machine.StartServerAsync();

        await AssertMadeOnceAsync(request);
    }

    [Theory, MemberData(nameof(Deletion))]
    public async Task A_deletion_is_completed_when_the_server_is_killed_at(string point)
    {
        await machine.RestartServerAsync(point);
        var request = machine.BackupOf(machine.NewName("deleted"), "shop");
        await machine.Admin.TakeAsync(request);
        Assert.Equal(FourFiles, machine.FilesOf(request.Metadata));
        await AnsweredAsync(() => machine.Admin.DeleteAsync(request));
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));

        await machine.StartServerAsync();

        await AssertGoneAsync(request);
    }

    [Fact]
    public async Task An_accepted_deletion_survives_a_kill_right_after_the_answer()
    {
        await machine.RestartServerAsync();
        var request = machine.BackupOf(machine.NewName("deleted"), "shop");
        await machine.Admin.TakeAsync(request);
        await machine.Admin.DeleteAsync(request);
        await machine.Server.KillAsync();

        await machine.StartServerAsync();

        await AssertGoneAsync(request);
    }

    [Fact]
    public async Task A_deletion_that_overtakes_an_interrupted_placing_empties_the_bucket_although_Stork_does_not()
    {
        await machine.RestartServerAsync("backup.after-resource");
        var request = machine.BackupOf(machine.NewName("overtaken"), "shop");
        await machine.Admin.CreateAsync(request);
        await machine.Server.EndedAsync("failpoint backup.after-resource");
        await machine.Simulated.Objects.WaitForAsync(
            Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found?["status"]?["stage"]?.GetValue<string>() == "Final", "final", Wait.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(FourFiles, machine.FilesOf(request.Metadata));
        machine.Simulated.Faults.SetMode(ApiServerMode.Refusing); // So that the next start cannot record the placing.
        var denied = machine.Store.Faults.Add(ObjectStoreFault.Denied("DeleteObject") with { Bucket = Machine.Bucket }); // Stork's way; it says nothing.

        await machine.StartServerAsync();
        await machine.Admin.DeleteAsync(request);
        machine.Simulated.Faults.Clear();
        await machine.Admin.GoneAsync(request);
        machine.Store.Faults.Remove(denied);

        Assert.True(denied.Fired > 0, "Stork tried to remove the files");
        Assert.Empty(machine.FilesOf(request.Metadata));
        Assert.Null(machine.Simulated.Objects.Find(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
        Assert.Equal(1, machine.Creates(Machine.Backups, Machine.ResourceOf(request.Metadata)));
    }

    [Fact]
    public async Task Twelve_backups_are_each_made_once_while_the_server_is_killed_again_and_again()
    {
        await machine.RestartServerAsync();
        var requests = Enumerable.Range(0, 12).Select(_ => machine.BackupOf(machine.NewName("storm"), "shop", "blog")).ToList();
        foreach (var request in requests)
            await machine.Admin.CreateAsync(request);
        for (var kills = 0; kills < 3; kills++)
        {
            // At another point of their progress each time: when so many of them are on the cluster.
            await machine.Simulated.Objects.WaitForListAsync(Machine.Backups, Machine.StorkNamespace,
                found => found.Count(item => item["metadata"]!["name"]!.GetValue<string>().StartsWith("storm-", StringComparison.Ordinal)) > kills * 4, "begun", Wait.Patience, TestContext.Current.CancellationToken);
            await machine.RestartServerAsync();
        }

        foreach (var request in requests)
            await AssertMadeOnceAsync(request);
    }

    [Fact]
    public async Task Everything_else_that_was_accepted_survives_a_kill_right_after_the_answer()
    {
        await machine.RestartServerAsync();
        var (admin, name) = (machine.Admin, machine.NewName("durable"));
        var credential = await admin.AddCredentialAsync(name, Machine.AccessKey, Machine.SecretKey);
        await machine.RestartServerAsync();
        var location = (await admin.Locations.CreateAsync(Client.NewLocation(name, credential, machine.StoreEndpoint, name), admin.Options)).BackupLocation;
        await machine.RestartServerAsync();
        var cluster = (await admin.Clusters.CreateAsync(Client.NewCluster(name, machine.Fleet.Clusters[1].Kubeconfig), admin.Options)).Cluster;
        await machine.RestartServerAsync();

        await Wait.UntilAsync(
            async () => (await admin.Locations.InspectAsync(new Api.BackupLocationInspectRequest { OrgId = Client.Org, Name = name, Uid = location.Metadata.Uid }, admin.Options)).BackupLocation,
            it => it.BackupLocationInfo.Status.Status == Api.BackupLocationInfo.Types.StatusInfo.Types.Status.Valid, "the interrupted validation was done again");
        await admin.ClusterIsAsync(cluster.Ref(), Api.ClusterInfo.Types.StatusInfo.Types.Status.Online);
        var request = machine.BackupOf(name, "shop");
        (request.ClusterRef, request.BackupLocationRef) = (cluster.Ref(), location.Ref());
        await admin.TakeAsync(request);
    }

    /// <summary>False when the server died before its answer.</summary>
    internal static async Task<bool> AnsweredAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled)
        {
            return false;
        }
    }

    private async Task AssertMadeOnceAsync(Api.BackupCreateRequest request)
    {
        var backup = await machine.Admin.EndAsync(request);
        Assert.True(backup.BackupInfo.Status.Status == BackupStatus.Success, $"{backup.BackupInfo.Status}");
        Assert.Equal(Stage.Final, backup.BackupInfo.Stage);
        Assert.NotEmpty(backup.BackupInfo.Resources);
        Assert.Equal(FourFiles, machine.FilesOf(request.Metadata));
        Assert.Equal(backup, await machine.Admin.CreateAsync(request)); // Asked once more, it is the same backup.
        Assert.Equal(1, machine.Creates(Machine.Backups, Machine.ResourceOf(request.Metadata)));
    }

    private async Task AssertGoneAsync(Api.BackupCreateRequest request)
    {
        await machine.Admin.GoneAsync(request);
        Assert.Null(machine.Simulated.Objects.Find(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
        Assert.Empty(machine.FilesOf(request.Metadata));
    }
}
