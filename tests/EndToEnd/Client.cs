using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using PxBackup.Api;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;
using Metadata = Grpc.Core.Metadata;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>One signed-in user, by gRPC through the generated clients of the public contract.</summary>
internal sealed class Client : IDisposable
{
    public const string Org = "default";

    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(message => message, message => message);
    private readonly GrpcChannel _channel;

    public Client(Uri grpc, Uri rest, string token)
    {
        _channel = GrpcChannel.ForAddress(grpc, new GrpcChannelOptions { MaxReceiveMessageSize = 64 * 1024 * 1024 });
        Rest = new RestClient(rest, token);
        Headers = token.Length > 0 ? new Metadata { { "authorization", $"bearer {token}" } } : [];
        Backups = new(_channel);
        Restores = new(_channel);
        Clusters = new(_channel);
        Locations = new(_channel);
        Credentials = new(_channel);
    }

    /// <summary>The same user by REST.</summary>
    public RestClient Rest { get; }

    public Metadata Headers { get; }

    public Backup.BackupClient Backups { get; }

    public Restore.RestoreClient Restores { get; }

    public Cluster.ClusterClient Clusters { get; }

    public BackupLocation.BackupLocationClient Locations { get; }

    public CloudCredential.CloudCredentialClient Credentials { get; }

    /// <summary>Headers, a deadline and the test's own end.</summary>
    public CallOptions Options => new(Headers, DateTime.UtcNow.AddMinutes(2), TestContext.Current.CancellationToken);

