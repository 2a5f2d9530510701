using PxBackup.Grains.Interfaces;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>What a cluster's refusals mean to a client.</summary>
internal static class ClusterErrors
{
    /// <summary>Cause and cure in one line, for an object's status.</summary>
    public static string Describe(Exception failure) => failure switch
    {
        ClusterException e => $"{e.Cause}: {e.Message.TrimEnd('.')}. {e.Cure}",
        ApiException e => $"the API server answered {(int)e.HttpStatus} {e.Reason}: {e.Message}",
        TimeoutException or OperationCanceledException => "the cluster did not answer in time",
        _ => $"the cluster cannot be used: {failure.Message}",
    };

    /// <summary>The refusal of a request that needed the cluster.</summary>
    public static DomainException ToDomain(string what, Exception failure) => failure switch
    {
        ApiException { IsRetryable: false } or ClusterException
        {
            Cause: ClusterFailure.Forbidden or ClusterFailure.Unauthorized or ClusterFailure.EndpointDenied or ClusterFailure.TlsUntrusted
                or ClusterFailure.TlsNameMismatch or ClusterFailure.StorkTooOld
        } => new(ErrorReason.Rejected, $"{what}: {Describe(failure)}", failure),
        _ => new(ErrorReason.Unreachable, $"{what}: {Describe(failure)}", failure),
    };
}
