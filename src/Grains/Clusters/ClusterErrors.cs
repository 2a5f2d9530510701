using PxBackup.Grains.Interfaces;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>What a cluster's refusals mean to a client.</summary>
internal static class ClusterErrors
{
    /// <summary>Cause and cure in one line, for an object's status.</summary>
    public static string Describe(Exception failure) => OutsideText.OneLine(Text(failure));

    private static string Text(Exception failure) => failure switch
    {
        ClusterException e => $"{e.Cause}: {e.Message.TrimEnd('.')}. {e.Cure}",
        ApiException { IsUnauthorized: true } or ApiException { IsForbidden: true, Right: not null } => Text(ClusterException.Of((ApiException)failure, "do this")),
        ApiException e => $"the API server answered {(int)e.HttpStatus} {e.Reason}: {e.Message}",
        TimeoutException or OperationCanceledException => "the cluster did not answer in time",
        _ => $"the cluster cannot be used: {failure.Message}",
    };

    /// <summary>What was waited for did not come in time.</summary>
    public static ClusterException Late(TimeSpan waited, Exception? inner = null) => new(ClusterFailure.ApiTimeout, $"the API server did not answer within {waited.TotalSeconds:0} s.",
        "Look at the API server: it accepts connections but does not answer, or too slowly.", inner);

    /// <summary>The refusal of work's call. A sign-in that is refused is the cluster's state, which may pass, and no fault of the work.</summary>
    public static DomainException ToDomainOfWork(string what, Exception failure) => failure is ApiException { IsUnauthorized: true }
        ? new(ErrorReason.Unreachable, $"{what}: {Describe(failure)}", failure)
        : ToDomain(what, failure);

    /// <summary>The refusal of a request that needed the cluster.</summary>
    public static DomainException ToDomain(string what, Exception failure) => failure switch
    {
        ApiException { IsRetryable: false } or ClusterException
        {
            Cause: ClusterFailure.Forbidden or ClusterFailure.Unauthorized or ClusterFailure.EndpointDenied or ClusterFailure.TlsUntrusted
                or ClusterFailure.TlsNameMismatch or ClusterFailure.StorkTooOld or ClusterFailure.OtherCluster
        } => new(ErrorReason.Rejected, $"{what}: {Describe(failure)}", failure),
        _ => new(ErrorReason.Unreachable, $"{what}: {Describe(failure)}", failure),
    };
}