    public static async Task<Client> SignInAsync(Machine machine, string user, string password)
    {
        using var http = new HttpClient { BaseAddress = machine.Rest };
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "password", ["client_id"] = "pxcentral", ["username"] = user, ["password"] = password, ["token-duration"] = "1d",
        });
        using var answer = await http.PostAsync(new Uri("/auth/realms/master/protocol/openid-connect/token", UriKind.Relative), form, TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, $"sign-in of {user}: {body}");
        return WithToken(machine, body!["access_token"]!.GetValue<string>());
    }

    /// <summary>Somebody with this token; an empty one sends none.</summary>
    public static Client WithToken(Machine machine, string token) => new(new Uri($"http://127.0.0.1:{machine.GrpcPort}"), machine.Rest, token);

    /// <summary>Calls <c>/service/method</c> without the generated client, as any tool with the public contract would.</summary>
    public async Task<byte[]> InvokeAsync(string service, string method, IMessage request)
    {
        var rpc = new Method<byte[], byte[]>(MethodType.Unary, service, method, Bytes, Bytes);
        return await _channel.CreateCallInvoker().AsyncUnaryCall(rpc, null, Options, request.ToByteArray());
    }

    public async Task<ObjectRef> AddCredentialAsync(string name, string accessKey, string secretKey) =>
        (await Credentials.CreateAsync(NewCredential(name, accessKey, secretKey), Options)).CloudCredential.Ref();

    /// <summary>Adds a location and waits for the outcome of its validation.</summary>
    public async Task<BackupLocationObject> AddLocationAsync(string name, ObjectRef credential, Uri endpoint, string bucket)
    {
        var created = (await Locations.CreateAsync(NewLocation(name, credential, endpoint, bucket), Options)).BackupLocation;
        return await Wait.UntilAsync(
            async () => (await Locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Org, Name = name, Uid = created.Metadata.Uid }, Options)).BackupLocation,
            it => it.BackupLocationInfo.Status.Status != LocationStatus.ValidationInProgress, $"backup location {name} is validated");
    }

    /// <summary>Adds a cluster and waits until it is online.</summary>
    public async Task<ClusterObject> AddClusterAsync(string name, string kubeconfig)
    {
        await Clusters.CreateAsync(NewCluster(name, kubeconfig), Options);
        return await ClusterIsAsync(name, ClusterStatus.Online);
    }

    public Task<ClusterObject> ClusterIsAsync(string name, ClusterStatus status) => ClusterIsAsync(new ObjectRef { Name = name }, status);

    public Task<ClusterObject> ClusterIsAsync(ObjectRef cluster, ClusterStatus status) => Wait.UntilAsync(
        async () => (await Clusters.InspectAsync(new ClusterInspectRequest { OrgId = Org, Name = cluster.Name, Uid = cluster.Uid }, Options)).Cluster,
        it => it.ClusterInfo.Status.Status == status, $"cluster {cluster.Name} is {status}");

    public async Task<BackupObject> CreateAsync(BackupCreateRequest request) => (await Backups.CreateAsync(request, Options)).Backup;

    public async Task<RestoreObject> CreateAsync(RestoreCreateRequest request) => (await Restores.CreateAsync(request, Options)).Restore;

    /// <summary>The backup as it is now.</summary>
    public async Task<BackupObject> LookAsync(BackupCreateRequest request) =>
        (await Backups.InspectAsync(new BackupInspectRequest { OrgId = Org, Name = request.Metadata.Name, Uid = request.Metadata.Uid }, Options)).Backup;

    /// <summary>The restore as it is now.</summary>
    public async Task<RestoreObject> LookAsync(RestoreCreateRequest request) =>
        (await Restores.InspectAsync(new RestoreInspectRequest { OrgId = Org, Name = request.Metadata.Name, Uid = request.Metadata.Uid }, Options)).Restore;

    /// <summary>The backup in its final state, whichever that is.</summary>
    public Task<BackupObject> EndAsync(BackupCreateRequest request) => Wait.UntilAsync(() => LookAsync(request),
        it => it.BackupInfo.Status.Status is BackupStatus.Success or BackupStatus.PartialSuccess or BackupStatus.Failed, $"backup {request.Metadata.Name} has ended");

    /// <summary>The restore in its final state, whichever that is.</summary>
    public Task<RestoreObject> EndAsync(RestoreCreateRequest request) => Wait.UntilAsync(() => LookAsync(request),
        it => it.RestoreInfo.Status.Status is RestoreStatus.Success or RestoreStatus.PartialSuccess or RestoreStatus.Failed, $"restore {request.Metadata.Name} has ended");

    /// <summary>Takes a backup that must succeed.</summary>
    public async Task<BackupObject> TakeAsync(BackupCreateRequest request)
    {
        await CreateAsync(request);
        var backup = await EndAsync(request);
        Assert.True(backup.BackupInfo.Status.Status == BackupStatus.Success, $"{backup.BackupInfo.Status}");
        return backup;
    }

    public async Task DeleteAsync(BackupCreateRequest request) =>
        await Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Org, Name = request.Metadata.Name, Uid = request.Metadata.Uid }, Options);

    public async Task DeleteAsync(RestoreCreateRequest request) =>
        await Restores.DeleteAsync(new RestoreDeleteRequest { OrgId = Org, Name = request.Metadata.Name, Uid = request.Metadata.Uid }, Options);

    public Task GoneAsync(BackupCreateRequest request) => GoneAsync(() => LookAsync(request), $"backup {request.Metadata.Name}");

    public Task GoneAsync(RestoreCreateRequest request) => GoneAsync(() => LookAsync(request), $"restore {request.Metadata.Name}");

    public static CloudCredentialCreateRequest NewCredential(string name, string accessKey, string secretKey) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        CloudCredential = new CloudCredentialInfo { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new AWSConfig { AccessKey = accessKey, SecretKey = secretKey } },
    };

    public static BackupLocationCreateRequest NewLocation(string name, ObjectRef credential, Uri endpoint, string bucket) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        BackupLocation = new BackupLocationInfo
        {
            Type = BackupLocationInfo.Types.Type.S3,
            Path = bucket,
            CloudCredentialRef = credential,
            S3Config = new S3Config { Endpoint = endpoint.ToString().TrimEnd('/'), Region = "us-east-1", DisableSsl = true },
        },
    };

    public static ClusterCreateRequest NewCluster(string name, string kubeconfig) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(kubeconfig)),
    };

    public void Dispose()
    {
        Rest.Dispose();
        _channel.Dispose();
    }

    private static async Task GoneAsync<T>(Func<Task<T>> look, string what) => await Wait.UntilAsync(
        async () =>
        {
            try
            {
                return $"{await look()}";
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                return "";
            }
        },
        seen => seen.Length == 0, $"{what} is gone");
}

/// <summary>References to objects.</summary>
internal static class Refs
{
    public static ObjectRef Ref(this BackupObject backup) => new() { Name = backup.Metadata.Name, Uid = backup.Metadata.Uid };

    public static ObjectRef Ref(this ClusterObject cluster) => new() { Name = cluster.Metadata.Name, Uid = cluster.Metadata.Uid };

    public static ObjectRef Ref(this BackupLocationObject location) => new() { Name = location.Metadata.Name, Uid = location.Metadata.Uid };

    public static ObjectRef Ref(this CloudCredentialObject credential) => new() { Name = credential.Metadata.Name, Uid = credential.Metadata.Uid };
}
