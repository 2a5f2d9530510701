using System.Text.Json.Serialization;

namespace PxBackup.Stork.Resources;

/// <summary>Stork's <c>BackupLocation</c>; never written by Stork. It has no spec: the fields lie beside metadata.</summary>
public sealed class StorkBackupLocation : KubernetesResource
{
    /// <summary>Where the data goes.</summary>
    public BackupLocationItem Location { get; set => field = value ?? new(); } = new();
}

/// <summary><c>BackupLocation.location</c>. Fill only the configuration that goes with <see cref="Type"/>; values in the Secret win.</summary>
public sealed class BackupLocationItem
{
    /// <summary><c>s3</c>, <c>azure</c>, <c>google</c> or <c>nfs</c>.</summary>
    public string Type { get; set => field = value ?? ""; } = "";

    /// <summary>Bucket, container or path.</summary>
    public string Path { get; set => field = value ?? ""; } = "";

    /// <summary>S3.</summary>
    public StorkS3? S3Config { get; set; }

    /// <summary>Azure Blob Storage.</summary>
    public StorkAzure? AzureConfig { get; set; }

    /// <summary>Google Cloud Storage.</summary>
    public StorkGoogle? GoogleConfig { get; set; }

    /// <summary>NFS.</summary>
    public StorkNfs? NfsConfig { get; set; }

    /// <summary>Name of a Secret in the same namespace with path, endpoint, keys, region, disableSSL, storageClass, sse, encryptionKey.</summary>
    public string SecretConfig { get; set => field = value ?? ""; } = "";

    /// <summary>Stork makes resources for backups it finds in the bucket.</summary>
    public bool Sync { get; set; }

    /// <summary>Password of the generic data mover's repository.</summary>
    public string RepositoryPassword { get; set => field = value ?? ""; } = "";

    /// <summary>Pass phrase; the older <c>encryptionKey</c> makes every backup fail and is not offered here.</summary>
    public string EncryptionV2Key { get; set => field = value ?? ""; } = "";
}

/// <summary><c>s3Config</c>.</summary>
public sealed class StorkS3
{
    /// <summary>URL or host.</summary>
    public string Endpoint { get; set => field = value ?? ""; } = "";

    /// <summary>Access key id; better kept in the Secret.</summary>
    [JsonPropertyName("accessKeyID")]
    public string AccessKeyId { get; set => field = value ?? ""; } = "";

    /// <summary>Secret key; better kept in the Secret.</summary>
    public string SecretAccessKey { get; set => field = value ?? ""; } = "";

    /// <summary>Region; Stork's default is us-east-1.</summary>
    public string Region { get; set => field = value ?? ""; } = "";

    /// <summary>Plain HTTP.</summary>
    [JsonPropertyName("disableSSL")]
    public bool DisableSsl { get; set; }

    /// <summary>Storage class of uploaded objects.</summary>
    public string StorageClass { get; set => field = value ?? ""; } = "";

    /// <summary>Use the node's own role. Read only here, never from the Secret.</summary>
    public bool UseIam { get; set; }

    /// <summary>Server-side encryption: <c>AES256</c> or <c>aws:kms</c>.</summary>
    public string Sse { get; set => field = value ?? ""; } = "";
}

/// <summary><c>azureConfig</c>.</summary>
public sealed class StorkAzure
{
    /// <summary>Storage account.</summary>
    public string StorageAccountName { get; set => field = value ?? ""; } = "";

    /// <summary>Its key.</summary>
    public string StorageAccountKey { get; set => field = value ?? ""; } = "";

    /// <summary>Tenant.</summary>
    [JsonPropertyName("tenantID")]
    public string TenantId { get; set => field = value ?? ""; } = "";

    /// <summary>Subscription.</summary>
    [JsonPropertyName("subscriptionID")]
    public string SubscriptionId { get; set => field = value ?? ""; } = "";

    /// <summary>Application id.</summary>
    [JsonPropertyName("clientID")]
    public string ClientId { get; set => field = value ?? ""; } = "";

    /// <summary>Application's secret.</summary>
    public string ClientSecret { get; set => field = value ?? ""; } = "";

    /// <summary><c>AzurePublicCloud</c> or <c>AzureChinaCloud</c>.</summary>
    public string Environment { get; set => field = value ?? ""; } = "";

    /// <summary>Resource group.</summary>
    public string ResourceGroupName { get; set => field = value ?? ""; } = "";
}

/// <summary><c>googleConfig</c>.</summary>
public sealed class StorkGoogle
{
    /// <summary>Project.</summary>
    [JsonPropertyName("projectID")]
    public string ProjectId { get; set => field = value ?? ""; } = "";

    /// <summary>The service account's key as JSON text.</summary>
    public string AccountKey { get; set => field = value ?? ""; } = "";
}

/// <summary><c>nfsConfig</c>.</summary>
public sealed class StorkNfs
{
    /// <summary>Server name or address.</summary>
    public string ServerAddr { get; set => field = value ?? ""; } = "";

    /// <summary>Path under the export.</summary>
    public string SubPath { get; set => field = value ?? ""; } = "";

    /// <summary>Mount options, comma-separated.</summary>
    public string MountOptions { get; set => field = value ?? ""; } = "";

    /// <summary>Time-out in seconds, as text.</summary>
    [JsonPropertyName("nfsIOTimeoutInSecs")]
    public string IoTimeoutSeconds { get; set => field = value ?? ""; } = "";
}
