using PxBackup.Api;
using Xunit;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>The process is ended as by <c>kill -9</c> at each step of a restore's life.</summary>
public class Restores_across_kills(Machine machine) : IClassFixture<Machine>
{
    public static TheoryData<string> Creation =>
    [
        "restore.before-record", "restore.after-record", "restore.before-resource", "restore.after-resource", "restore.before-final", "restore.after-final", "restore.after-removal",
    ];

    [Theory, MemberData(nameof(Creation))]
    public async Task A_restore_happens_once_and_leaves_the_cluster_clean_when_the_server_is_killed_at(string point)
    {
        await machine.RestartServerAsync(point);
        var backup = await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("source"), "shop"));
        var name = machine.NewName("restored");
        var request = machine.RestoreOf(name, backup, ("shop", $"shop-{name}"));
        var answered = await Backups_across_kills.AnsweredAsync(() => machine.Admin.CreateAsync(request));
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));

        await machine.StartServerAsync();
        if (!answered)
            await machine.Admin.CreateAsync(request);
        var restore = await machine.Admin.EndAsync(request);

        Assert.True(restore.RestoreInfo.Status.Status == RestoreStatus.Success, $"{restore.RestoreInfo.Status}");
        Assert.NotEmpty(restore.RestoreInfo.Resources);
        await RemovedAsync(request);
        Assert.Equal(1, machine.Creates(Machine.Restores, Machine.ResourceOf(request.Metadata)));
        Assert.NotEmpty(machine.Simulated.Objects.List("configmaps", $"shop-{name}"));
        await machine.Admin.DeleteAsync(request); // Nothing unfinished is left that could meet the next point.
        await machine.Admin.GoneAsync(request);
    }

    [Fact]
    public async Task The_deletion_of_a_restore_is_completed_when_the_server_is_killed_before_its_last_write()
    {
        await machine.RestartServerAsync("restore.before-record-delete");
        var backup = await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("source"), "shop"));
        var name = machine.NewName("removed");
        var request = machine.RestoreOf(name, backup, ("shop", $"shop-{name}"));
        await machine.Admin.CreateAsync(request);
        await machine.Admin.EndAsync(request);
        await Backups_across_kills.AnsweredAsync(() => machine.Admin.DeleteAsync(request));
        await machine.Server.EndedAsync("failpoint restore.before-record-delete");

        await machine.StartServerAsync();

        await machine.Admin.GoneAsync(request);
        await RemovedAsync(request);
        Assert.NotEmpty(machine.Simulated.Objects.List("configmaps", $"shop-{name}")); // What was restored stays.
    }

    private async Task RemovedAsync(RestoreCreateRequest request) => await machine.Simulated.Objects.WaitForAsync(
        Machine.Restores, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is null, "removed", Wait.Patience, TestContext.Current.CancellationToken);
}
