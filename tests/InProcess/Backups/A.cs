using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.InProcess.Backups;

/// <summary>What rules and translations are fed with, so that a test says only what it is about.</summary>
internal static class A
{
    public const string BackupUid = "0b0c4a54-0000-4000-8000-000000000001";
    public const string RestoreUid = "9f3be771-20b6-4e31-9646-186b7bba10c0";

    public static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly Caller Ann = new() { UserId = "ann", UserName = "Ann" };

    public static BackupOptions Options { get; } = new();

    public static RestoreOptions RestoreOptions { get; } = new();

    public static ObjectRef ClusterRef => new() { Name = "prod", Uid = "cluster-uid" };

    public static ClusterFacts Cluster(bool online = true, bool leaving = false) =>
        new() { Name = "prod", Online = online, Leaving = leaving, Reason = online ? "" : "ConnectRefused: nothing listens there", StorkVersion = "24.3.0" };

    public static OpenLocation Location(BackupLocationInfo? info = null) => new()
    {
        Location = new()
        {
            Metadata = new() { Name = "s3 main", Uid = "c0ffee00-0000-4000-8000-000000000001", OrgId = "default" },
            BackupLocationInfo = info ?? new()
            {
                Type = BackupLocationInfo.Types.Type.S3,
                Path = "bucket",
                EncryptionKey = "made-up-pass-phrase",
                CloudCredentialRef = new() { Name = "keys", Uid = "keys-uid" },
                S3Config = new() { Endpoint = "s3.example.com:9000" },
            },
        },
        Credential = new() { Metadata = new() { Name = "keys", Uid = "keys-uid" }, CloudCredentialInfo = new() { AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up-secret" } } },
        Revision = "1.1",
    };

    public static BackupCreateRequest Request(params string[] namespaces) => new()
    {
        Metadata = new() { Name = "Nightly shop", Uid = BackupUid, OrgId = "default", Labels = { ["team"] = "shop" } },
        ClusterRef = ClusterRef,
        BackupLocationRef = new() { Name = "s3 main", Uid = "c0ffee00-0000-4000-8000-000000000001" },
        Namespaces = { namespaces.Length == 0 ? ["shop", "blog"] : namespaces },
    };

    public static BackupRecord Backup(params string[] namespaces) =>
        BackupRules.Create(Request(namespaces), new ObjectKey("default", BackupUid), Cluster(), Location(), Ann, Options, Noon);

    public static BackupRecord Running(params string[] missing) => BackupRules.Placed(Backup(), "nightly-shop-0b0c4a5", "cr-uid", "s3-main-c0ffee0", missing, Options, Noon);

    public static BackupRecord Finished(string status = StorkStatus.Successful, params string[] missing) => BackupRules.Finish(Running(missing), Final(status), Noon);

    public static StorkReport Report(string stage, string status = "InProgress", int resources = 0, string lastUpdate = "") =>
        new() { ResourceUid = "cr-uid", Stage = stage, Status = status, ResourceCount = resources, LastUpdate = lastUpdate, Reason = $"{stage} {status}" };

    public static ApplicationBackup Final(string status = StorkStatus.Successful) => new()
    {
        Metadata = new() { Name = "nightly-shop-0b0c4a5", Namespace = "kube-system", Uid = "cr-uid" },
        Spec = new() { Namespaces = ["shop", "blog"] },
        Status = new() { Stage = StorkStage.Final, Status = status, Reason = "as Stork says", BackupPath = "kube-system/nightly-shop-0b0c4a5/cr-uid", FinishTimestamp = Noon.AddSeconds(10), ResourceCount = 3 },
    };

    public static RestoreCreateRequest RestoreRequest() => new()
    {
        Metadata = new() { Name = "Back again", Uid = RestoreUid, OrgId = "default" },
        ClusterRef = ClusterRef,
        BackupRef = new() { Name = "Nightly shop", Uid = BackupUid },
    };

    public static RestoreRecord Restore(Action<RestoreCreateRequest>? change = null, BackupObject? backup = null)
    {
        var request = RestoreRequest();
        change?.Invoke(request);
        return RestoreRules.Create(request, new ObjectKey("default", RestoreUid), Cluster(), backup ?? Finished().Backup, Ann, RestoreOptions, Noon);
    }

    public static RestoreRecord RunningRestore() => RestoreRules.Placed(Restore(), "restore-cr-uid", RestoreOptions, Noon);

    public static ApplicationRestore FinalRestore(string status = StorkStatus.Successful) => new()
    {
        Metadata = new() { Name = "back-again-9f3be77", Namespace = "kube-system", Uid = "restore-cr-uid" },
        Status = new() { Stage = StorkStage.Final, Status = status, Reason = "as Stork says", ResourceCount = 3, RestoredResourceCount = 3 },
    };
}
