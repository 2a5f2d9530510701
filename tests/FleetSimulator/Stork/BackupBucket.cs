using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>A real bucket, path style, with Stork's encryption of each file.</summary>
internal sealed class BackupBucket : IDisposable
{
    private readonly AmazonS3Client _client;
    private readonly string _name;
    private readonly BackupCipher _cipher;
    private readonly string _sse;
    private readonly Uri _endpoint;

    public BackupBucket(IReadOnlyDictionary<string, string> config)
    {
        _name = config.GetValueOrDefault("path", "");
        _sse = config.GetValueOrDefault("sse", "");
        _cipher = new BackupCipher(config.GetValueOrDefault("encryptionKey", ""));
        var endpoint = config.GetValueOrDefault("endpoint", "");
        if (endpoint.Length == 0) endpoint = "s3.amazonaws.com";
        if (!endpoint.Contains("://", StringComparison.Ordinal)) endpoint = (config.GetValueOrDefault("disableSSL", "").Equals("true", StringComparison.OrdinalIgnoreCase) ? "http://" : "https://") + endpoint;
        _endpoint = new Uri(endpoint);
        _client = new AmazonS3Client(
            new BasicAWSCredentials(Or(config.GetValueOrDefault("accessKeyID"), "none"), Or(config.GetValueOrDefault("secretAccessKey"), "none")),
            new AmazonS3Config
            {
                ServiceURL = endpoint, ForcePathStyle = true, AuthenticationRegion = Or(config.GetValueOrDefault("region"), "us-east-1"), MaxErrorRetry = 0, Timeout = TimeSpan.FromSeconds(30),
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED, ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            });
    }

    /// <summary>Makes the bucket; one that exists is no error.</summary>
    /// <exception cref="BucketException">The store refuses or cannot be reached.</exception>
    public Task CreateAsync(CancellationToken cancellationToken) => CallAsync("Put", "", async () =>
    {
        try
        {
            return await _client.PutBucketAsync(new PutBucketRequest { BucketName = _name }, cancellationToken);
        }
        catch (AmazonS3Exception exists) when (exists.ErrorCode is "BucketAlreadyOwnedByYou" or "BucketAlreadyExists")
        {
            return null!;
        }
    });

    public Task WriteAsync(string key, byte[] content, CancellationToken cancellationToken) => CallAsync("Put", key, async () =>
    {
        using var body = new MemoryStream(_cipher.Encrypt(content));
        var request = new PutObjectRequest { BucketName = _name, Key = key, InputStream = body, UseChunkEncoding = false };
        if (_sse.Length > 0) request.ServerSideEncryptionMethod = new ServerSideEncryptionMethod(_sse);
        return await _client.PutObjectAsync(request, cancellationToken);
    });

    public Task<byte[]> ReadAsync(string key, CancellationToken cancellationToken) => CallAsync("Get", key, async () =>
    {
        using var answer = await _client.GetObjectAsync(_name, key, cancellationToken);
        using var body = new MemoryStream();
        await answer.ResponseStream.CopyToAsync(body, cancellationToken);
        return _cipher.Decrypt(body.ToArray());
    });

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => CallAsync("Delete", key, () => _client.DeleteObjectAsync(_name, key, cancellationToken));

    /// <summary>The "folders" directly under a prefix, by delimiter.</summary>
    public Task<IReadOnlyList<string>> FoldersAsync(string prefix, CancellationToken cancellationToken) => CallAsync<IReadOnlyList<string>>("Get", "", async () =>
    {
        var folders = new List<string>();
        var request = new ListObjectsV2Request { BucketName = _name, Prefix = prefix, Delimiter = "/" };
        do
        {
            var page = await _client.ListObjectsV2Async(request, cancellationToken);
            folders.AddRange(page.CommonPrefixes ?? []);
            request.ContinuationToken = page.NextContinuationToken;
        }
        while (request.ContinuationToken is { Length: > 0 });
        return folders;
    });

    public void Dispose() => _client.Dispose();

    private async Task<T> CallAsync<T>(string method, string key, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (AmazonS3Exception refused) when (refused.StatusCode != 0)
        {
            var text = $"{Or(refused.ErrorCode, refused.StatusCode.ToString())}: {refused.Message}\n\tstatus code: {(int)refused.StatusCode}, request id: {refused.RequestId}, host id: {refused.AmazonId2}";
            throw new BucketException(text, fromStore: true, notFound: refused.StatusCode == HttpStatusCode.NotFound);
        }
        catch (Exception unreachable) when (unreachable is AmazonClientException or HttpRequestException or IOException or TaskCanceledException { InnerException: TimeoutException })
        {
            var url = $"{_endpoint.AbsoluteUri.TrimEnd('/')}/{_name}{(key.Length == 0 ? "" : "/" + key)}";
            throw new BucketException($"RequestError: send request failed\ncaused by: {method} \"{url}\": dial tcp {_endpoint.Host}:{_endpoint.Port}: {Cause(unreachable)}", fromStore: true);
        }
    }

    private static string Cause(Exception unreachable)
    {
        for (var inner = unreachable; inner is not null; inner = inner.InnerException)
        {
            if (inner is System.Net.Sockets.SocketException { SocketErrorCode: System.Net.Sockets.SocketError.ConnectionRefused }) return "connect: connection refused";
        }

        return $"i/o error: {unreachable.GetBaseException().Message}";
    }

    private static string Or(string? value, string otherwise) => string.IsNullOrEmpty(value) ? otherwise : value;
}
