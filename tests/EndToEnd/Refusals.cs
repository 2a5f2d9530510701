using System.Net;
using Google.Protobuf;
using Grpc.Core;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What is wrong with a request is said alike by gRPC and by REST, and names what is wrong.</summary>
public class Refusals(Machine machine) : IClassFixture<Machine>
{
    private const string Nowhere = "nowhere";

    /// <summary>One wrong request: how to send it by both ways, and the answer.</summary>
    private sealed record Case(string Rpc, IMessage Request, HttpMethod Verb, string Path, StatusCode Code, string Text)
    {
        /// <summary>The text must be this and nothing else.</summary>
        public bool Exactly { get; init; }
    }

    private static readonly Dictionary<string, Func<Machine, Case>> Cases = new()
    {
        ["a backup without metadata"] = m => Post("Backup/Create", new BackupCreateRequest { ClusterRef = m.Cluster, BackupLocationRef = m.Location, Namespaces = { "shop" } }, "/v1/backup", "metadata: is required"),
        ["a backup without a name"] = m => Post("Backup/Create", m.BackupOf("", "shop"), "/v1/backup", "metadata.name: is required"),
        ["a backup whose name Kubernetes cannot bear"] = m => Post("Backup/Create", m.BackupOf("Not_A_Name", "shop"), "/v1/backup", "metadata.name: must be at most"),
        ["a backup of nothing"] = m => Post("Backup/Create", m.BackupOf("nothing"), "/v1/backup", "namespaces: nothing to back up"),
        ["a backup of an impossible namespace"] = m => Post("Backup/Create", m.BackupOf("strange", "../etc"), "/v1/backup", "namespaces[0]: '../etc' is not a namespace's name"),
        ["a backup without a cluster"] = m => Post("Backup/Create", m.BackupOf("homeless", "shop").With(request => request.ClusterRef = null), "/v1/backup", "cluster_ref: is required"),
        ["a backup of an unknown cluster"] = m => NotFound("Backup/Create", m.BackupOf("lost", "shop").With(request => request.ClusterRef = new ObjectRef { Name = Nowhere }), "/v1/backup", "failed to retrieve cluster [nowhere]: object not found"),
        ["a backup of a cluster by an unknown uid"] = m => NotFound("Backup/Create", m.BackupOf("lost", "shop").With(request => request.ClusterRef = new ObjectRef { Name = m.Cluster.Name, Uid = "unknown" }), "/v1/backup", $"failed to retrieve cluster [{m.Cluster.Name}]: object not found: the cluster of this name has uid {m.Cluster.Uid}, not unknown"),
        ["a backup to an unknown location"] = m => NotFound("Backup/Create", m.BackupOf("lost", "shop").With(request => request.BackupLocationRef = new ObjectRef { Name = Nowhere }), "/v1/backup", "failed to retrieve backup location [nowhere]: object not found"),
        ["a backup in an unknown organization"] = m => NotFound("Backup/Create", m.BackupOf("lost", "shop").With(request => request.Metadata.OrgId = Nowhere), "/v1/backup", "object not found", exactly: false),
        ["a restore of an unknown backup"] = m => NotFound("Restore/Create", new RestoreCreateRequest { Metadata = new() { Name = "lost", OrgId = Client.Org }, BackupRef = new() { Name = Nowhere }, ClusterRef = m.Cluster }, "/v1/restore", "failed to retrieve backup [nowhere]: object not found"),
        ["a cluster without a kubeconfig"] = _ => Post("Cluster/Create", new ClusterCreateRequest { Metadata = new() { Name = "bare", OrgId = Client.Org } }, "/v1/cluster", "kubeconfig: is required"),
        ["a cluster whose kubeconfig is no base64"] = _ => Post("Cluster/Create", new ClusterCreateRequest { Metadata = new() { Name = "bare", OrgId = Client.Org }, Kubeconfig = "apiVersion: v1" }, "/v1/cluster", "kubeconfig"),
        ["a credential without its secret"] = _ => Post("CloudCredential/Create", Client.NewCredential("half", "key", ""), "/v1/cloudcredential", "cloud_credential.aws_config.secret_key: is required"),
        ["a location without a credential"] = m => Post("BackupLocation/Create", Client.NewLocation("open", new ObjectRef(), m.StoreEndpoint, Machine.Bucket), "/v1/backuplocation", "cloud_credential_ref"),
        ["a look at an unknown backup"] = _ => Get("Backup/Inspect", new BackupInspectRequest { OrgId = Client.Org, Name = Nowhere }, $"/v1/backup/default/{Nowhere}", StatusCode.NotFound, "failed to retrieve backup [nowhere]: object not found"),
        ["a look at an unknown cluster"] = _ => Get("Cluster/Inspect", new ClusterInspectRequest { OrgId = Client.Org, Name = Nowhere }, $"/v1/cluster/default/{Nowhere}", StatusCode.NotFound, "failed to retrieve cluster [nowhere]: object not found"),
        ["the deletion of an unknown restore"] = _ => new("Restore/Delete", new RestoreDeleteRequest { OrgId = Client.Org, Name = Nowhere }, HttpMethod.Delete, $"/v1/restore/default/{Nowhere}", StatusCode.NotFound, "failed to retrieve restore [nowhere]: object not found") { Exactly = true },
        ["a list in a status that is none"] = _ => Get("Backup/Enumerate", new BackupEnumerateRequest { OrgId = Client.Org, EnumerateOptions = new() { Status = { "Sucess" } } }, "/v1/backup/default?enumerate_options.status=Sucess", StatusCode.InvalidArgument, "'Sucess' is not a status", exactly: false),
        ["a credential that is taken"] = m => new("CloudCredential/Create", Client.NewCredential(m.Credential.Name, "a", "b"), HttpMethod.Post, "/v1/cloudcredential", StatusCode.AlreadyExists, $"cloud credential [{m.Credential.Name}] already exists") { Exactly = true },
        ["a location that is taken"] = m => new("BackupLocation/Create", Client.NewLocation(m.Location.Name, m.Credential, m.StoreEndpoint, Machine.Bucket), HttpMethod.Post, "/v1/backuplocation", StatusCode.AlreadyExists, $"backup location [{m.Location.Name}] already exists") { Exactly = true },
        ["a cluster that is taken"] = m => new("Cluster/Create", Client.NewCluster(m.Cluster.Name, m.Simulated.Kubeconfig), HttpMethod.Post, "/v1/cluster", StatusCode.AlreadyExists, $"cluster [{m.Cluster.Name}] already exists with status: Online") { Exactly = true },
        ["the deletion of a credential in use"] = m => new("CloudCredential/Delete", new CloudCredentialDeleteRequest { OrgId = Client.Org, Name = m.Credential.Name }, HttpMethod.Delete, $"/v1/cloudcredential/default/{m.Credential.Name}", StatusCode.Unknown, $"backup location [{m.Location.Name}] has reference to cloud credential [{m.Credential.Name}:{m.Credential.Uid}]") { Exactly = true },
        ["a service that is not built"] = _ => Get("SchedulePolicy/Enumerate", new SchedulePolicyEnumerateRequest { OrgId = Client.Org }, "/v1/schedulepolicy/default", StatusCode.Unimplemented, "SchedulePolicy/Enumerate is not built yet in this release of PxBackup"),
        ["a cluster whose token is wrong"] = m => Post("Cluster/Create", Client.NewCluster("stranger", m.Fleet.Clusters[1].Kubeconfig.Replace(m.Fleet.Clusters[1].Token, "wrong-token", StringComparison.Ordinal)), "/v1/cluster", "failed to validate access to the cluster: Unauthorized"),
        ["a cluster whose certificate is from another authority"] = m => Post("Cluster/Create", Client.NewCluster("stranger", m.Simulated.Kubeconfig.Replace(m.Simulated.Address.ToString(), m.Fleet.Clusters[1].Address.ToString(), StringComparison.Ordinal)), "/v1/cluster", "failed to validate access to the cluster: TlsUntrusted"),
        ["a location with a wrong secret key, validated at once"] = m => Post("BackupLocation/Create", Client.NewLocation("wrong", m.WrongCredential, m.StoreEndpoint, Machine.Bucket).With(request => request.BackupLocation.ValidateCloudCredential = true), "/v1/backuplocation", "SignatureDoesNotMatch"),
    };

