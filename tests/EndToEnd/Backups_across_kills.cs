using Grpc.Core;
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
        var request = machine.BackupOf(machine.NewName("killed"), "shop");
        var answered = await AnsweredAsync(() => machine.Admin.CreateAsync(request));
        await machine.Server.EndedAsync($"failpoint {point}");
        Assert.Contains(machine.Server.Lines, line => line.Contains($"failpoint {point}", StringComparison.Ordinal));

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
