using Xunit;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Interfaces.Restores;
using PxBackup.Grains.Records;
using PxBackup.Grains.Restores;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Clusters;

/// <summary>A cluster and a location that are ready for work, with names of their own.</summary>
internal sealed class Scene(WorkSilo silo)
{
    private readonly string _credential = Guid.NewGuid().ToString();

    public ObjectRef ClusterRef { get; } = NewRef("cluster");

    public ObjectRef LocationRef { get; } = NewRef("location");

    public FakeKubernetes Kubernetes => silo.Clusters[Host];

    public string Host => $"{ClusterRef.Uid}.example.com";

    public string Bucket => "bucket-" + LocationRef.Uid;

    public IClusterGrain Cluster => silo.Grains.Cluster(new("default", ClusterRef.Uid));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<Scene> ReadyAsync(WorkSilo silo)
    {
        var scene = new Scene(silo);
        await scene.RegisterAsync();
        await scene.CreateLocationAsync();
        return scene;
    }

    public Task<ClusterObject> RegisterAsync() => Cluster.CreateAsync(ClusterRequest(), WorkSilo.Ann, Token);

    public ClusterCreateRequest ClusterRequest() => new()
    {
        Metadata = new() { Name = ClusterRef.Name, Uid = ClusterRef.Uid, OrgId = "default" },
        Kubeconfig = WorkSilo.Kubeconfig(Host),
    };

    public ClusterRecord? ClusterRecord() => silo.Store.Find<ClusterRecord>(new(ObjectKind.Cluster, "default", ClusterRef.Uid))?.Body;

    public IBackupGrain Backup(string uid) => silo.Grains.Backup(new("default", uid));

    public IRestoreGrain Restore(string uid) => silo.Grains.Restore(new("default", uid));

    public BackupRecord? BackupRecord(string uid) => silo.Store.Find<BackupRecord>(new(ObjectKind.Backup, "default", uid))?.Body;

    public RestoreRecord? RestoreRecord(string uid) => silo.Store.Find<RestoreRecord>(new(ObjectKind.Restore, "default", uid))?.Body;

    public BackupLocationRecord? LocationRecord() => silo.Store.Find<BackupLocationRecord>(new(ObjectKind.BackupLocation, "default", LocationRef.Uid))?.Body;

    public BackupCreateRequest BackupRequest(string uid) => new()
    {
        Metadata = new() { Name = "backup-" + uid, Uid = uid, OrgId = "default" },
        ClusterRef = ClusterRef,
        BackupLocationRef = LocationRef,
        Namespaces = { "shop" },
    };

    /// <summary>Asks for a backup; says its uid.</summary>
    public async Task<string> StartBackupAsync(Action<BackupCreateRequest>? change = null)
    {
        var request = BackupRequest(Guid.NewGuid().ToString());
        change?.Invoke(request);
        await Backup(request.Metadata.Uid).CreateAsync(request, WorkSilo.Ann, Token);
        return request.Metadata.Uid;
    }

    /// <summary>A backup that succeeded.</summary>
    public async Task<string> FinishedBackupAsync()
    {
        var uid = await StartBackupAsync();
        await UntilAsync(uid, BackupStatus.Success);
        return uid;
    }

    public async Task<string> StartRestoreAsync(string backup, Scene? onto = null, Action<RestoreCreateRequest>? change = null)
    {
        var uid = Guid.NewGuid().ToString();
        var request = new RestoreCreateRequest
        {
            Metadata = new() { Name = "restore-" + uid, Uid = uid, OrgId = "default" },
            ClusterRef = (onto ?? this).ClusterRef,
            BackupRef = new() { Name = "backup-" + backup, Uid = backup },
        };
        change?.Invoke(request);
        await Restore(uid).CreateAsync(request, WorkSilo.Ann, Token);
        return uid;
    }

    /// <summary>Waits for a status, moving the clock by <paramref name="step"/> meanwhile.</summary>
    public Task UntilAsync(string backup, BackupStatus status, TimeSpan step = default) =>
        silo.UntilAsync($"backup {backup} became {status}", () => BackupRecord(backup)?.Backup.BackupInfo.Status.Status == status, step);

    public Task UntilGoneAsync(string backup, TimeSpan step = default) => silo.UntilAsync($"backup {backup} was gone", () => BackupRecord(backup) is null, step);

    public string ReasonOf(string backup) => BackupRecord(backup)!.Backup.BackupInfo.Status.Reason;

    private static ObjectRef NewRef(string kind)
    {
        var uid = Guid.NewGuid().ToString();
        return new() { Name = $"{kind}-{uid[..8]}", Uid = uid };
    }

    private async Task CreateLocationAsync()
    {
        await silo.Grains.CloudCredential(new("default", _credential)).CreateAsync(new()
        {
            Metadata = new() { Name = "credential-" + _credential, Uid = _credential, OrgId = "default" },
            CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up-secret" } },
        }, WorkSilo.Ann, Token);
        await silo.Grains.BackupLocation(new("default", LocationRef.Uid)).CreateAsync(new()
        {
            Metadata = new() { Name = LocationRef.Name, Uid = LocationRef.Uid, OrgId = "default" },
            BackupLocation = new()
            {
                Type = BackupLocationInfo.Types.Type.S3,
                Path = Bucket,
                CloudCredentialRef = new() { Name = "credential-" + _credential, Uid = _credential },
                S3Config = new() { Endpoint = "s3.example.com" },
                ValidateCloudCredential = true,
            },
        }, WorkSilo.Ann, Token);
    }
}
