using System.Net;
using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.ObjectStores;
using Xunit;
using ObjectLockMode = PxBackup.ObjectStores.ObjectLockMode;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>
/// What an object store must do for us, run against every S3 server we know. Each test has a bucket of its own. Buckets with object
/// lock and the first objects in them are made by the SDK directly, so that the adapter does not vouch for itself.
/// </summary>
public abstract class ObjectStoreSuite
{
    protected static readonly ObjectStoreOptions Quick = new() { PageSize = 3, MaxRetries = 1, ConnectTimeout = TimeSpan.FromSeconds(5) };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Where the server answers, and keys that may do everything.</summary>
    protected abstract Task<(Uri Endpoint, string AccessKey, string SecretKey)> ServerAsync();

    [Fact]
    public async Task A_good_location_passes_and_nothing_of_the_probe_is_left()
    {
        await using var store = await OpenAsync(await NewBucketAsync());

        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal(ObjectLockState.None, check.ObjectLock);
        Assert.True(check.ProbeRemoved);
        Assert.Empty(check.Notes);
        Assert.False(await store.AnyAsync(".pxbackup-probe/", Cancelled));
    }

    [Fact]
    public async Task An_unknown_access_key_is_named_as_the_cause()
    {
        var settings = await SettingsAsync(await NewBucketAsync());
        await using var store = Open(settings with { AccessKey = "AKIANOBODY0000000000" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal((StoreFailure.InvalidAccessKey, "InvalidAccessKeyId"), (failure.Cause, failure.StoreCode));
        Assert.Contains("InvalidAccessKeyId", failure.Message, StringComparison.Ordinal);
        Assert.Contains("access key", failure.Cure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_secret_key_is_named_as_the_cause_and_appears_in_no_text()
    {
        var settings = await SettingsAsync(await NewBucketAsync());
        await using var store = Open(settings with { SecretKey = "not-the-secret-canary" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal((StoreFailure.SignatureMismatch, "SignatureDoesNotMatch"), (failure.Cause, failure.StoreCode));
        Assert.DoesNotContain("canary", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_bucket_is_told_apart_and_can_be_made()
    {
        await using var store = await OpenAsync(NewName());

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));
        await store.CreateBucketAsync(Cancelled);
        await store.CreateBucketAsync(Cancelled);
        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal((StoreFailure.BucketNotFound, "NoSuchBucket"), (failure.Cause, failure.StoreCode));
        Assert.True(check.ProbeRemoved);
    }

    [Fact]
    public async Task An_endpoint_where_nobody_listens_is_unreachable()
    {
        var settings = await SettingsAsync(NewName());
        await using var store = Open(settings with { Endpoint = "http://127.0.0.1:1" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.EndpointUnreachable, failure.Cause);
        Assert.True(failure.IsTransient);
    }

    [Fact]
    public async Task An_endpoint_that_does_not_speak_TLS_is_not_trusted()
    {
        var settings = await SettingsAsync(NewName());
        var plain = new Uri(settings.Endpoint!);
        Assert.SkipUnless(plain.Scheme == "http", "this server speaks TLS");
        await using var store = Open(settings with { Endpoint = $"https://{plain.Authority}" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.TlsUntrusted, failure.Cause);
    }

    [Fact]
    public async Task A_host_without_an_address_is_a_DNS_failure()
    {
        var settings = await SettingsAsync(NewName());
        await using var store = Open(settings with { Endpoint = "http://store.invalid:9000" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.DnsFailure, failure.Cause);
    }

    [Fact]
    public async Task An_address_that_the_policy_denies_is_never_connected_to()
    {
        var settings = await SettingsAsync(NewName());
        var asked = new List<IPAddress>();
        await using var store = Open(settings, mayConnect: (_, address) =>
        {
            asked.Add(address);
            return false;
        });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.EndpointDenied, failure.Cause);
        Assert.NotEmpty(asked);
    }

    [Theory]
    [InlineData("GOVERNANCE", ObjectLockMode.Governance)]
    [InlineData("COMPLIANCE", ObjectLockMode.Compliance)]
    public async Task A_locked_bucket_says_so_and_the_probe_that_it_keeps_is_no_error(string mode, ObjectLockMode expected)
    {
        await using var store = await OpenAsync(await NewBucketAsync(mode));

        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal(new ObjectLockState(true, expected, 1), check.ObjectLock);
        Assert.False(check.ProbeRemoved);
        Assert.Contains("locked", Assert.Single(check.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bucket_with_object_lock_and_no_default_retention_lets_the_probe_go()
    {
        var bucket = NewName();
        using (var client = await ClientAsync())
            await client.PutBucketAsync(new PutBucketRequest { BucketName = bucket, ObjectLockEnabledForBucket = true }, Cancelled);
        await using var store = await OpenAsync(bucket);

        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal(new ObjectLockState(true, null, 0), check.ObjectLock);
        Assert.True(check.ProbeRemoved);
    }

    [Theory]
    [InlineData("GOVERNANCE")]
    [InlineData("COMPLIANCE")]
    public async Task Deletion_of_locked_objects_is_refused_and_reported_with_the_end_of_the_lock(string mode)
    {
        await using var store = await OpenAsync(await NewBucketAsync(mode));
        await store.PutAsync("ns/b/1/metadata.json", Encoding.UTF8.GetBytes("{}"), cancellationToken: Cancelled);

        var result = await store.DeletePrefixAsync("ns/b/1/", Cancelled);

        Assert.False(result.IsComplete);
        Assert.Equal(0, result.Deleted);
        var locked = Assert.Single(result.Locked);
        Assert.Equal(("ns/b/1/metadata.json", "AccessDenied"), (locked.Key, locked.StoreCode));
        Assert.InRange(locked.RetainUntil!.Value, DateTimeOffset.UtcNow.AddHours(23), DateTimeOffset.UtcNow.AddHours(25));
        Assert.True(await store.AnyAsync("ns/b/1/", Cancelled));
    }

    [Fact]
    public async Task Deletion_in_a_bucket_with_versions_leaves_no_version_behind()
    {
        var bucket = await NewBucketAsync();
        using var client = await ClientAsync();
        await client.PutBucketVersioningAsync(new() { BucketName = bucket, VersioningConfig = new() { Status = VersionStatus.Enabled } }, Cancelled);
        await using var store = await OpenAsync(bucket);
        for (var i = 0; i < 3; i++)
            await store.PutAsync("ns/b/metadata.json", new[] { (byte)i }, cancellationToken: Cancelled);
        await client.DeleteObjectAsync(bucket, "ns/b/metadata.json", Cancelled);

        var result = await store.DeletePrefixAsync("ns/b/", Cancelled);

        Assert.Equal((4, true), (result.Deleted, result.IsComplete));
        var left = await client.ListVersionsAsync(new ListVersionsRequest { BucketName = bucket }, Cancelled);
        Assert.Empty(left.Versions ?? []);
    }

    [Fact]
    public async Task A_prefix_is_deleted_and_its_neighbours_stay()
    {
        await using var store = await OpenAsync(await NewBucketAsync());
        foreach (var key in new[] { "ns/b/1/crds.json", "ns/b/1/metadata.json", "ns/b/1/namespaces.json", "ns/b/1/resources.json", "ns/b/10/metadata.json", "ns/b/0" })
            await store.PutAsync(key, new byte[] { 1 }, cancellationToken: Cancelled);

        var result = await store.DeletePrefixAsync("ns/b/1/", Cancelled);
        var again = await store.DeletePrefixAsync("ns/b/1/", Cancelled);

        Assert.Equal((4, true), (result.Deleted, result.IsComplete));
        Assert.Equal((0, true), (again.Deleted, again.IsComplete));
        Assert.Equal(["ns/b/0", "ns/b/10/metadata.json"], await KeysAsync(store, ""));
        await Assert.ThrowsAsync<ArgumentException>(() => store.DeletePrefixAsync("ns/b/1", Cancelled));
        await Assert.ThrowsAsync<ArgumentException>(() => store.DeletePrefixAsync("/", Cancelled));
    }

    [Fact]
    public async Task Every_page_of_a_listing_is_read_in_order()
    {
        await using var store = await OpenAsync(await NewBucketAsync());
        var keys = Enumerable.Range(0, 20).Select(i => $"ns/b{i:d2}/uid/metadata.json").ToList();
        foreach (var key in keys)
            await store.PutAsync(key, Encoding.UTF8.GetBytes(key), cancellationToken: Cancelled);

        var listed = new List<StoredObject>();
        await foreach (var item in store.ListAsync("ns/", Cancelled))
            listed.Add(item);
        var folders = await store.ListFoldersAsync("ns/", Cancelled);

        Assert.Equal(keys, listed.Select(item => item.Key));
        Assert.All(listed, item => Assert.Equal(item.Key.Length, item.Size));
        Assert.All(listed, item => Assert.InRange(item.LastModifiedAt, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5)));
        Assert.All(listed, item => Assert.Equal(32, item.ETag.Length));
        Assert.Equal(keys.Select(key => key.Split('/')[1]), folders);
    }

    [Fact]
    public async Task More_than_a_thousand_objects_are_listed_and_deleted()
    {
        var settings = await SettingsAsync(await NewBucketAsync());
        await using var store = Open(settings, new() { PageSize = 1000 });
        await Parallel.ForAsync(0, 1100, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancelled },
            async (i, token) => await store.PutAsync($"many/{i:d5}", new byte[] { 1 }, cancellationToken: token));

        var count = (await KeysAsync(store, "many/")).Count;
        var result = await store.DeletePrefixAsync("many/", Cancelled);

        Assert.Equal(1100, count);
        Assert.Equal((1100, true), (result.Deleted, result.IsComplete));
        Assert.False(await store.AnyAsync("many/", Cancelled));
    }

    [Fact]
    public async Task Content_comes_back_as_written_a_missing_object_is_null_and_a_large_one_is_not_taken_in()
    {
        await using var store = await OpenAsync(await NewBucketAsync());
        var content = Enumerable.Range(0, 100_000).Select(i => (byte)i).ToArray();
        await store.PutAsync("ns/größe & co/+1%2F.json", content, cancellationToken: Cancelled);

        var read = await store.ReadAsync("ns/größe & co/+1%2F.json", 100_000, Cancelled);
        var missing = await store.ReadAsync("ns/nothing", 100, Cancelled);
        var large = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ReadAsync("ns/größe & co/+1%2F.json", 99_999, Cancelled));

        Assert.Equal(content, read!.Value.ToArray());
        Assert.Null(missing);
        Assert.Equal(StoreFailure.ObjectTooLarge, large.Cause);
    }

    [Fact]
    public async Task A_conditional_write_leaves_what_is_there()
    {
        await using var store = await OpenAsync(await NewBucketAsync());

        var first = await store.PutAsync("claim", "mine"u8.ToArray(), onlyIfAbsent: true, Cancelled);
        var second = await store.PutAsync("claim", "yours"u8.ToArray(), onlyIfAbsent: true, Cancelled);

        Assert.True(first);
        Assert.False(second);
        Assert.Equal("mine"u8.ToArray(), (await store.ReadAsync("claim", 100, Cancelled))!.Value.ToArray());
    }

    [Fact]
    public async Task Hostile_keys_are_listed_as_such_deleted_and_never_reach_another_object()
    {
        var bucket = await NewBucketAsync();
        await using var store = await OpenAsync(bucket);
        string[] hostile = ["ns/\u0001bell", "ns/../../etc/passwd", "ns/./x", "ns//double", "ns/line\nbreak", "ns/rtl\u202etxt", "ns/..evil/../x"];
        await PutRawAsync(bucket, hostile);
        await store.PutAsync("ns/good/metadata.json", new byte[] { 1 }, cancellationToken: Cancelled);

        var listed = new List<StoredObject>();
        await foreach (var item in store.ListAsync("ns/", Cancelled))
            listed.Add(item);
        var folders = await store.ListFoldersAsync("ns/", Cancelled);
        await Assert.ThrowsAsync<ArgumentException>(() => store.ReadAsync("ns/../../etc/passwd", 100, Cancelled));
        var result = await store.DeletePrefixAsync("ns/", Cancelled);

        Assert.Equal(hostile.Append("ns/good/metadata.json").Order(StringComparer.Ordinal), listed.Select(item => item.Key).Order(StringComparer.Ordinal));
        Assert.Equal("ns/good/metadata.json", Assert.Single(listed, item => item.IsOrdinary).Key);
        Assert.Equal(["..evil", "good"], folders);
        Assert.True(result.IsComplete);
        Assert.False(await store.AnyAsync("", Cancelled));
    }

    protected static IObjectStore Open(S3StoreSettings settings, ObjectStoreOptions? options = null, EndpointGuard? mayConnect = null) =>
        new ObjectStoreFactory(options ?? Quick, mayConnect ?? ((_, _) => true), TimeProvider.System, NullLoggerFactory.Instance).Open(settings);

    protected async Task<IObjectStore> OpenAsync(string bucket) => Open(await SettingsAsync(bucket));

    protected async Task<S3StoreSettings> SettingsAsync(string bucket)
    {
        var (endpoint, accessKey, secretKey) = await ServerAsync();
        return new() { Bucket = bucket, Endpoint = endpoint.GetLeftPart(UriPartial.Authority), AccessKey = accessKey, SecretKey = secretKey };
    }

    protected static string NewName() => "b-" + Guid.NewGuid().ToString("n");

    /// <summary>A bucket; with a lock mode, one that keeps new objects for a day.</summary>
    protected async Task<string> NewBucketAsync(string? lockMode = null)
    {
        var bucket = NewName();
        using var client = await ClientAsync();
        await client.PutBucketAsync(new PutBucketRequest { BucketName = bucket, ObjectLockEnabledForBucket = lockMode is not null }, Cancelled);
        if (lockMode is not null)
            await client.PutObjectLockConfigurationAsync(new()
            {
                BucketName = bucket,
                ObjectLockConfiguration = new() { ObjectLockEnabled = ObjectLockEnabled.Enabled, Rule = new() { DefaultRetention = new() { Mode = lockMode, Days = 1 } } },
            }, Cancelled);
        return bucket;
    }

    protected async Task<AmazonS3Client> ClientAsync()
    {
        var (endpoint, accessKey, secretKey) = await ServerAsync();
        return new(new BasicAWSCredentials(accessKey, secretKey), new AmazonS3Config
        {
            ServiceURL = endpoint.GetLeftPart(UriPartial.Authority), ForcePathStyle = true, AuthenticationRegion = "us-east-1",
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
        });
    }

    /// <summary>Objects with keys that no URL library sends unchanged: the request is written by hand.</summary>
    private async Task PutRawAsync(string bucket, IEnumerable<string> keys)
    {
        var (endpoint, accessKey, secretKey) = await ServerAsync();
        foreach (var key in keys)
        {
            var status = await RawS3Request.PutAsync(endpoint, accessKey, secretKey, bucket, key, "x"u8.ToArray(), Cancelled);
            Assert.StartsWith("HTTP/1.1 200", status, StringComparison.Ordinal);
        }
    }

    private static async Task<List<string>> KeysAsync(IObjectStore store, string prefix)
    {
        var keys = new List<string>();
        await foreach (var item in store.ListAsync(prefix, Cancelled))
            keys.Add(item.Key);
        return keys;
    }
}
