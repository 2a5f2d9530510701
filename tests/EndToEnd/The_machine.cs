using System.Diagnostics;
using System.Globalization;
using System.Net;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What the machine can do to the product: other users on it, its disk, its files.</summary>
public class The_machine(Machine machine) : IClassFixture<Machine>
{
    [Fact]
    public void One_process_listens_for_clients_of_the_API_and_for_nobody_else()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "looks into /proc");

        Assert.Equal(new[] { machine.RestPort, machine.GrpcPort }.Order(), PortsOf(machine.Server.ProcessId).Order());
    }

    [Fact]
    public async Task An_address_beyond_loopback_needs_a_certificate_or_the_word()
    {
        var line = await RefusedAsync(Elsewhere("bind-refused"), "--bind", "0.0.0.0");
        await using var insecure = Server.Launch(Elsewhere("bind-insecure"), "--bind", "0.0.0.0", "--insecure");

        Assert.Contains("Gateway:Bind is '0.0.0.0'", line, StringComparison.Ordinal);
        Assert.Contains("--certificate FILE --key FILE", line, StringComparison.Ordinal);
        Assert.Contains("--insecure", line, StringComparison.Ordinal);
        await Wait.UntilAsync(() => insecure.Lines.Any(said => said.Contains("is up", StringComparison.Ordinal)), up => up, "the server with --insecure is up");
        await insecure.StopAsync();
    }

    [Theory]
    [InlineData("", "chmod 700")]
    [InlineData("records.db", "chmod 600")]
    [InlineData("secrets", "chmod 700")]
    [InlineData("secrets/master-key", "chmod 600")]
    [InlineData("identity", "chmod 700")]
    [InlineData("identity/signing-key.pem", "chmod 600")]
    [InlineData("identity/users.json", "chmod 600")]
    public async Task What_other_users_could_open_is_refused_with_the_command_that_closes_it(string file, string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are Unix'");
        var setup = Elsewhere("modes-" + (file.Length == 0 ? "folder" : file.Replace('/', '-')));
        await using (var first = await Server.StartAsync(setup))
            await first.StopAsync();
        var path = Path.Combine(setup.Data, file).TrimEnd('/');
        await ChmodAsync("g+r", path);

        var line = await RefusedAsync(setup);

        Assert.Contains($"{command} '{path}'", line, StringComparison.Ordinal);
        await ChmodAsync("g-r", path);
        await using var again = await Server.StartAsync(setup);
        await again.StopAsync();
    }

    [Fact]
    public async Task A_lost_database_beside_its_keys_is_not_begun_anew_without_the_word()
    {
        var setup = Elsewhere("lost-database");
        await using (var first = await Server.StartAsync(setup))
            await first.StopAsync();
        File.Delete(Path.Combine(setup.Data, "records.db"));

        var line = await RefusedAsync(setup);

        Assert.Contains("missing or empty", line, StringComparison.Ordinal);
        Assert.Contains("--start-anew", line, StringComparison.Ordinal);
        await using var anew = Server.Launch(setup, "--start-anew");
        await Wait.UntilAsync(() => anew.Lines.Any(said => said.Contains("is up", StringComparison.Ordinal)), up => up, "the server begins anew");
        await anew.StopAsync();
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_is_one_failed_object_and_its_owner_can_delete_it()
    {
        var (sound, broken, stolen) = (machine.NewName("sound"), machine.NewName("broken"), machine.NewName("stolen"));
        var kept = await machine.Admin.AddCredentialAsync(sound, "canary-sound", "canary-sound-secret");
        var location = await machine.Admin.AddLocationAsync(broken, machine.Credential, machine.StoreEndpoint, Machine.Bucket);
        var taken = await machine.Admin.AddCredentialAsync(stolen, "canary-stolen", "canary-stolen-secret");
        await machine.Server.StopAsync();
        Execute($"UPDATE bodies SET body=x'ffffffff' WHERE rid=(SELECT rid FROM records WHERE uid='{location.Metadata.Uid}')");
        Execute($"UPDATE bodies SET body=(SELECT body FROM bodies JOIN records USING(rid) WHERE uid='{kept.Uid}') WHERE rid=(SELECT rid FROM records WHERE uid='{taken.Uid}')");
        await machine.StartServerAsync();

        var locations = await machine.Admin.Locations.EnumerateAsync(new BackupLocationEnumerateRequest { OrgId = Client.Org }, machine.Admin.Options);
        var byRest = await machine.Admin.Rest.GetAsync("/v1/backuplocation/default");
        var credentials = await machine.Admin.Credentials.EnumerateAsync(new CloudCredentialEnumerateRequest { OrgId = Client.Org, IncludeSecrets = true }, machine.Admin.Options);
        var inspected = await Assert.ThrowsAsync<RpcException>(async () => await machine.Admin.Locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Client.Org, Name = broken, Uid = location.Metadata.Uid }, machine.Admin.Options));
        await machine.Admin.Locations.DeleteAsync(new BackupLocationDeleteRequest { OrgId = Client.Org, Name = broken, Uid = location.Metadata.Uid }, machine.Admin.Options);
        await machine.Admin.Credentials.DeleteAsync(new CloudCredentialDeleteRequest { OrgId = Client.Org, Name = stolen, Uid = taken.Uid }, machine.Admin.Options);

        var shown = Assert.Single(locations.BackupLocations, it => it.Metadata.Uid == location.Metadata.Uid);
        Assert.Equal((broken, BackupLocationInfo.Types.StatusInfo.Types.Status.ValidationFailed), (shown.Metadata.Name, shown.BackupLocationInfo.Status.Status));
        Assert.Contains("delete the object", shown.BackupLocationInfo.Status.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(machine.Folder, shown.ToString(), StringComparison.Ordinal);
        Assert.Contains("delete the object", byRest.Text, StringComparison.Ordinal);
        Assert.Contains(locations.BackupLocations, it => it.Metadata.Uid == machine.Location.Uid && it.BackupLocationInfo.Status.Status == BackupLocationInfo.Types.StatusInfo.Types.Status.Valid);
        Assert.Equal((stolen, ""), Assert.Single(credentials.CloudCredentials, it => it.Metadata.Uid == taken.Uid) is var credential ? (credential.Metadata.Name, credential.CloudCredentialInfo.AwsConfig?.SecretKey ?? "") : default);
        Assert.Equal(StatusCode.FailedPrecondition, inspected.StatusCode);
        Assert.DoesNotContain((await machine.Admin.Locations.EnumerateAsync(new BackupLocationEnumerateRequest { OrgId = Client.Org }, machine.Admin.Options)).BackupLocations, it => it.Metadata.Uid == location.Metadata.Uid);
        Assert.DoesNotContain((await machine.Admin.Credentials.EnumerateAsync(new CloudCredentialEnumerateRequest { OrgId = Client.Org }, machine.Admin.Options)).CloudCredentials, it => it.Metadata.Uid == taken.Uid);
    }

    [Fact]
    public async Task A_full_disk_keeps_what_was_accepted_refuses_what_is_new_and_heals()
    {
        var disk = Directory.CreateDirectory(Path.Combine(machine.Folder, "disk")).FullName;
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", disk) == 0, "needs the right to mount");
        try
        {
            await machine.Server.StopAsync();
            var setup = machine.Setup() with { Data = Path.Combine(disk, "server") };
            await using var server = await Server.StartAsync(setup);
            using var admin = await Client.SignInAsync(machine, Machine.AdminName, Machine.AdminPassword);
            using var http = new HttpClient { BaseAddress = machine.Rest };
            var accepted = new List<string>();
            await AcceptAsync(admin, accepted, 20);

            Fill(disk);
            var refused = await RefusalAsync(admin, accepted);
            var red = await Wait.UntilAsync(() => ReadyAsync(http), ready => ready != HttpStatusCode.OK, "readiness is red");
            var alive = (await http.GetAsync(new Uri("/healthz/live", UriKind.Relative), TestContext.Current.CancellationToken)).StatusCode;
            var readable = await NamesAsync(admin);
            var took = await server.StopAsync();
            var left = Directory.GetFiles(setup.Data, "*", SearchOption.AllDirectories);
            File.Delete(Path.Combine(disk, "filler"));
            await using var again = await Server.StartAsync(setup);
            using var later = await Client.SignInAsync(machine, Machine.AdminName, Machine.AdminPassword);
            var after = await NamesAsync(later);
            Fill(disk);
            await Wait.UntilAsync(() => ReadyAsync(http), ready => ready != HttpStatusCode.OK, "readiness is red again");
            File.Delete(Path.Combine(disk, "filler"));
            await Wait.UntilAsync(() => ReadyAsync(http), ready => ready == HttpStatusCode.OK, "readiness is green when there is room again");
            await AcceptAsync(later, accepted, 1);
            await again.StopAsync();

            Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
            Assert.Contains("disk is full", refused.Status.Detail, StringComparison.Ordinal);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (red, alive));
            Assert.Superset(accepted.SkipLast(1).ToHashSet(), readable.ToHashSet());
            Assert.Equal(0, server.ExitCode);
            Assert.InRange(took.TotalSeconds, 0, 10);
            Assert.DoesNotContain(left, file => file.EndsWith(".new", StringComparison.Ordinal));
            Assert.Equal(accepted.SkipLast(1).Order(), after.Order());
            Assert.Equal(0, again.ExitCode);
        }
        finally
        {
            await RunAsync("umount", "-l", disk);
            await machine.StartServerAsync();
        }
    }

    private static async Task AcceptAsync(Client admin, List<string> accepted, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var name = $"accepted-{accepted.Count}";
            await admin.AddCredentialAsync(name, "canary-access", new string('k', 2000));
            accepted.Add(name);
        }
    }

    /// <summary>Creates until one is refused; the ones that were accepted still count.</summary>
    private static async Task<RpcException> RefusalAsync(Client admin, List<string> accepted)
    {
        for (var i = 0; i < 2000; i++)
        {
            try
            {
                await AcceptAsync(admin, accepted, 1);
            }
            catch (RpcException e)
            {
                return e;
            }
        }

        throw new InvalidOperationException("a full disk refused nothing");
    }

    private static async Task<IEnumerable<string>> NamesAsync(Client client) =>
        (await client.Credentials.EnumerateAsync(new CloudCredentialEnumerateRequest { OrgId = Client.Org }, client.Options)).CloudCredentials.Select(it => it.Metadata.Name);

    private static async Task<HttpStatusCode> ReadyAsync(HttpClient http) =>
        (await http.GetAsync(new Uri("/healthz/ready", UriKind.Relative), TestContext.Current.CancellationToken)).StatusCode;

    private static void Fill(string disk)
    {
        using var filler = new FileStream(Path.Combine(disk, "filler"), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in (int[])[1 << 20, 4096, 1])
        {
            var block = new byte[size];
            try
            {
                while (true)
                    filler.Write(block);
            }
            catch (IOException)
            {
                // Full for blocks of this size.
            }
        }
    }

    private ServerSetup Elsewhere(string folder) => machine.Setup() with { Data = Path.Combine(machine.Folder, folder), RestPort = Machine.FreePort(), GrpcPort = Machine.FreePort() };

    private static async Task<string> RefusedAsync(ServerSetup setup, params string[] arguments)
    {
        await using var refused = Server.Launch(setup, arguments);
        await refused.EndedAsync("a start that must be refused");
        Assert.Equal(1, refused.ExitCode);
        return Assert.Single(refused.Lines, line => line.StartsWith("pxbackup: cannot start: ", StringComparison.Ordinal));
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(machine.ServerData, "records.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.Equal(1, command.ExecuteNonQuery());
    }

    private static Task<int> ChmodAsync(string mode, string path) => RunAsync("chmod", mode, path);

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await run.WaitForExitAsync(CancellationToken.None);
        return run.ExitCode;
    }

    private static string TargetOf(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false)?.Name ?? "";
        }
        catch (IOException)
        {
            return ""; // Closed meanwhile.
        }
    }

    /// <summary>TCP ports on which a process listens, from the kernel's tables.</summary>
    private static IEnumerable<int> PortsOf(int pid)
    {
        var sockets = Directory.GetFiles($"/proc/{pid}/fd").Select(TargetOf)
            .Where(target => target.StartsWith("socket:[", StringComparison.Ordinal)).Select(target => target[8..^1]).ToHashSet();
        return new[] { "tcp", "tcp6" }.SelectMany(table => File.ReadLines($"/proc/net/{table}").Skip(1))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[3] == "0A" && sockets.Contains(fields[9]))
            .Select(fields => int.Parse(fields[1][(fields[1].IndexOf(':', StringComparison.Ordinal) + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
