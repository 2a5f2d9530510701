namespace PxBackup.ObjectStores;

/// <summary>
/// One bucket of an S3-compatible store and the keys to it: what a backup location and its cloud credential say together.
/// </summary>
public sealed record S3StoreSettings
{
    /// <summary>The bucket (<c>BackupLocationInfo.path</c>).</summary>
    public required string Bucket { get; init; }

    /// <summary>The region that requests are signed for.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>
    /// Host, host:port or http(s) URL of the store; null or empty is AWS in <see cref="Region"/>. A scheme in it goes before
    /// <see cref="DisableSsl"/>, as it does in Stork.
    /// </summary>
    public string? Endpoint { get; init; }

    /// <summary>Access key id.</summary>
    public required string AccessKey { get; init; }

    /// <summary>Secret access key.</summary>
    public required string SecretKey { get; init; }

    /// <summary>Token of temporary keys; null for lasting ones.</summary>
    public string? SessionToken { get; init; }

    /// <summary>Plain HTTP where <see cref="Endpoint"/> names no scheme.</summary>
    public bool DisableSsl { get; init; }

    /// <summary>Address the bucket by host name (bucket.host) instead of by path (host/bucket).</summary>
    public bool DisablePathStyle { get; init; }

    /// <summary>Server-side encryption that every write asks for: <c>AES256</c>, <c>aws:kms</c>, or null for none.</summary>
    public string? Sse { get; init; }

    /// <summary>Storage class of what is written; null for the bucket's own.</summary>
    public string? StorageClass { get; init; }

    /// <summary>Certificate authorities (PEM) trusted beside the system's; null for none.</summary>
    public string? ExtraAuthoritiesPem { get; init; }

    /// <summary>Without the keys: records print their members, and these must reach no log.</summary>
    public override string ToString() => $"s3://{Bucket} at {(string.IsNullOrEmpty(Endpoint) ? "AWS" : Endpoint)} ({Region})";
}
