using System.Text;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;

namespace PxBackup.Tests.Simulation;

/// <summary>What every history begins with.</summary>
internal static class Scene
{
    public const string Org = ObjectKey.DefaultOrg;

    public static readonly string[] Namespaces = ["shop", "blog"];

    /// <summary>Two owners, who take turns; both may use the cluster.</summary>
    public static readonly Caller[] Callers = [new() { UserId = "ann", UserName = "Ann", IsSuperAdmin = true }, new() { UserId = "bob", UserName = "Bob", IsSuperAdmin = true }];

    public static readonly OpenLocation Location = new()
    {
        Location = new()
        {
            Metadata = new() { Name = "s3", Uid = "location-1", OrgId = Org },
            BackupLocationInfo = new() { Type = BackupLocationInfo.Types.Type.S3, Path = "bucket", CloudCredentialRef = new() { Name = "keys", Uid = "keys-1" }, S3Config = new() { Endpoint = "s3.example.com:9000" } },
        },
        Credential = new() { Metadata = new() { Name = "keys", Uid = "keys-1" }, CloudCredentialInfo = new() { AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up-secret" } } },
        Revision = "1.1",
    };

    /// <summary>Registered clusters that are online.</summary>
    public static readonly Dictionary<string, ClusterRecord> Clusters = new() { ["one"] = Cluster("one"), ["two"] = Cluster("two") };

    private static ClusterRecord Cluster(string name)
    {
        var request = new ClusterCreateRequest { Metadata = new() { Name = name, Uid = name, OrgId = Org }, Kubeconfig = Kubeconfig(name) };
        var health = new ClusterHealth { Revision = 1, Online = true, KubernetesVersion = "v1.36.2", StorkVersion = "24.3.0", AdminNamespace = "kube-system", ClusterUid = "ks-" + name };
        return ClusterRules.Create(request, new ObjectKey(Org, name), health, Callers[0], World.Noon);
    }

    public static BackupCreateRequest Backup(string uid, string cluster, bool oneMissing)
    {
        var request = new BackupCreateRequest
        {
            Metadata = new() { Name = uid, Uid = uid, OrgId = Org },
            ClusterRef = new() { Name = cluster, Uid = cluster },
            BackupLocationRef = new() { Name = "s3", Uid = "location-1" },
            Namespaces = { "shop" },
        };
        if (oneMissing)
            request.Namespaces.Add("missing");
        return request;
    }

    public static RestoreCreateRequest Restore(string uid, string cluster, string backup) => new()
    {
        Metadata = new() { Name = uid, Uid = uid, OrgId = Org },
        ClusterRef = new() { Name = cluster, Uid = cluster },
        BackupRef = new() { Name = backup, Uid = backup },
    };

    private static string Kubeconfig(string host) => Convert.ToBase64String(Encoding.UTF8.GetBytes(
        $$"""
        {"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"c","cluster":{"server":"https://{{host}}:6443","insecure-skip-tls-verify":true} }],"users":[{"name":"u","user":{"token":"made-up-token"} }],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"} }]}
        """));
}
