using System.Net;
using Grpc.Core;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>A second user sees only what is theirs; what belongs to others answers as what is not there.</summary>
public class Users(Machine machine) : IClassFixture<Machine>
{
    private const string Password = "made-up-word-of-alice";

    [Fact]
    public async Task Foreign_objects_answer_as_missing_ones()
    {
        var backup = await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("private"), "shop"));
        using var alice = await AliceAsync("alice");

        await AssertMissingAsync($"failed to retrieve cluster [{machine.Cluster.Name}]: object not found", () => alice.CreateAsync(machine.BackupOf("theft", "shop")));
        await AssertMissingAsync($"failed to retrieve cluster [{machine.Cluster.Name}]: object not found",
            async () => await alice.Clusters.InspectAsync(new ClusterInspectRequest { OrgId = Client.Org, Name = machine.Cluster.Name, Uid = machine.Cluster.Uid, IncludeSecrets = true }, alice.Options));
        await AssertMissingAsync($"failed to retrieve backup [{backup.Metadata.Name}]: object not found",
            async () => await alice.Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Client.Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, alice.Options));
        await AssertMissingAsync($"failed to retrieve backup [{backup.Metadata.Name}]: object not found", () => alice.CreateAsync(machine.RestoreOf("theft", backup, ("shop", "stolen"))));
        await AssertMissingAsync($"failed to retrieve cloud credential [{machine.Credential.Name}]: object not found",
            async () => await alice.Credentials.DeleteAsync(new CloudCredentialDeleteRequest { OrgId = Client.Org, Name = machine.Credential.Name }, alice.Options));
        var listed = await alice.Backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Client.Org }, alice.Options);
        Assert.Empty(listed.Backups);
        Assert.Equal(0UL, listed.TotalCount);
        Assert.Equal(backup, (await machine.Admin.Backups.InspectAsync(new BackupInspectRequest { OrgId = Client.Org, Name = backup.Metadata.Name }, machine.Admin.Options)).Backup);
    }

    [Fact]
    public async Task A_name_of_two_owners_is_ambiguous_for_who_sees_both_and_plain_for_its_owner()
    {
        using var bob = await AliceAsync("bob");
        var (name, keys) = (machine.NewName("same"), await bob.AddCredentialAsync("keys", Machine.AccessKey, Machine.SecretKey));
        await bob.AddLocationAsync("bobs-bucket", keys, machine.StoreEndpoint, "bobs-bucket");
        await bob.AddClusterAsync(machine.Cluster.Name, machine.Simulated.Kubeconfig);
        var request = new BackupCreateRequest
        {
            Metadata = new CreateMetadata { Name = name, OrgId = Client.Org, Uid = Guid.NewGuid().ToString() },
            ClusterRef = new ObjectRef { Name = machine.Cluster.Name }, BackupLocationRef = new ObjectRef { Name = "bobs-bucket" }, Namespaces = { "blog" },
        };

        var backup = await bob.TakeAsync(request);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await machine.Admin.Clusters.InspectAsync(new ClusterInspectRequest { OrgId = Client.Org, Name = machine.Cluster.Name }, machine.Admin.Options));
        var mine = (await machine.Admin.Clusters.InspectAsync(new ClusterInspectRequest { OrgId = Client.Org, Name = machine.Cluster.Name, Uid = machine.Cluster.Uid }, machine.Admin.Options)).Cluster;

        Assert.Equal(StatusCode.Internal, refusal.StatusCode);
        Assert.Equal($"failed to retrieve cluster [{machine.Cluster.Name}]: more than one object found with same name, please use the object UID along with name", refusal.Status.Detail);
        Assert.Equal(machine.Cluster.Uid, mine.Metadata.Uid);
        Assert.NotEqual(machine.Cluster.Uid, backup.BackupInfo.ClusterRef.Uid);
    }

    [Fact]
    public async Task A_user_who_is_not_an_administrator_makes_no_users()
    {
        using var carol = await AliceAsync("carol");

        var answer = await carol.Rest.SendAsync(HttpMethod.Post, "/auth/admin/realms/master/users", """{"username":"mallory","enabled":true}""");

        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
    }

    private async Task<Client> AliceAsync(string name)
    {
        var made = await machine.Admin.Rest.SendAsync(HttpMethod.Post, "/auth/admin/realms/master/users",
            $$"""{"username":"{{name}}","enabled":true,"credentials":[{"type":"password","value":"{{Password}}"}]}""");
        Assert.True(made.Status == HttpStatusCode.Created, made.Text);
        return await Client.SignInAsync(machine, name, Password);
    }

    private static async Task AssertMissingAsync(string text, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((StatusCode.NotFound, text), (refusal.StatusCode, refusal.Status.Detail));
    }
}
