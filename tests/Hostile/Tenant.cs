using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using PxBackup.Api;
using Metadata = Grpc.Core.Metadata;

namespace PxBackup.Hostile;

/// <summary>A user with a token, a credential, a location, and a cluster of its own; by gRPC and REST.</summary>
internal sealed class Tenant : IDisposable
{
    public const string Org = "default";

    private readonly GrpcChannel _channel;

    private Tenant(Target target, string name, string token)
    {
        (Name, Token) = (name, token);
        // Each tenant has connections of its own, as different people have.
        _channel = GrpcChannel.ForAddress(target.Grpc);
        Http = new HttpClient { BaseAddress = target.Rest, Timeout = TimeSpan.FromSeconds(30) };
        Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"bearer {token}");
        (Backups, Restores, Clusters) = (new(_channel), new(_channel), new(_channel));
        (Locations, Credentials) = (new(_channel), new(_channel));
    }

    public string Name { get; }

    public string Token { get; }

    public HttpClient Http { get; }

    public Backup.BackupClient Backups { get; }

    public Restore.RestoreClient Restores { get; }

    public Cluster.ClusterClient Clusters { get; }

    public BackupLocation.BackupLocationClient Locations { get; }

    public CloudCredential.CloudCredentialClient Credentials { get; }

    public ObjectRef Credential { get; private set; } = new();

    public ObjectRef Location { get; private set; } = new();

    public ObjectRef ClusterRef { get; private set; } = new();

    /// <summary>A deadline of 20 s and the token.</summary>
    public CallOptions Options => new(new Metadata { { "authorization", $"bearer {Token}" } }, DateTime.UtcNow.AddSeconds(20));

    /// <summary>Signs in.</summary>
    /// <exception cref="InvalidOperationException">It is refused.</exception>
    public static async Task<Tenant> SignInAsync(Target target, string name, string password)
    {
        using var http = new HttpClient { BaseAddress = target.Rest };
        using var answer = await http.PostAsync(SignInPath, SignInForm(name, password));
        var body = await answer.Content.ReadFromJsonAsync<JsonObject>();
        return answer.IsSuccessStatusCode ? new Tenant(target, name, body!["access_token"]!.GetValue<string>()) : throw new InvalidOperationException($"{name} cannot sign in: {body}");
    }

    public static Uri SignInPath { get; } = new("/auth/realms/master/protocol/openid-connect/token", UriKind.Relative);

    public static FormUrlEncodedContent SignInForm(string name, string password) => new(new Dictionary<string, string>
    {
        ["grant_type"] = "password", ["client_id"] = "pxcentral", ["username"] = name, ["password"] = password, ["token-duration"] = "1h",
    });

    /// <summary>As the administrator: makes a user, who signs in.</summary>
    public async Task<Tenant> NewUserAsync(Target target, string name)
    {
        var password = $"made-up-password-of-{name}";
        using var answer = await Http.PostAsJsonAsync(new Uri("/auth/admin/realms/master/users", UriKind.Relative),
            new { username = name, enabled = true, credentials = new[] { new { type = "password", value = password } } });
        return answer.IsSuccessStatusCode ? await SignInAsync(target, name, password) : throw new InvalidOperationException($"user {name}: {await answer.Content.ReadAsStringAsync()}");
    }

    public async Task SettleAsync(string accessKey, string secretKey, Uri store, string bucket, string kubeconfig)
    {
        Credential = await AddCredentialAsync($"{Name}-keys", accessKey, secretKey);
        Location = await AddLocationAsync($"{Name}-bucket", Credential, store, bucket);
        var cluster = await Clusters.CreateAsync(new ClusterCreateRequest { Metadata = New($"{Name}-cluster"), Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(kubeconfig)) }, Options);
        ClusterRef = Ref(cluster.Cluster.Metadata);
        await UntilAsync(async () => (await Locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Org, Name = Location.Name, Uid = Location.Uid }, Options)).BackupLocation.BackupLocationInfo.Status.Status.ToString(), "Valid");
        await IsOnlineAsync();
    }

    /// <summary>Waits until its cluster is online.</summary>
    /// <exception cref="TimeoutException">It is not after a minute.</exception>
    public Task IsOnlineAsync() =>
        UntilAsync(async () => (await Clusters.InspectAsync(new ClusterInspectRequest { OrgId = Org, Name = ClusterRef.Name, Uid = ClusterRef.Uid }, Options)).Cluster.ClusterInfo.Status.Status.ToString(), "Online");

    public async Task<ObjectRef> AddCredentialAsync(string name, string accessKey, string secretKey)
    {
        var credential = await Credentials.CreateAsync(new CloudCredentialCreateRequest
        {
            Metadata = New(name), CloudCredential = new CloudCredentialInfo { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new AWSConfig { AccessKey = accessKey, SecretKey = secretKey } },
        }, Options);
        return Ref(credential.CloudCredential.Metadata);
    }

    public async Task<ObjectRef> AddLocationAsync(string name, ObjectRef credential, Uri store, string bucket)
    {
        var location = await Locations.CreateAsync(new BackupLocationCreateRequest
        {
            Metadata = New(name),
            BackupLocation = new BackupLocationInfo
            {
                Type = BackupLocationInfo.Types.Type.S3, Path = bucket, CloudCredentialRef = credential,
                S3Config = new S3Config { Endpoint = store.ToString().TrimEnd('/'), Region = "us-east-1", DisableSsl = true },
            },
        }, Options);
        return Ref(location.BackupLocation.Metadata);
    }

    /// <summary>Accepted, not yet carried out.</summary>
    public async Task<BackupObject> BeginBackupAsync(string name, params string[] namespaces) =>
        (await Backups.CreateAsync(new BackupCreateRequest { Metadata = New(name), ClusterRef = ClusterRef, BackupLocationRef = Location, Namespaces = { namespaces } }, Options)).Backup;

    /// <summary>Waits for its end.</summary>
    public async Task<BackupObject> EndOfAsync(BackupObject backup)
    {
        await UntilAsync(async () => (await LookAsync(backup)).BackupInfo.Status.Status.ToString(), "Success", "PartialSuccess", "Failed");
        return await LookAsync(backup);
    }

    public async Task<BackupObject> LookAsync(BackupObject backup) =>
        (await Backups.InspectAsync(new BackupInspectRequest { OrgId = Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, Options)).Backup;

    /// <summary>Asks for the deletion and waits until the object is gone.</summary>
    /// <exception cref="TimeoutException">It is still there after a minute.</exception>
    public async Task DeleteAsync(BackupObject backup)
    {
        await Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, Options);
        await UntilAsync(async () =>
        {
            try
            {
                return (await LookAsync(backup)).BackupInfo.Status.Status.ToString();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                return "gone";
            }
        }, "gone");
    }

    public void Dispose()
    {
        Http.Dispose();
        _channel.Dispose();
    }

    private static CreateMetadata New(string name) => new() { Name = name, OrgId = Org, Uid = Guid.NewGuid().ToString() };

    private static ObjectRef Ref(PxBackup.Api.Metadata metadata) => new() { Name = metadata.Name, Uid = metadata.Uid };

    private static async Task UntilAsync(Func<Task<string>> look, params string[] wanted)
    {
        var seen = "";
        for (var i = 0; i < 300; i++)
        {
            seen = await look();
            if (wanted.Contains(seen))
                return;
            await Task.Delay(200);
        }

        throw new TimeoutException($"after a minute it is {seen}, not {string.Join(" or ", wanted)}");
    }
}
