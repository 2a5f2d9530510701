using System.Net;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>An error as S3 answers it: status, code, message.</summary>
internal sealed class S3Fault(HttpStatusCode status, string code, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;

    public string Code { get; } = code;

    public static S3Fault NoSuchBucket() => new(HttpStatusCode.NotFound, "NoSuchBucket", "The specified bucket does not exist");

    public static S3Fault NoSuchKey() => new(HttpStatusCode.NotFound, "NoSuchKey", "The specified key does not exist.");

    public static S3Fault NoSuchVersion() => new(HttpStatusCode.NotFound, "NoSuchVersion", "The specified version does not exist.");

    public static S3Fault NoSuchUpload() => new(HttpStatusCode.NotFound, "NoSuchUpload", "The specified multipart upload does not exist.");

    public static S3Fault AccessDenied(string message = "Access Denied") => new(HttpStatusCode.Forbidden, "AccessDenied", message);

    public static S3Fault Locked() => AccessDenied("Access Denied because object protected by object lock.");

    public static S3Fault InvalidArgument(string message) => new(HttpStatusCode.BadRequest, "InvalidArgument", message);

    public static S3Fault InvalidRequest(string message) => new(HttpStatusCode.BadRequest, "InvalidRequest", message);

    public static S3Fault MalformedXml() =>
        new(HttpStatusCode.BadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");

    public static S3Fault PreconditionFailed() =>
        new(HttpStatusCode.PreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
}
