using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>What the operations do to the buckets. Called by one at a time; objects are in <c>S3Operations.Objects.cs</c>.</summary>
internal sealed partial class S3Operations(SimulatedBuckets buckets, TimeProvider time)
{
    private static readonly XNamespace Space = S3Answer.Space;

    /// <exception cref="S3Fault">The operation is refused.</exception>
    public S3Answer Perform(S3Request request, bool repeatPage) => request.Operation switch
    {
        "ListBuckets" => ListBuckets(),
        "CreateBucket" => CreateBucket(request),
        "HeadBucket" => Found(request, _ => S3Answer.Empty()),
        "DeleteBucket" => Found(request, DeleteBucket),
        "GetBucketLocation" => Found(request, _ => S3Answer.Xml(new XElement(Space + "LocationConstraint"))),
        "GetBucketVersioning" => Found(request, bucket => S3Answer.Xml(new XElement(Space + "VersioningConfiguration",
            bucket.Versioning is null ? null : new XElement(Space + "Status", bucket.Versioning)))),
        "PutBucketVersioning" => Found(request, bucket => PutVersioning(bucket, request)),
        "GetObjectLockConfiguration" => Found(request, GetObjectLock),
        "PutObjectLockConfiguration" => Found(request, bucket => PutObjectLock(bucket, request)),
        "ListObjects" or "ListObjectsV2" => Found(request, bucket => S3Listing.Objects(bucket, request, repeatPage)),
        "ListObjectVersions" => Found(request, bucket => S3Listing.Versions(bucket, request, repeatPage)),
        "DeleteObjects" => Found(request, bucket => DeleteObjects(bucket, request)),
        "PutObject" => Found(request, bucket => PutObject(bucket, request)),
        "CopyObject" => Found(request, bucket => CopyObject(bucket, request)),
        "GetObject" or "HeadObject" => Found(request, bucket => GetObject(bucket, request)),
        "DeleteObject" => Found(request, bucket => DeleteObject(bucket, request)),
        "GetObjectRetention" => Found(request, bucket => GetRetention(Locked(bucket, request))),
        "PutObjectRetention" => Found(request, bucket => PutRetention(bucket, Locked(bucket, request), request)),
        "GetObjectLegalHold" => Found(request, bucket => S3Answer.Xml(new XElement(Space + "LegalHold",
            new XElement(Space + "Status", Locked(bucket, request).LegalHold ? "ON" : "OFF")))),
        "PutObjectLegalHold" => Found(request, bucket => PutLegalHold(bucket, Locked(bucket, request), request)),
        "CreateMultipartUpload" => Found(request, bucket => CreateUpload(bucket, request)),
        "UploadPart" => Found(request, bucket => UploadPart(bucket, request)),
        "CompleteMultipartUpload" => Found(request, bucket => CompleteUpload(bucket, request)),
        "AbortMultipartUpload" => Found(request, bucket => AbortUpload(bucket, request)),
        "ListParts" => Found(request, bucket => ListParts(bucket, request)),
        "ListMultipartUploads" => Found(request, bucket => S3Answer.Xml(new XElement(Space + "ListMultipartUploadsResult", new XElement(Space + "Bucket", bucket.Name),
            bucket.Uploads.Values.Select(upload => new XElement(Space + "Upload", new XElement(Space + "Key", upload.Key), new XElement(Space + "UploadId", upload.Id)))))),
        _ => throw new S3Fault(System.Net.HttpStatusCode.NotImplemented, "NotImplemented", "A header or query you provided implies functionality that is not implemented."),
    };

    private S3Answer Found(S3Request request, Func<SimulatedBucket, S3Answer> perform) =>
        perform(buckets.Find(request.Bucket) ?? throw S3Fault.NoSuchBucket());

