using System.Net;

namespace PxBackup.Stork;

/// <summary>The API server said no.</summary>
public sealed class ApiException(HttpStatusCode httpStatus, string reason, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    /// <summary>HTTP status.</summary>
    public HttpStatusCode HttpStatus { get; } = httpStatus;

    /// <summary>Kubernetes' reason, such as <c>AlreadyExists</c>; empty when the answer was no Kubernetes Status.</summary>
    public string Reason { get; } = reason;

    /// <summary>The right that the call needed; null when it was no call of a resource.</summary>
    public KubernetesRight? Right { get; init; }

    /// <summary>How long the server wants to be left alone; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>404.</summary>
    public bool IsNotFound => HttpStatus == HttpStatusCode.NotFound;

    /// <summary>The resource type itself is unknown: a 404 that is no Kubernetes Status.</summary>
    public bool IsUnknownType => IsNotFound && Reason.Length == 0;

    /// <summary>409, the name is taken.</summary>
    public bool IsAlreadyExists => HttpStatus == HttpStatusCode.Conflict && Reason == "AlreadyExists";

    /// <summary>409, somebody else changed it meanwhile (or a precondition does not hold).</summary>
    public bool IsConflict => HttpStatus == HttpStatusCode.Conflict && Reason != "AlreadyExists";

    /// <summary>410: the version or continue token is too old.</summary>
    public bool IsGone => HttpStatus == HttpStatusCode.Gone;

    /// <summary>401.</summary>
    public bool IsUnauthorized => HttpStatus == HttpStatusCode.Unauthorized;

    /// <summary>403.</summary>
    public bool IsForbidden => HttpStatus == HttpStatusCode.Forbidden;

    /// <summary>429, 500, 502, 503, 504: the same call may succeed later.</summary>
    public bool IsRetryable => HttpStatus is HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError
        or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
