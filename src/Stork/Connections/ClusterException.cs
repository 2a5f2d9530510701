namespace PxBackup.Stork;

/// <summary>Why a cluster cannot be used. Each cause has its own cure.</summary>
public enum ClusterFailure
{
    /// <summary>The server's name cannot be resolved.</summary>
    DnsFailure,

    /// <summary>The endpoint policy forbids the address.</summary>
    EndpointDenied,

    /// <summary>Nothing listens there.</summary>
    ConnectRefused,

    /// <summary>No answer to the attempt to connect.</summary>
    ConnectTimeout,

    /// <summary>The network cannot reach the address.</summary>
    Unreachable,

    /// <summary>The certificate is not from the cluster's authority.</summary>
    TlsUntrusted,

    /// <summary>The certificate is for another name.</summary>
    TlsNameMismatch,

    /// <summary>The handshake failed otherwise, such as a refused client certificate.</summary>
    TlsFailed,

    /// <summary>An established connection broke.</summary>
    ConnectionLost,

    /// <summary>The API server did not answer in time.</summary>
    ApiTimeout,

    /// <summary>Something answers, but not a working Kubernetes API.</summary>
    ApiUnavailable,

    /// <summary>The API server asks for patience (429).</summary>
    Throttled,

    /// <summary>The sign-in was refused (401).</summary>
    Unauthorized,

    /// <summary>Rights are missing (403).</summary>
    Forbidden,

    /// <summary>Stork's resource definitions are not there.</summary>
    StorkMissing,

    /// <summary>Stork is older than this product can drive.</summary>
    StorkTooOld,

    /// <summary>Stork's program says nothing any more: its lease is not renewed, though its Deployment (where there is one) is ready.</summary>
    StorkSilent,

    /// <summary>No replica of Stork's Deployment runs.</summary>
    StorkNotRunning,

    /// <summary>The server is another cluster than the one that was registered.</summary>
    OtherCluster,

    /// <summary>No token could be got for this cluster.</summary>
    TokenUnavailable,
}

/// <summary>A cluster could not be used. The message never holds a secret.</summary>
public sealed class ClusterException(ClusterFailure cause, string message, string cure, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What a refusal of the API server means for the use of the cluster.</summary>
    /// <param name="refusal">The refusal.</param>
    /// <param name="doing">What was tried, after "may not" or "failed to".</param>
    public static ClusterException Of(ApiException refusal, string doing) => ClusterProber.AsCluster(refusal, doing);

    /// <summary>What failed.</summary>
    public ClusterFailure Cause { get; } = cause;

    /// <summary>What somebody can do about it, one sentence.</summary>
    public string Cure { get; } = cure;

    /// <summary>Uid of namespace kube-system, when the check that failed had come so far; null otherwise.</summary>
    public string? ClusterUid { get; internal set; }
}
