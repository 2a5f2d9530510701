using Amazon.S3;
using Amazon.S3.Model;

namespace PxBackup.ObjectStores.S3;

internal sealed partial class S3ObjectStore
{
    /// <summary>Keys in one request; S3's limit.</summary>
    private const int DeleteBatch = 1000;

    public async Task<DeleteResult> DeletePrefixAsync(string prefix, CancellationToken cancellationToken = default)
    {
        if (!prefix.EndsWith('/') || prefix.Length == 1)
            throw new ArgumentException($"The prefix '{StoreKey.ForDisplay(prefix)}' must be a folder: not empty, ending in '/'.", nameof(prefix));
        var outcome = new Outcome();
        var batch = new List<KeyVersion>();
        await foreach (var version in VersionsAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            batch.Add(version);
            if (batch.Count < DeleteBatch)
                continue;
            await DeleteAsync(batch, outcome, cancellationToken).ConfigureAwait(false);
            batch = [];
        }
        if (batch.Count > 0)
            await DeleteAsync(batch, outcome, cancellationToken).ConfigureAwait(false);
        PrefixDeleted(bucket, StoreKey.ForDisplay(prefix), outcome.Deleted, outcome.Locked.Count, outcome.Refused.Count);
        return new(outcome.Deleted, outcome.Locked, outcome.Refused);
    }

    /// <summary>
    /// Everything there is below the prefix. Deletion does not disturb the listing: it goes on behind the last key. A store without
    /// versions lists its objects as one version with the id "null", or does not know the question.
    /// </summary>
    private async IAsyncEnumerable<KeyVersion> VersionsAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var what = $"listing the versions below {StoreKey.ForDisplay(prefix)} in bucket {bucket}";
        var request = new ListVersionsRequest { BucketName = bucket, Prefix = prefix, MaxKeys = options.PageSize, Encoding = EncodingType.Url };
        while (true)
        {
            ListVersionsResponse page;
            var versioned = true;
            try
            {
                page = await CallAsync(what, token => connection.Client.ListVersionsAsync(request, token), cancellationToken).ConfigureAwait(false);
            }
            catch (ObjectStoreException refused) when (refused.StoreCode is "NotImplemented" or "MethodNotAllowed")
            {
                (page, versioned) = (new(), false);
            }
            if (!versioned)
            {
                await foreach (var item in ListAsync(prefix, cancellationToken).ConfigureAwait(false))
                    yield return new() { Key = item.Key };
                yield break;
            }
            foreach (var version in page.Versions ?? [])
            {
                if (!version.Key.StartsWith(prefix, StringComparison.Ordinal))
                    throw Nonsense(what, $"it listed '{StoreKey.ForDisplay(version.Key)}', which is not below the prefix");
                yield return new() { Key = version.Key, VersionId = version.VersionId };
            }
            if (page.IsTruncated != true)
                yield break;
            if (string.IsNullOrEmpty(page.NextKeyMarker) || (page.NextKeyMarker == request.KeyMarker && page.NextVersionIdMarker == request.VersionIdMarker))
                throw Nonsense(what, "it said that there is more, and not where");
            (request.KeyMarker, request.VersionIdMarker) = (page.NextKeyMarker, page.NextVersionIdMarker);
        }
    }

    private async Task DeleteAsync(List<KeyVersion> batch, Outcome outcome, CancellationToken cancellationToken)
    {
        var errors = await CallAsync($"removing {batch.Count} objects in bucket {bucket}", async token =>
        {
            try
            {
                await connection.Client.DeleteObjectsAsync(new() { BucketName = bucket, Objects = batch, Quiet = true }, token).ConfigureAwait(false);
                return [];
            }
            catch (DeleteObjectsException some)
            {
                return some.Response.DeleteErrors ?? [];
            }
        }, cancellationToken).ConfigureAwait(false);
        outcome.Deleted += batch.Count - errors.Count;
        foreach (var error in errors)
        {
            var (isLocked, until) = await LockOfAsync(error, cancellationToken).ConfigureAwait(false);
            (isLocked ? outcome.Locked : outcome.Refused).Add(new(error.Key, error.VersionId, error.Code ?? "", error.Message ?? "", until));
        }
    }

    /// <summary>Stores answer AccessDenied for a locked object and for a missing right alike: the version itself is asked.</summary>
    private async Task<(bool IsLocked, DateTimeOffset? Until)> LockOfAsync(DeleteError error, CancellationToken cancellationToken)
    {
        if (error.Code is "ObjectLocked")
            return (true, null);
        if (error.Code is not ("AccessDenied" or "InvalidRequest") || string.IsNullOrEmpty(error.VersionId) || !StoreKey.IsOrdinary(error.Key))
            return (false, null);
        try
        {
            var until = await ReadLockAsync(async token => (await connection.Client.GetObjectRetentionAsync(
                new() { BucketName = bucket, Key = error.Key, VersionId = error.VersionId }, token).ConfigureAwait(false)).Retention?.RetainUntilDate, cancellationToken).ConfigureAwait(false);
            if (until is { } retained && Utc(retained) > time.GetUtcNow())
                return (true, Utc(retained));
            var hold = await ReadLockAsync(async token => (await connection.Client.GetObjectLegalHoldAsync(
                new() { BucketName = bucket, Key = error.Key, VersionId = error.VersionId }, token).ConfigureAwait(false)).LegalHold?.Status, cancellationToken).ConfigureAwait(false);
            return (hold == ObjectLockLegalHoldStatus.On, null);
        }
        catch (ObjectStoreException unknown) when (!unknown.IsTransient)
        {
            // Not allowed to ask: reported as refused, with the store's own words about the deletion.
            return (false, null);
        }
    }

    private Task<T?> ReadLockAsync<T>(Func<CancellationToken, Task<T?>> read, CancellationToken cancellationToken) =>
        CallAsync($"reading the lock of an object in bucket {bucket}", async token =>
        {
            try
            {
                return await read(token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception exception) when (exception.ErrorCode is "NoSuchObjectLockConfiguration" or "InvalidRequest" or "ObjectLockConfigurationNotFoundError")
            {
                return default;
            }
        }, cancellationToken);

    private sealed class Outcome
    {
        public int Deleted { get; set; }

        public List<RefusedDelete> Locked { get; } = [];

        public List<RefusedDelete> Refused { get; } = [];
    }
}