    private S3Answer ListBuckets() => S3Answer.Xml(new XElement(Space + "ListAllMyBucketsResult",
        new XElement(Space + "Owner", new XElement(Space + "ID", "simulated")),
        new XElement(Space + "Buckets", buckets.All.Select(bucket => new XElement(Space + "Bucket",
            new XElement(Space + "Name", bucket.Name), new XElement(Space + "CreationDate", bucket.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'")))))));

    private S3Answer CreateBucket(S3Request request)
    {
        if (!BucketName().IsMatch(request.Bucket) || request.Bucket.Contains("..", StringComparison.Ordinal))
            throw new S3Fault(System.Net.HttpStatusCode.BadRequest, "InvalidBucketName", "The specified bucket is not valid.");
        if (buckets.Find(request.Bucket) is not null)
            throw new S3Fault(System.Net.HttpStatusCode.Conflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.");
        var locked = string.Equals(request.Header("x-amz-bucket-object-lock-enabled"), "true", StringComparison.OrdinalIgnoreCase);
        buckets.Save(new() { Name = request.Bucket, CreatedAt = time.GetUtcNow(), ObjectLock = locked, Versioning = locked ? "Enabled" : null });
        return S3Answer.Empty().With("Location", "/" + request.Bucket);
    }

    private S3Answer DeleteBucket(SimulatedBucket bucket)
    {
        if (!bucket.IsEmpty)
            throw new S3Fault(System.Net.HttpStatusCode.Conflict, "BucketNotEmpty", "The bucket you tried to delete is not empty");
        buckets.Delete(bucket);
        return S3Answer.Empty(204);
    }

    private S3Answer PutVersioning(SimulatedBucket bucket, S3Request request)
    {
        var status = Value(Parse(request), "Status");
        if (status is not ("Enabled" or "Suspended"))
            throw S3Fault.MalformedXml();
        if (bucket.ObjectLock && status == "Suspended")
            throw new S3Fault(System.Net.HttpStatusCode.Conflict, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.");
        bucket.Versioning = status;
        buckets.Save(bucket);
        return S3Answer.Empty();
    }

    private static S3Answer GetObjectLock(SimulatedBucket bucket)
    {
        if (!bucket.ObjectLock)
            throw new S3Fault(System.Net.HttpStatusCode.NotFound, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket");
        return S3Answer.Xml(new XElement(Space + "ObjectLockConfiguration", new XElement(Space + "ObjectLockEnabled", "Enabled"),
            bucket.DefaultMode is null ? null : new XElement(Space + "Rule", new XElement(Space + "DefaultRetention", new XElement(Space + "Mode", bucket.DefaultMode),
                bucket.DefaultDays is { } days ? new XElement(Space + "Days", days) : new XElement(Space + "Years", bucket.DefaultYears)))));
    }

    private S3Answer PutObjectLock(SimulatedBucket bucket, S3Request request)
    {
        if (bucket.Versioning != "Enabled")
            throw new S3Fault(System.Net.HttpStatusCode.Conflict, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
        var root = Parse(request);
        var (mode, days, years) = (Value(root, "Mode"), Number(root, "Days"), Number(root, "Years"));
        if (Value(root, "ObjectLockEnabled") != "Enabled" || mode is not (null or "GOVERNANCE" or "COMPLIANCE") || (mode is null) != (days is null && years is null) || (days is not null && years is not null))
            throw S3Fault.MalformedXml();
        if (days is <= 0 || years is <= 0)
            throw S3Fault.InvalidArgument("Default retention period must be a positive integer value.");
        (bucket.ObjectLock, bucket.DefaultMode, bucket.DefaultDays, bucket.DefaultYears) = (true, mode, days, years);
        buckets.Save(bucket);
        return S3Answer.Empty();
    }

    private StoredVersion Locked(SimulatedBucket bucket, S3Request request)
    {
        if (!bucket.ObjectLock)
            throw S3Fault.InvalidRequest("Bucket is missing Object Lock Configuration");
        return Version(bucket, request);
    }

    private static S3Answer GetRetention(StoredVersion version) => version.RetainUntil is not { } until
        ? throw new S3Fault(System.Net.HttpStatusCode.NotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
        : S3Answer.Xml(new XElement(Space + "Retention", new XElement(Space + "Mode", version.RetentionMode),
            new XElement(Space + "RetainUntilDate", until.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"))));

    private S3Answer PutRetention(SimulatedBucket bucket, StoredVersion version, S3Request request)
    {
        var root = Parse(request);
        var (mode, until) = Retention(Value(root, "Mode"), Value(root, "RetainUntilDate"));
        var isWeaker = version.RetainUntil > time.GetUtcNow() && (until is null || until < version.RetainUntil || (version.RetentionMode == "COMPLIANCE" && mode != "COMPLIANCE") || mode is null);
        if (isWeaker && !(version.RetentionMode == "GOVERNANCE" && Bypass(request)))
            throw S3Fault.Locked();
        (version.RetentionMode, version.RetainUntil) = (mode, until);
        buckets.Save(bucket, version);
        return S3Answer.Empty();
    }

    private S3Answer PutLegalHold(SimulatedBucket bucket, StoredVersion version, S3Request request)
    {
        version.LegalHold = Value(Parse(request), "Status") switch { "ON" => true, "OFF" => false, _ => throw S3Fault.MalformedXml() };
        buckets.Save(bucket, version);
        return S3Answer.Empty();
    }

    private (string? Mode, DateTimeOffset? Until) Retention(string? mode, string? until)
    {
        if (mode is null && until is null)
            return (null, null);
        if (mode is not ("GOVERNANCE" or "COMPLIANCE") || !DateTimeOffset.TryParse(until, System.Globalization.CultureInfo.InvariantCulture,
                System.Globalization.DateTimeStyles.AssumeUniversal, out var at))
            throw S3Fault.InvalidArgument("Mode and RetainUntilDate must both be there and valid");
        return at > time.GetUtcNow() ? (mode, at) : throw S3Fault.InvalidArgument("The retain until date must be in the future!");
    }

    private static bool Bypass(S3Request request) =>
        string.Equals(request.Header("x-amz-bypass-governance-retention"), "true", StringComparison.OrdinalIgnoreCase);

    private static XElement Parse(S3Request request)
    {
        try
        {
            // Keys in a multi-object delete may hold references to characters that XML 1.0 cannot.
            using var reader = XmlReader.Create(new MemoryStream(request.Body), new() { DtdProcessing = DtdProcessing.Prohibit, CheckCharacters = false });
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            throw S3Fault.MalformedXml();
        }
    }

    private static string? Value(XElement root, string name) => root.Descendants().FirstOrDefault(element => element.Name.LocalName == name)?.Value;

    private static int? Number(XElement root, string name) => Value(root, name) is not { } text ? null : int.TryParse(text, out var number) ? number : throw S3Fault.MalformedXml();

    [GeneratedRegex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    private static partial Regex BucketName();
}
