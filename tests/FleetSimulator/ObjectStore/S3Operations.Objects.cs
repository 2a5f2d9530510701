using System.Globalization;
using System.Net;
using System.Xml.Linq;

namespace PxBackup.FleetSimulator.ObjectStore;

internal sealed partial class S3Operations
{
    private static readonly string[] KeptHeaders =
        ["content-type", "content-encoding", "cache-control", "content-disposition", "x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"];

    private S3Answer PutObject(SimulatedBucket bucket, S3Request request)
    {
        CheckKey(request.Key);
        CheckCondition(bucket, request);
        return Written(bucket, Store(bucket, request, request.Body, Kept(request), ETagOf(request.Body)));
    }

    private S3Answer CopyObject(SimulatedBucket bucket, S3Request request)
    {
        var source = Uri.UnescapeDataString(request.Header("x-amz-copy-source")!).TrimStart('/').Split('/', 2);
        var (key, versionId) = source.Length < 2 ? throw S3Fault.InvalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
            : source[1].Split("?versionId=") is [var k, var v] ? (k, v) : (source[1], null);
        var from = Version(buckets.Find(source[0]) ?? throw S3Fault.NoSuchBucket(), key, versionId);
        var headers = request.Header("x-amz-metadata-directive") == "REPLACE" ? Kept(request) : new Dictionary<string, string>(from.Headers);
        var copy = Store(bucket, request, from.Content, headers, from.ETag);
        var answer = S3Answer.Xml(new XElement(Space + "CopyObjectResult", new XElement(Space + "ETag", $"\"{copy.ETag}\""),
            new XElement(Space + "LastModified", copy.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"))));
        return bucket.Versioning is null ? answer : answer.With("x-amz-version-id", copy.VersionId);
    }

    private static S3Answer GetObject(SimulatedBucket bucket, S3Request request)
    {
        var version = Version(bucket, request);
        if (request.Header("If-None-Match") is { } none && none.Trim('"') == version.ETag)
            return S3Answer.Empty(304);
        if (request.Header("If-Match") is { } match && match.Trim('"') != version.ETag)
            throw S3Fault.PreconditionFailed();
        var (start, end) = Range(request.Header("Range"), version.Content.Length);
        var isPart = start > 0 || end < version.Content.Length;
        var answer = new S3Answer { Status = isPart ? 206 : 200, Body = version.Content.AsMemory(start, end - start) };
        foreach (var (name, value) in version.Headers)
            answer.With(name, value);
        return answer.With("ETag", $"\"{version.ETag}\"").With("Last-Modified", version.At.ToString("R")).With("Accept-Ranges", "bytes")
            .With("Content-Range", isPart ? $"bytes {start}-{end - 1}/{version.Content.Length}" : null)
            .With("x-amz-version-id", bucket.Versioning is null ? null : version.VersionId)
            .With("x-amz-object-lock-mode", version.RetentionMode)
            .With("x-amz-object-lock-retain-until-date", version.RetainUntil?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"))
            .With("x-amz-object-lock-legal-hold", version.LegalHold ? "ON" : null);
    }

    private S3Answer DeleteObject(SimulatedBucket bucket, S3Request request)
    {
        var gone = Delete(bucket, request.Key, request["versionId"], Bypass(request));
        return S3Answer.Empty(204).With("x-amz-version-id", gone?.VersionId).With("x-amz-delete-marker", gone is { IsDeleteMarker: true } ? "true" : null);
    }

    private S3Answer DeleteObjects(SimulatedBucket bucket, S3Request request)
    {
        var root = Parse(request);
        var objects = root.Elements().Where(element => element.Name.LocalName == "Object").ToList();
        if (objects.Count is 0 or > 1000)
            throw S3Fault.MalformedXml();
        var (quiet, result) = (Value(root, "Quiet") == "true", new XElement(Space + "DeleteResult"));
        foreach (var one in objects)
        {
            var (key, versionId) = (Value(one, "Key") ?? throw S3Fault.MalformedXml(), Value(one, "VersionId"));
            try
            {
                Delete(bucket, key, versionId, Bypass(request));
                if (!quiet)
                    result.Add(new XElement(Space + "Deleted", new XElement(Space + "Key", key), versionId is null ? null : new XElement(Space + "VersionId", versionId)));
            }
            catch (S3Fault fault)
            {
                result.Add(new XElement(Space + "Error", new XElement(Space + "Key", key), versionId is null ? null : new XElement(Space + "VersionId", versionId),
                    new XElement(Space + "Code", fault.Code), new XElement(Space + "Message", fault.Message)));
            }
        }
        return S3Answer.Xml(result);
    }

    /// <summary>Removes a version, or without one hides the object as the bucket's versioning says. Returns what was removed or added.</summary>
    private StoredVersion? Delete(SimulatedBucket bucket, string key, string? versionId, bool bypassGovernance)
    {
        if (versionId is not null || bucket.Versioning is null)
        {
            if (bucket.Versions(key).FirstOrDefault(version => version.VersionId == (versionId ?? "null")) is not { } found)
                return null;
            if (found.IsLocked(time.GetUtcNow(), bypassGovernance))
                throw S3Fault.Locked();
            buckets.Delete(bucket, found);
            return versionId is null ? null : found;
        }
        return Append(bucket, new() { Key = key, VersionId = NewVersionId(bucket), Sequence = buckets.NextSequence(), At = time.GetUtcNow(), IsDeleteMarker = true });
    }

    private StoredVersion Store(SimulatedBucket bucket, S3Request request, byte[] content, Dictionary<string, string> headers, string etag)
    {
        var (mode, until) = Retention(request.Header("x-amz-object-lock-mode"), request.Header("x-amz-object-lock-retain-until-date"));
        var hold = request.Header("x-amz-object-lock-legal-hold") == "ON";
        if (!bucket.ObjectLock && (mode is not null || hold))
            throw S3Fault.InvalidRequest("Bucket is missing Object Lock Configuration");
        if (mode is null && bucket.DefaultMode is not null)
            (mode, until) = (bucket.DefaultMode, bucket.DefaultDays is { } days ? time.GetUtcNow().AddDays(days) : time.GetUtcNow().AddYears(bucket.DefaultYears ?? 0));
        return Append(bucket, new()
        {
            Key = request.Key, VersionId = NewVersionId(bucket), Sequence = buckets.NextSequence(), At = time.GetUtcNow(), Content = content, ETag = etag,
            Headers = headers, RetentionMode = mode, RetainUntil = until, LegalHold = hold,
        });
    }

    private StoredVersion Append(SimulatedBucket bucket, StoredVersion version)
    {
        // There is one version called "null" at most: what was written without versions.
        if (version.VersionId == "null" && bucket.Versions(version.Key).FirstOrDefault(other => other.VersionId == "null") is { } replaced)
            buckets.Delete(bucket, replaced);
        bucket.Add(version);
        buckets.Save(bucket, version);
        return version;
    }

    private static S3Answer Written(SimulatedBucket bucket, StoredVersion version) => S3Answer.Empty().With("ETag", $"\"{version.ETag}\"")
        .With("x-amz-version-id", bucket.Versioning == "Enabled" ? version.VersionId : null)
        .With("x-amz-server-side-encryption", version.Headers.GetValueOrDefault("x-amz-server-side-encryption"));

    private S3Answer CreateUpload(SimulatedBucket bucket, S3Request request)
    {
        CheckKey(request.Key);
        var upload = new MultipartUpload(Guid.NewGuid().ToString("n"), request.Key, time.GetUtcNow(), Kept(request));
        bucket.Uploads[upload.Id] = upload;
        return S3Answer.Xml(new XElement(Space + "InitiateMultipartUploadResult", new XElement(Space + "Bucket", bucket.Name),
            new XElement(Space + "Key", upload.Key), new XElement(Space + "UploadId", upload.Id)));
    }

    private static S3Answer UploadPart(SimulatedBucket bucket, S3Request request)
    {
        if (!int.TryParse(request["partNumber"], out var number) || number is < 1 or > 10000)
            throw S3Fault.InvalidArgument("Part number must be an integer between 1 and 10000, inclusive");
        Upload(bucket, request).Parts[number] = request.Body;
        return S3Answer.Empty().With("ETag", $"\"{ETagOf(request.Body)}\"");
    }

    private S3Answer CompleteUpload(SimulatedBucket bucket, S3Request request)
    {
        var upload = Upload(bucket, request);
        CheckCondition(bucket, request);
        var (content, digests, last) = (new MemoryStream(), new MemoryStream(), 0);
        foreach (var part in Parse(request).Elements().Where(element => element.Name.LocalName == "Part"))
        {
            var number = Number(part, "PartNumber") ?? throw S3Fault.MalformedXml();
            if (number <= last)
                throw new S3Fault(HttpStatusCode.BadRequest, "InvalidPartOrder", "The list of parts was not in ascending order.");
            if (!upload.Parts.TryGetValue(number, out var bytes) || Value(part, "ETag")?.Trim('"') != ETagOf(bytes))
                throw new S3Fault(HttpStatusCode.BadRequest, "InvalidPart", "One or more of the specified parts could not be found.");
            content.Write(bytes);
            digests.Write(S3Body.Md5Bytes(bytes));
            last = number;
        }
        if (last == 0)
            throw S3Fault.MalformedXml();
        var version = Store(bucket, request, content.ToArray(), upload.Headers, $"{SignatureV4.Hex(S3Body.Md5Bytes(digests.ToArray()))}-{upload.Parts.Count}");
        bucket.Uploads.Remove(upload.Id);
        var answer = S3Answer.Xml(new XElement(Space + "CompleteMultipartUploadResult", new XElement(Space + "Bucket", bucket.Name),
            new XElement(Space + "Key", version.Key), new XElement(Space + "ETag", $"\"{version.ETag}\"")));
        return answer.With("x-amz-version-id", bucket.Versioning is null ? null : version.VersionId);
    }

    private static S3Answer AbortUpload(SimulatedBucket bucket, S3Request request)
    {
        bucket.Uploads.Remove(Upload(bucket, request).Id);
        return S3Answer.Empty(204);
    }

    private static S3Answer ListParts(SimulatedBucket bucket, S3Request request)
    {
        var upload = Upload(bucket, request);
        return S3Answer.Xml(new XElement(Space + "ListPartsResult", new XElement(Space + "Bucket", bucket.Name), new XElement(Space + "Key", upload.Key),
            new XElement(Space + "UploadId", upload.Id), new XElement(Space + "IsTruncated", false), upload.Parts.Select(part => new XElement(Space + "Part",
                new XElement(Space + "PartNumber", part.Key), new XElement(Space + "ETag", $"\"{ETagOf(part.Value)}\""), new XElement(Space + "Size", part.Value.Length)))));
    }

    private static MultipartUpload Upload(SimulatedBucket bucket, S3Request request) =>
        bucket.Uploads.TryGetValue(request["uploadId"] ?? "", out var upload) && upload.Key == request.Key ? upload : throw S3Fault.NoSuchUpload();

    private static StoredVersion Version(SimulatedBucket bucket, S3Request request) => Version(bucket, request.Key, request["versionId"]);

    private static StoredVersion Version(SimulatedBucket bucket, string key, string? versionId)
    {
        if (versionId is null)
            return bucket.Current(key) is { IsDeleteMarker: false } current ? current : throw S3Fault.NoSuchKey();
        var found = bucket.Versions(key).FirstOrDefault(version => version.VersionId == versionId) ?? throw S3Fault.NoSuchVersion();
        return found.IsDeleteMarker
            ? throw new S3Fault(HttpStatusCode.MethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.") : found;
    }

    private static void CheckKey(string key)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(key) > 1024)
            throw new S3Fault(HttpStatusCode.BadRequest, "KeyTooLongError", "Your key is too long");
    }

    private static void CheckCondition(SimulatedBucket bucket, S3Request request)
    {
        var current = bucket.Current(request.Key) is { IsDeleteMarker: false } found ? found : null;
        if (request.Header("If-None-Match") is { } none && (none == "*" ? current is not null : current?.ETag == none.Trim('"')))
            throw S3Fault.PreconditionFailed();
        if (request.Header("If-Match") is { } match && current?.ETag != match.Trim('"'))
            throw current is null ? S3Fault.NoSuchKey() : S3Fault.PreconditionFailed();
    }

    private static Dictionary<string, string> Kept(S3Request request)
    {
        var kept = KeptHeaders.Where(name => request.Header(name) is not null).ToDictionary(name => name, name => request.Header(name)!);
        if (kept.GetValueOrDefault("x-amz-server-side-encryption") is not (null or "AES256" or "aws:kms"))
            throw S3Fault.InvalidArgument("The encryption method specified is not supported");
        // aws-chunked is how it was sent, not how it is kept.
        if (kept.TryGetValue("content-encoding", out var encoding) && encoding.Contains("aws-chunked", StringComparison.Ordinal))
            kept.Remove("content-encoding");
        foreach (var (name, value) in request.HeadersWith("x-amz-meta-"))
            kept[name] = value;
        return kept;
    }

    private static (int Start, int End) Range(string? range, int length)
    {
        if (range is null || !range.StartsWith("bytes=", StringComparison.Ordinal) || range["bytes=".Length..].Split('-', 2) is not [var first, var last])
            return (0, length);
        var (hasFirst, hasLast) = (int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var from), int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var to));
        if (!hasFirst && hasLast)
            return (Math.Max(0, length - to), length);
        if (!hasFirst || (hasLast && to < from))
            return (0, length);
        return from < length ? (from, hasLast ? Math.Min(length, to + 1) : length)
            : throw new S3Fault(HttpStatusCode.RequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable");
    }

    private static string NewVersionId(SimulatedBucket bucket) => bucket.Versioning == "Enabled" ? Guid.NewGuid().ToString("n") : "null";

    private static string ETagOf(byte[] content) => SignatureV4.Hex(S3Body.Md5Bytes(content));
}
