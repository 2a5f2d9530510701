using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What the operator sees of starts, stops and restarts.</summary>
public class Starts_and_stops(Machine machine) : IClassFixture<Machine>
{
    [Fact]
    public async Task A_second_start_keeps_everything_and_the_tokens_hold()
    {
        var request = machine.BackupOf(machine.NewName("kept"), "shop");
        var backup = await machine.Admin.TakeAsync(request);
        var before = await machine.Admin.Rest.GetAsync("/v1/cloudcredential/default");

        await machine.Server.StopAsync();
        await machine.StartServerAsync();

        Assert.Equal(backup, await machine.Admin.LookAsync(request));
        Assert.Equal(before.Text, (await machine.Admin.Rest.GetAsync("/v1/cloudcredential/default")).Text);
        await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("after"), "blog"));
        using var again = await Client.SignInAsync(machine, Machine.AdminName, Machine.AdminPassword);
        await again.DeleteAsync(request);
        await again.GoneAsync(request);
    }

    [Fact]
    public async Task SIGTERM_ends_it_cleanly_within_ten_seconds_also_while_a_backup_runs()
    {
        await machine.Simulated.Stork.StopAsync();
        var request = machine.BackupOf(machine.NewName("running"), "shop");
        await machine.Admin.CreateAsync(request);
        await machine.Simulated.Objects.WaitForAsync(
            Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is not null, "created", Wait.Patience, TestContext.Current.CancellationToken);

        var took = await machine.Server.StopAsync();
        var code = machine.Server.ExitCode;
        machine.Simulated.Stork.Start();
        await machine.StartServerAsync();

        Assert.Equal(0, code);
        Assert.InRange(took.TotalSeconds, 0, 10);
        Assert.Equal(BackupInfo.Types.StatusInfo.Types.Status.Success, (await machine.Admin.EndAsync(request)).BackupInfo.Status.Status);
    }

    [Fact]
    public async Task A_second_server_on_the_same_data_refuses_and_the_first_goes_on()
    {
        await using var second = Server.Launch(machine.Setup() with { RestPort = Machine.FreePort(), GrpcPort = Machine.FreePort() });

        await second.EndedAsync("its start on data in use");

        Assert.Equal(1, second.ExitCode);
        var line = Assert.Single(second.Lines, line => line.StartsWith("pxbackup: cannot start: ", StringComparison.Ordinal));
        Assert.Contains("in use by another program", line, StringComparison.Ordinal);
        await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("undisturbed"), "shop"));
    }

    [Fact]
    public async Task A_server_on_taken_ports_refuses_before_it_touches_anything()
    {
        var data = Path.Combine(machine.Folder, "never-made");
        await using var second = Server.Launch(machine.Setup() with { Data = data });

        await second.EndedAsync("its start on taken ports");

        Assert.Equal(1, second.ExitCode);
        Assert.Contains(second.Lines, line => line.Contains($"the REST port {machine.RestPort}", StringComparison.Ordinal) && line.Contains("--rest-port", StringComparison.Ordinal));
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task A_lost_master_key_is_refused_with_the_cure_and_its_return_makes_all_well()
    {
        var key = Path.Combine(machine.ServerData, "secrets", "master-key");
        await machine.Server.StopAsync();
        File.Move(key, $"{key}.away");
        await using var keyless = Server.Launch(machine.Setup());

        await keyless.EndedAsync("its start without the master key");
        var madeAnew = File.Exists(key);
        File.Move($"{key}.away", key, overwrite: true);
        await machine.StartServerAsync();

        Assert.Equal(1, keyless.ExitCode);
        var line = Assert.Single(keyless.Lines, line => line.StartsWith("pxbackup: cannot start: ", StringComparison.Ordinal));
        Assert.Contains("is missing", line, StringComparison.Ordinal);
        Assert.Contains("put back", line, StringComparison.Ordinal);
        Assert.False(madeAnew);
        Assert.Equal(Machine.SecretKey, (await machine.Admin.Credentials.InspectAsync(
            new CloudCredentialInspectRequest { OrgId = Client.Org, Name = machine.Credential.Name, IncludeSecrets = true }, machine.Admin.Options)).CloudCredential.CloudCredentialInfo.AwsConfig.SecretKey);
    }

    [Fact]
    public async Task Data_files_are_for_their_owner_only()
    {
        await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("private"), "shop"));
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

        Assert.True(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "file modes are Unix'");
        Assert.Equal(UnixFileMode.None, ModeOf(machine.ServerData) & others);
        Assert.All(Directory.GetFiles(machine.ServerData, "*", SearchOption.AllDirectories), file => Assert.Equal(UnixFileMode.None, ModeOf(file) & others));
    }

#pragma warning disable CA1416 // Asserted by the caller.
    private static UnixFileMode ModeOf(string path) => File.GetUnixFileMode(path);
#pragma warning restore CA1416
}