    public static TheoryData<string> Sentences => [.. Cases.Keys];

    [Theory, MemberData(nameof(Sentences))]
    public async Task Refused_by_gRPC_and_by_REST_with_the_same_words_is(string what)
    {
        var wrong = Cases[what](machine);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.InvokeAsync(wrong.Rpc.Split('/')[0], wrong.Rpc.Split('/')[1], wrong.Request));
        var answer = await machine.Admin.Rest.SendAsync(wrong.Verb, wrong.Path, wrong.Verb == HttpMethod.Post ? RestClient.JsonOf(wrong.Request) : null);

        if (wrong.Exactly)
            Assert.Equal(wrong.Text, refusal.Status.Detail);
        else
            Assert.Contains(wrong.Text, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(wrong.Code, refusal.StatusCode);
        Assert.Equal(StatusOf(wrong.Code), answer.Status);
        Assert.Equal("application/json", answer.ContentType);
        Assert.Equal((int)wrong.Code, answer.Json["code"]!.GetValue<int>());
        Assert.Equal(refusal.Status.Detail, answer.Json["error"]!.GetValue<string>());
        Assert.Equal(refusal.Status.Detail, answer.Json["message"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("exec", "users:\n- name: u\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: touch\n      args: [CANARY]\n", "exec")]
    [InlineData("auth-provider", "users:\n- name: u\n  user:\n    auth-provider:\n      name: gcp\n      config: {cmd-path: touch, cmd-args: CANARY}\n", "auth-provider")]
    [InlineData("a token's file", "users:\n- name: u\n  user:\n    tokenFile: /etc/passwd\n", "tokenFile")]
    [InlineData("a key's file", "users:\n- name: u\n  user:\n    client-certificate: /etc/passwd\n    client-key: /etc/shadow\n", "client-certificate")]
    public async Task A_kubeconfig_that_would_run_a_program_or_read_a_file_is_refused_and_nothing_of_it_happens_with(string what, string users, string named)
    {
        var canary = Path.Combine(machine.Folder, "canary");
        var kubeconfig = Kubeconfig($"{machine.Simulated.Server}", users.Replace("CANARY", canary, StringComparison.Ordinal));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await machine.Admin.Clusters.CreateAsync(Client.NewCluster(machine.NewName("hostile"), kubeconfig), machine.Admin.Options));

        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.StartsWith("kubeconfig: ", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Contains(named, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("root:", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.False(File.Exists(canary), $"the server ran the program of {what}");
    }

    [Theory]
    [InlineData("https://169.254.169.254")]
    [InlineData("https://[fd00:ec2::254]")]
    [InlineData("https://[::ffff:169.254.169.254]")]
    [InlineData("https://100.100.100.200")]
    public async Task A_cluster_at_a_metadata_address_is_refused(string server)
    {
        var kubeconfig = machine.Simulated.Kubeconfig.Replace($"{machine.Simulated.Server}".TrimEnd('/'), server, StringComparison.Ordinal);
        Assert.Contains(server, kubeconfig, StringComparison.Ordinal);

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await machine.Admin.Clusters.CreateAsync(Client.NewCluster(machine.NewName("hostile"), kubeconfig), machine.Admin.Options));

        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains("EndpointDenied", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_without_an_organization_belongs_to_the_default_one()
    {
        var request = machine.BackupOf(machine.NewName("without-org"), "shop");
        request.Metadata.OrgId = "";

        var backup = await machine.Admin.CreateAsync(request);

        Assert.Equal(Client.Org, backup.Metadata.OrgId);
        var found = (await machine.Admin.Backups.InspectAsync(new BackupInspectRequest { Name = request.Metadata.Name }, machine.Admin.Options)).Backup;
        Assert.Equal(request.Metadata.Uid, found.Metadata.Uid);
    }

    [Fact]
    public async Task A_second_backup_of_the_same_name_is_refused_and_does_not_reach_the_cluster()
    {
        var first = machine.BackupOf(machine.NewName("twice"), "shop");
        await machine.Admin.TakeAsync(first);
        var second = machine.BackupOf(first.Metadata.Name, "shop");

        var refusal = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.CreateAsync(second));

        Assert.Equal(StatusCode.AlreadyExists, refusal.StatusCode);
        Assert.Equal($"backup [{first.Metadata.Name}] already exists", refusal.Status.Detail);
        Assert.Equal(0, machine.Creates(Machine.Backups, Machine.ResourceOf(second.Metadata)));
    }

    private static Case Post(string rpc, IMessage request, string path, string text) => new(rpc, request, HttpMethod.Post, path, StatusCode.InvalidArgument, text);

    private static Case NotFound(string rpc, IMessage request, string path, string text, bool exactly = true) =>
        new(rpc, request, HttpMethod.Post, path, StatusCode.NotFound, text) { Exactly = exactly };

    private static Case Get(string rpc, IMessage request, string path, StatusCode code, string text, bool exactly = true) => new(rpc, request, HttpMethod.Get, path, code, text) { Exactly = exactly };

    private static string Kubeconfig(string server, string users) =>
        $"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {{server: '{server.TrimEnd('/')}'}}\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\n{users}";

    private static HttpStatusCode StatusOf(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument => HttpStatusCode.BadRequest,
        StatusCode.NotFound => HttpStatusCode.NotFound,
        StatusCode.AlreadyExists => HttpStatusCode.Conflict,
        StatusCode.Unimplemented => HttpStatusCode.NotImplemented,
        StatusCode.Unknown => HttpStatusCode.InternalServerError,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "no case has it"),
    };
}
