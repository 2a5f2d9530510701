using System.Text;
using PxBackup.Api;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Load;

/// <summary>The requests of the load.</summary>
internal static class Requests
{
    public const string Org = "default";

    public static CloudCredentialCreateRequest Credential(string name) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        CloudCredential = new CloudCredentialInfo { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new AWSConfig { AccessKey = Installation.AccessKey, SecretKey = Installation.SecretKey } },
    };

    public static BackupLocationCreateRequest Location(string name, string uid, ObjectRef credential, Uri endpoint, string bucket) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org, Uid = uid },
        BackupLocation = new BackupLocationInfo
        {
            Type = BackupLocationInfo.Types.Type.S3,
            Path = bucket,
            CloudCredentialRef = credential,
            S3Config = new S3Config { Endpoint = endpoint.ToString().TrimEnd('/'), Region = "us-east-1", DisableSsl = true },
        },
    };

    public static ClusterCreateRequest Cluster(string name, string kubeconfig) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org },
        Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(kubeconfig)),
    };

    public static BackupCreateRequest Backup(string name, string uid, ObjectRef cluster, ObjectRef location) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org, Uid = uid },
        ClusterRef = cluster,
        BackupLocationRef = location,
        Namespaces = { "shop" },
    };

    public static RestoreCreateRequest Restore(string name, string uid, ObjectRef backup, ObjectRef cluster) => new()
    {
        Metadata = new CreateMetadata { Name = name, OrgId = Org, Uid = uid },
        BackupRef = backup,
        ClusterRef = cluster,
        NamespaceMapping = { ["shop"] = $"shop-{name}" },
    };
}
