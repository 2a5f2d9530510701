using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Logging;

namespace PxBackup.ObjectStores.S3;

/// <summary>A bucket of an S3-compatible store. Validation and deletion are in files of their own.</summary>
internal sealed partial class S3ObjectStore(
    S3StoreSettings settings, ObjectStoreOptions options, S3Connection connection, TimeProvider time, ILogger<S3ObjectStore> logger) : IObjectStore
{
    private readonly string bucket = settings.Bucket;

    public ValueTask DisposeAsync()
    {
        connection.Dispose();
        return ValueTask.CompletedTask;
    }

    public Task CreateBucketAsync(CancellationToken cancellationToken = default) =>
        CallAsync($"creating bucket {bucket}", async token =>
        {
            try
            {
                return await connection.Client.PutBucketAsync(new PutBucketRequest { BucketName = bucket, UseClientRegion = connection.IsAws }, token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception exception) when (exception.ErrorCode == "BucketAlreadyOwnedByYou")
            {
                return null;
            }
        }, cancellationToken);

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var page in PagesAsync(prefix, delimiter: null, cancellationToken).ConfigureAwait(false))
            foreach (var item in page.Objects)
                yield return item;
    }

    public async Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default)
    {
        if (prefix.Length > 0 && !prefix.EndsWith('/'))
            throw new ArgumentException($"The prefix '{prefix}' must end in '/'.", nameof(prefix));
        var folders = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var page in PagesAsync(prefix, "/", cancellationToken).ConfigureAwait(false))
            foreach (var folder in page.Folders)
                if (folder.EndsWith('/') && folder.Length > prefix.Length + 1 && StoreKey.IsOrdinary(folder[prefix.Length..]))
                    folders.Add(folder[prefix.Length..^1]);
                else
                    FolderLeftOut(bucket, StoreKey.ForDisplay(folder));
        return [.. folders];
    }

    public async Task<bool> AnyAsync(string prefix, CancellationToken cancellationToken = default)
    {
        var what = $"listing bucket {bucket}";
        var page = await CallAsync(what, token => connection.Client.ListObjectsV2Async(
            new() { BucketName = bucket, Prefix = prefix, MaxKeys = 1, Encoding = EncodingType.Url }, token), cancellationToken).ConfigureAwait(false);
        RequireBelow(what, prefix, (page.S3Objects ?? []).Select(item => Decoded(item.Key, page.Encoding)));
        return page.S3Objects is { Count: > 0 };
    }

    public Task<ReadOnlyMemory<byte>?> ReadAsync(string key, int maxBytes, CancellationToken cancellationToken = default)
    {
        RequireOrdinary(key);
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        return CallAsync<ReadOnlyMemory<byte>?>($"reading {key} in bucket {bucket}", async token =>
        {
            try
            {
                using var answer = await connection.Client.GetObjectAsync(new() { BucketName = bucket, Key = key }, token).ConfigureAwait(false);
                return await TakeAsync(answer, maxBytes, token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception exception) when (exception.ErrorCode is "NoSuchKey")
            {
                return null;
            }
        }, cancellationToken);
    }

    public Task<bool> PutAsync(string key, ReadOnlyMemory<byte> content, bool onlyIfAbsent = false, CancellationToken cancellationToken = default)
    {
        RequireOrdinary(key);
        return CallAsync($"writing {key} in bucket {bucket}", async token =>
        {
            try
            {
                await PutOnceAsync(key, content, onlyIfAbsent, token).ConfigureAwait(false);
                return true;
            }
            catch (AmazonS3Exception exception) when (onlyIfAbsent && exception.ErrorCode is "PreconditionFailed")
            {
                return false;
            }
        }, cancellationToken);
    }

    private async Task<PutObjectResponse> PutOnceAsync(string key, ReadOnlyMemory<byte> content, bool onlyIfAbsent, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream(content.ToArray(), writable: false);
        var request = new PutObjectRequest
        {
            BucketName = bucket,
            Key = key,
            InputStream = body,
            AutoCloseStream = false,
            // One signature over the whole small body: what every store understands.
            UseChunkEncoding = false,
            // A bucket with object lock takes no write without a checksum.
            MD5Digest = Md5(content.Span),
            ServerSideEncryptionMethod = settings.Sse is { } sse ? new ServerSideEncryptionMethod(sse) : null,
            StorageClass = settings.StorageClass is { } storageClass ? new S3StorageClass(storageClass) : null,
        };
        if (onlyIfAbsent)
            request.IfNoneMatch = "*";
        return await connection.Client.PutObjectAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The pages of a listing. A store that goes in circles, or answers with what was not asked for, is stopped.</summary>
    private async IAsyncEnumerable<(IReadOnlyList<StoredObject> Objects, IReadOnlyList<string> Folders)> PagesAsync(
        string prefix, string? delimiter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var what = $"listing {(prefix.Length == 0 ? "" : StoreKey.ForDisplay(prefix) + " in ")}bucket {bucket}";
        string? last = null;
        var walk = new Walk(what, options, time);
        for (string? from = null; ;)
        {
            var request = new ListObjectsV2Request { BucketName = bucket, Prefix = prefix, Delimiter = delimiter, MaxKeys = options.PageSize, ContinuationToken = from, Encoding = EncodingType.Url };
            var page = await CallAsync(what, token => connection.Client.ListObjectsV2Async(request, token), cancellationToken).ConfigureAwait(false);
            var objects = (page.S3Objects ?? []).ConvertAll(item =>
                new StoredObject(Decoded(item.Key, page.Encoding), item.Size ?? 0, Utc(item.LastModified), (item.ETag ?? "").Trim('"')));
            var folders = (page.CommonPrefixes ?? []).ConvertAll(folder => Decoded(folder, page.Encoding));
            RequireBelow(what, prefix, objects.Select(item => item.Key).Concat(folders));
            if (last is not null && objects.Exists(item => item.Key == last))
                throw Nonsense(what, $"it listed '{StoreKey.ForDisplay(last)}' on two pages");
            yield return (objects, folders);
            if (page.IsTruncated != true)
                yield break;
            from = walk.Next(page.NextContinuationToken, objects.Count + folders.Count);
            last = objects.Count > 0 ? objects[^1].Key : last;
        }
    }

    /// <summary>
    /// A key out of a listing with <c>encoding-type=url</c>, asked for because XML cannot hold every character. Stores differ in what
    /// they encode ('/' or not; a blank as '+' or %20); decoding is the same for all.
    /// </summary>
    private static string Decoded(string? key, EncodingType? encoding) => encoding == EncodingType.Url ? WebUtility.UrlDecode(key ?? "") : key ?? "";

    /// <summary>A key that was not asked for is not touched, nor is anything else of an answer that holds one.</summary>
    private static void RequireBelow(string what, string prefix, IEnumerable<string> keys)
    {
        if (keys.FirstOrDefault(key => key.Length == 0 || !key.StartsWith(prefix, StringComparison.Ordinal)) is { } stray)
            throw Nonsense(what, $"it listed '{StoreKey.ForDisplay(stray)}', which is not below the prefix");
    }

    private static async Task<ReadOnlyMemory<byte>> TakeAsync(GetObjectResponse answer, int maxBytes, CancellationToken cancellationToken)
    {
        if (answer.ContentLength > maxBytes)
            throw TooLarge($"{answer.ContentLength} bytes");
        var content = new ArrayBufferWriter<byte>((int)Math.Max(answer.ContentLength, 256));
        int read;
        while ((read = await answer.ResponseStream.ReadAsync(content.GetMemory(8192), cancellationToken).ConfigureAwait(false)) > 0)
        {
            content.Advance(read);
            if (content.WrittenCount > maxBytes)
                throw TooLarge($"more than {maxBytes} bytes");
        }
        return content.WrittenMemory;

        ObjectStoreException TooLarge(string size) =>
            new(StoreFailure.ObjectTooLarge, "", $"reading {answer.Key} in bucket {answer.BucketName}: it has {size}, at most {maxBytes} are taken in");
    }

    private async Task<T> CallAsync<T>(string what, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.CallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await call(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception) when (exception is not ObjectStoreException && S3Failures.From(what, exception) is not null)
        {
            throw S3Failures.From(what, exception)!;
        }
    }

    private static void RequireOrdinary(string key)
    {
        if (!StoreKey.IsOrdinary(key))
            throw new ArgumentException($"'{StoreKey.ForDisplay(key)}' is no ordinary key: it might reach another object.", nameof(key));
    }

    private static ObjectStoreException Nonsense(string what, string why) => new(StoreFailure.Other, "", $"{what}: the store's answer makes no sense: {why}");

    /// <summary>How far a listing is followed: a store that goes in circles, or on without end, is stopped.</summary>
    private sealed class Walk(string what, ObjectStoreOptions options, TimeProvider time)
    {
        private readonly HashSet<string> seen = new(StringComparer.Ordinal);
        private readonly long began = time.GetTimestamp();
        private int pages;
        private long items;

        /// <summary>Where the next page begins.</summary>
        public string Next(string? marker, int itemsOnPage)
        {
            if (string.IsNullOrEmpty(marker))
                throw Nonsense(what, "it said that there is more, and not where");
            if (!seen.Add(marker))
                throw Nonsense(what, "it said twice that the listing goes on at the same place");
            if ((items += itemsOnPage) >= options.MaxListedObjects || ++pages >= options.MaxPages)
                throw new ObjectStoreException(StoreFailure.Other, "", $"{what}: it goes on after {items} objects on {pages} pages, and is not followed further (ObjectStores:MaxListedObjects, MaxPages)");
            if (time.GetElapsedTime(began) > options.WalkTimeout)
                throw new ObjectStoreException(StoreFailure.EndpointUnreachable, "", $"{what}: it took longer than {options.WalkTimeout} (ObjectStores:WalkTimeout)");
            return marker;
        }
    }

    private static DateTimeOffset Utc(DateTime? instant) =>
        instant is { } known ? new DateTimeOffset(known.ToUniversalTime(), TimeSpan.Zero) : default;

#pragma warning disable CA5351 // Content-MD5 is a checksum that the protocol asks for, not a protection.
    private static string Md5(ReadOnlySpan<byte> body) => Convert.ToBase64String(MD5.HashData(body));
#pragma warning restore CA5351

    [LoggerMessage(LogLevel.Warning, "Bucket {Bucket} holds a folder whose name could mislead; left out: {Folder}")]
    private partial void FolderLeftOut(string bucket, string folder);

    [LoggerMessage(LogLevel.Information, "Bucket {Bucket}: {Deleted} removed below {Prefix}; {Locked} locked, {Refused} refused")]
    private partial void PrefixDeleted(string bucket, string prefix, int deleted, int locked, int refused);
}
