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
            if (!FitsXml(version.Key))
            {
                await DeleteAloneAsync(version, outcome, cancellationToken).ConfigureAwait(false);
                continue;
            }
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
                var key = Decoded(version.Key, page.Encoding);
                if (!key.StartsWith(prefix, StringComparison.Ordinal))
                    throw Nonsense(what, $"it listed '{StoreKey.ForDisplay(key)}', which is not below the prefix");
                yield return new() { Key = key, VersionId = version.VersionId };
            }
            if (page.IsTruncated != true)
                yield break;
            var next = Decoded(page.NextKeyMarker ?? "", page.Encoding);
            if (next.Length == 0 || (next == request.KeyMarker && page.NextVersionIdMarker == request.VersionIdMarker))
                throw Nonsense(what, "it said that there is more, and not where");
            (request.KeyMarker, request.VersionIdMarker) = (next, page.NextVersionIdMarker);
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
            await KeptAsync(new(error.Key, error.VersionId, error.Code ?? "", error.Message ?? "", null), outcome, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A key that a list in XML cannot name goes by its own URL, unless a URL cannot name it either.</summary>
    private async Task DeleteAloneAsync(KeyVersion version, Outcome outcome, CancellationToken cancellationToken)
    {
        if (version.Key.Split('/').Any(segment => segment is "." or ".."))
        {
            outcome.Refused.Add(new(version.Key, version.VersionId, "", "Neither XML nor a URL can name this key: remove it with the store's own tools.", null));
            return;
        }
        try
        {
            await CallAsync($"removing {StoreKey.ForDisplay(version.Key)} in bucket {bucket}", token => connection.Client.DeleteObjectAsync(
                new() { BucketName = bucket, Key = version.Key, VersionId = version.VersionId }, token), cancellationToken).ConfigureAwait(false);
            outcome.Deleted++;
        }
        catch (ObjectStoreException refused) when (refused.Cause is StoreFailure.AccessDenied)
        {
            await KeptAsync(new(version.Key, version.VersionId, refused.StoreCode, refused.Message, null), outcome, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool FitsXml(string key)
    {
        foreach (var rune in key.EnumerateRunes())
            if (rune.Value is < 0x20 or 0xfffd or 0xfffe or 0xffff)
                return false;
        return true;
    }

    private async Task KeptAsync(RefusedDelete kept, Outcome outcome, CancellationToken cancellationToken)
    {
        var (isLocked, until) = await LockOfAsync(kept, cancellationToken).ConfigureAwait(false);
        (isLocked ? outcome.Locked : outcome.Refused).Add(kept with { RetainUntil = until });
    }

    /// <summary>Stores answer AccessDenied for a locked object and for a missing right alike: the version itself is asked.</summary>
    private async Task<(bool IsLocked, DateTimeOffset? Until)> LockOfAsync(RefusedDelete error, CancellationToken cancellationToken)
    {
        if (error.StoreCode is "ObjectLocked")
            return (true, null);
        if (error.StoreCode is not ("AccessDenied" or "InvalidRequest") || string.IsNullOrEmpty(error.VersionId) || !StoreKey.IsOrdinary(error.Key))
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
