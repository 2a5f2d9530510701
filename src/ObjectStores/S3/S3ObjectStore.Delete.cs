using Amazon.S3;
using Amazon.S3.Model;

namespace PxBackup.ObjectStores.S3;

internal sealed partial class S3ObjectStore
{
    /// <summary>Keys in one request; S3's limit.</summary>
    private const int DeleteBatch = 1000;

    /// <summary>Refused objects that are named and whose locks are asked for; a hundred tell what is wrong, and each costs two requests.</summary>
    private const int MaxNamed = 100;

    private bool hasNoBulkDelete;

    public async Task<DeleteResult> DeletePrefixAsync(string prefix, CancellationToken cancellationToken = default)
    {
        if (!prefix.EndsWith('/') || prefix.Length == 1)
            throw new ArgumentException($"The prefix '{StoreKey.ForDisplay(prefix)}' must be a folder: not empty, ending in '/'.", nameof(prefix));
        RequireOrdinary(prefix);
        using var limit = new CancellationTokenSource(options.WalkTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await DeleteBelowAsync(prefix, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectStoreException(StoreFailure.EndpointUnreachable, "", $"removing what is below {StoreKey.ForDisplay(prefix)} in bucket {bucket}: it took longer than {options.WalkTimeout} (ObjectStores:WalkTimeout)");
        }
    }

    private async Task<DeleteResult> DeleteBelowAsync(string prefix, CancellationToken cancellationToken)
    {
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
        PrefixDeleted(bucket, StoreKey.ForDisplay(prefix), outcome.Deleted, outcome.LockedCount, outcome.RefusedCount);
        // Some stores confirm what they do not do.
        if (outcome is { LockedCount: 0, RefusedCount: 0, Deleted: > 0 } && await AnyAsync(prefix, cancellationToken).ConfigureAwait(false))
            throw new ObjectStoreException(StoreFailure.Other, "", $"removing what is below {StoreKey.ForDisplay(prefix)} in bucket {bucket}: the store confirmed it and still lists objects");
        return new(outcome.Deleted, outcome.Locked, outcome.Refused) { LockedCount = outcome.LockedCount, RefusedCount = outcome.RefusedCount };
    }

    /// <summary>
    /// Everything there is below the prefix. Deletion does not disturb the listing: it goes on behind the last key. A store without
    /// versions lists its objects as one version with the id "null", or does not know the question.
    /// </summary>
    private async IAsyncEnumerable<KeyVersion> VersionsAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var what = $"listing the versions below {StoreKey.ForDisplay(prefix)} in bucket {bucket}";
        var request = new ListVersionsRequest { BucketName = bucket, Prefix = prefix, MaxKeys = options.PageSize, Encoding = EncodingType.Url };
        var walk = new Walk(what, options, time);
        while (true)
        {
            ListVersionsResponse page;
            var versioned = true;
            try
            {
                page = await CallAsync(what, token => connection.Client.ListVersionsAsync(request, token), cancellationToken).ConfigureAwait(false);
            }
            catch (ObjectStoreException refused) when (IsUnknownOperation(refused.StoreCode, refused.HttpStatus))
            {
                (page, versioned) = (new(), false);
            }
            if (!versioned)
            {
                await foreach (var item in ListAsync(prefix, cancellationToken).ConfigureAwait(false))
                    yield return new() { Key = item.Key };
                yield break;
            }
            var versions = (page.Versions ?? []).ConvertAll(version => new KeyVersion { Key = Decoded(version.Key, page.Encoding), VersionId = version.VersionId });
            RequireBelow(what, prefix, versions.Select(version => version.Key));
            foreach (var version in versions)
                yield return version;
            if (page.IsTruncated != true)
                yield break;
            var next = Decoded(page.NextKeyMarker ?? "", page.Encoding);
            // A key with many versions goes on at itself; one that was left behind does not come back.
            _ = walk.Next(next.Length > 0 && next == request.KeyMarker ? $"{next}\n{page.NextVersionIdMarker}" : next, versions.Count);
            (request.KeyMarker, request.VersionIdMarker) = (next, page.NextVersionIdMarker);
        }
    }

    private async Task DeleteAsync(List<KeyVersion> batch, Outcome outcome, CancellationToken cancellationToken)
    {
        if (hasNoBulkDelete)
        {
            foreach (var version in batch)
                await DeleteAloneAsync(version, outcome, cancellationToken).ConfigureAwait(false);
            return;
        }
        List<DeleteError> errors;
        try
        {
            errors = await DeleteTogetherAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException refused) when (IsUnknownOperation(refused.StoreCode, refused.HttpStatus))
        {
            hasNoBulkDelete = true;
            await DeleteAsync(batch, outcome, cancellationToken).ConfigureAwait(false);
            return;
        }
        // What a store says about other keys than those of the request is not asked after.
        var asked = batch.Select(version => version.Key).ToHashSet(StringComparer.Ordinal);
        var kept = errors.Where(error => error.Key is not null && asked.Contains(error.Key)).DistinctBy(error => (error.Key, error.VersionId)).Take(batch.Count).ToList();
        if (kept.Count == 0 && errors.Count > 0)
            throw Nonsense($"removing {batch.Count} objects in bucket {bucket}", $"it refused '{StoreKey.ForDisplay(errors[0].Key ?? "")}', which was not to be removed");
        outcome.Deleted += batch.Count - kept.Count;
        foreach (var error in kept)
            await KeptAsync(new(error.Key, error.VersionId, Short(error.Code), Short(error.Message), null), outcome, cancellationToken).ConfigureAwait(false);
    }

    private Task<List<DeleteError>> DeleteTogetherAsync(List<KeyVersion> batch, CancellationToken cancellationToken) =>
        CallAsync($"removing {batch.Count} objects in bucket {bucket}", async token =>
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
        }, cancellationToken);

    private static string Short(string? text) => text is { Length: > 400 } ? text[..400] + "…" : text ?? "";

    /// <summary>A key that a list in XML cannot name goes by its own URL, unless a URL cannot name it either.</summary>
    private async Task DeleteAloneAsync(KeyVersion version, Outcome outcome, CancellationToken cancellationToken)
    {
        if (version.Key.Split('/').Any(segment => segment is "." or ".."))
        {
            outcome.Refuse(new(version.Key, version.VersionId, "", "Neither XML nor a URL can name this key: remove it with the store's own tools.", null));
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
        // Beyond the named ones, more of the same: what the first hundred are.
        var (isLocked, until) = outcome.LockedCount + outcome.RefusedCount < MaxNamed
            ? await LockOfAsync(kept, cancellationToken).ConfigureAwait(false)
            : (outcome.RefusedCount == 0, null);
        if (isLocked)
            outcome.Lock(kept with { RetainUntil = until });
        else
            outcome.Refuse(kept with { RetainUntil = until });
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

        public int LockedCount { get; private set; }

        public int RefusedCount { get; private set; }

        public void Lock(RefusedDelete kept)
        {
            if (LockedCount++ < MaxNamed)
                Locked.Add(kept);
        }

        public void Refuse(RefusedDelete kept)
        {
            if (RefusedCount++ < MaxNamed)
                Refused.Add(kept);
        }
    }
}
