using System.Net;
using System.Security.Cryptography;
using Amazon.S3;

namespace PxBackup.ObjectStores.S3;

internal sealed partial class S3ObjectStore
{
    private const string ProbeFolder = ".pxbackup-probe/";

    public async Task<StoreCheck> ValidateAsync(CancellationToken cancellationToken = default)
    {
        // One GET tells about name, connection, TLS, keys, bucket and listing apart; a HEAD would say 403 or 404 and no reason.
        await AnyAsync("", cancellationToken).ConfigureAwait(false);
        var notes = new List<string>();
        ObjectLockState? objectLock = null;
        try
        {
            objectLock = await ReadObjectLockAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException refused) when (refused.Cause == StoreFailure.AccessDenied)
        {
            notes.Add($"The object lock of bucket {bucket} may not be read with these keys ({refused.StoreCode}): grant s3:GetBucketObjectLockConfiguration to see it.");
        }
        catch (ObjectStoreException unclear)
        {
            // Backups do not depend on the answer: whatever it is, the probe decides whether the bucket can be used.
            notes.Add($"The object lock of bucket {bucket} is not known: {unclear.Message}");
        }
        var removed = await ProbeAsync(objectLock, notes, cancellationToken).ConfigureAwait(false);
        return new(objectLock, removed, notes);
    }

    public Task<ObjectLockState> ReadObjectLockAsync(CancellationToken cancellationToken = default) =>
        CallAsync($"reading the object lock of bucket {bucket}", async token =>
        {
            try
            {
                var answer = await connection.Client.GetObjectLockConfigurationAsync(new() { BucketName = bucket }, token).ConfigureAwait(false);
                if (answer.ObjectLockConfiguration is not { } configuration || configuration.ObjectLockEnabled != ObjectLockEnabled.Enabled)
                    return ObjectLockState.None;
                var retention = configuration.Rule?.DefaultRetention;
                ObjectLockMode? mode = retention?.Mode is not { } value ? null
                    : value == ObjectLockRetentionMode.Compliance ? ObjectLockMode.Compliance : ObjectLockMode.Governance;
                return new(true, mode, mode is null ? 0 : retention!.Days is > 0 and var days ? days : (retention.Years ?? 0) * 365);
            }
            // A store that does not know object lock has none. AWS says ObjectLockConfigurationNotFoundError, Cloudian leaves "Error" out, others have words of their own.
            catch (AmazonS3Exception exception) when (exception.ErrorCode is "ObjectLockConfigurationNotFoundError" or "ObjectLockConfigurationNotFound"
                or "NoSuchObjectLockConfiguration" or "NoSuchBucketObjectLockConfiguration" || IsUnknownOperation(exception.ErrorCode, (int)exception.StatusCode)
                || (exception.StatusCode == HttpStatusCode.BadRequest && exception.ErrorCode is "InvalidRequest" or "InvalidArgument" or "BadRequest"))
            {
                return ObjectLockState.None;
            }
        }, cancellationToken);

    /// <summary>The store does not know the operation: dialects differ in code and status.</summary>
    private static bool IsUnknownOperation(string? code, int status) =>
        status is 405 or 501 || code is "NotImplemented" or "MethodNotAllowed" or "UnsupportedOperation" or "NotSupported" or "OperationNotSupported" or "XNotImplemented";

    /// <summary>Writes, reads and removes a small object. True when nothing of it is left.</summary>
    private async Task<bool> ProbeAsync(ObjectLockState? objectLock, List<string> notes, CancellationToken cancellationToken)
    {
        var key = ProbeFolder + Guid.NewGuid().ToString("n");
        var content = RandomNumberGenerator.GetBytes(32);
        var written = await CallAsync($"writing a probe object in bucket {bucket}", token => PutOnceAsync(key, content, onlyIfAbsent: false, token), cancellationToken).ConfigureAwait(false);
        try
        {
            var read = await ReadAsync(key, 1024, cancellationToken).ConfigureAwait(false);
            if (read is not { } bytes || !bytes.Span.SequenceEqual(content))
                throw Nonsense($"reading the probe object in bucket {bucket}", "it is not what was just written");
        }
        catch (ObjectStoreException)
        {
            await RemoveProbeAsync(key, written.VersionId, objectLock, notes, cancellationToken).ConfigureAwait(false);
            throw;
        }
        return await RemoveProbeAsync(key, written.VersionId, objectLock, notes, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> RemoveProbeAsync(string key, string? versionId, ObjectLockState? objectLock, List<string> notes, CancellationToken cancellationToken)
    {
        try
        {
            await CallAsync($"removing the probe object in bucket {bucket}", token => connection.Client.DeleteObjectAsync(
                new() { BucketName = bucket, Key = key, VersionId = versionId }, token), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ObjectStoreException refused) when (refused.Cause is StoreFailure.AccessDenied or StoreFailure.Other && objectLock?.Mode is not null)
        {
            notes.Add($"The probe object {key} stays in bucket {bucket} for {objectLock.RetentionDays} days: the bucket is locked ({objectLock.Mode}).");
            return false;
        }
    }
}
