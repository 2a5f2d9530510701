using System.Net;
using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using PxBackup.FleetSimulator.ObjectStore;
using Xunit;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>
/// That the simulator's endpoint is S3 enough for others than our adapter (Stork's simulator, a user's own tool), seen through the SDK
/// with its own defaults: chunked uploads, trailing checksums.
/// </summary>
public sealed class SimulatedS3Tests
{
    private const string Bucket = "backups";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Chunked_and_whole_uploads_with_checksums_are_taken(bool chunked, bool checksum)
    {
        await using var server = await StartAsync();
        using var client = Client(server, checksum);
        var content = string.Concat(Enumerable.Repeat("0123456789", 30_000));

        await client.PutObjectAsync(new() { BucketName = Bucket, Key = "a b/ü+%.txt", ContentBody = content, UseChunkEncoding = chunked, ContentType = "text/plain" }, Cancelled);
        using var read = await client.GetObjectAsync(Bucket, "a b/ü+%.txt", Cancelled);
        using var part = await client.GetObjectAsync(new() { BucketName = Bucket, Key = "a b/ü+%.txt", ByteRange = new(10, 19) }, Cancelled);

        Assert.Equal(content, await new StreamReader(read.ResponseStream).ReadToEndAsync(Cancelled));
        Assert.Equal("0123456789", await new StreamReader(part.ResponseStream).ReadToEndAsync(Cancelled));
        Assert.Equal("text/plain", read.Headers.ContentType);
    }

    [Fact]
    public async Task A_presigned_URL_works_until_it_is_tampered_with()
    {
        await using var server = await StartAsync();
        using var client = Client(server);
        await client.PutObjectAsync(new() { BucketName = Bucket, Key = "key", ContentBody = "content" }, Cancelled);
        var url = client.GetPreSignedURL(new() { BucketName = Bucket, Key = "key", Expires = DateTime.UtcNow.AddMinutes(5), Protocol = Protocol.HTTP });
        using var http = new HttpClient();

        var content = await http.GetStringAsync(url, Cancelled);
        using var other = await http.GetAsync(url.Replace("/key?", "/keys?", StringComparison.Ordinal), Cancelled);
        using var anonymous = await http.GetAsync(new Uri(server.Endpoint, $"{Bucket}/key"), Cancelled);

        Assert.Equal("content", content);
        Assert.Contains("SignatureDoesNotMatch", await other.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, anonymous.StatusCode);
    }

    [Fact]
    public async Task Parts_become_one_object()
    {
        await using var server = await StartAsync();
        using var client = Client(server);
        var upload = (await client.InitiateMultipartUploadAsync(Bucket, "big", Cancelled)).UploadId;
        var parts = new List<PartETag>();
        foreach (var (number, text) in new[] { (1, "first "), (2, "second") })
        {
            var answer = await client.UploadPartAsync(new() { BucketName = Bucket, Key = "big", UploadId = upload, PartNumber = number, InputStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) }, Cancelled);
            parts.Add(new() { PartNumber = number, ETag = answer.ETag });
        }

        var whole = await client.CompleteMultipartUploadAsync(new() { BucketName = Bucket, Key = "big", UploadId = upload, PartETags = parts }, Cancelled);

        Assert.EndsWith("-2\"", whole.ETag, StringComparison.Ordinal);
        Assert.Equal("first second", Encoding.UTF8.GetString(server.Store.Content(Bucket, "big")!.Value.Span));
    }

    [Fact]
    public async Task Governance_can_be_bypassed_compliance_cannot_and_neither_gets_shorter()
    {
        await using var server = await StartAsync();
        server.Store.EnsureBucket("governed", "GOVERNANCE", 2);
        server.Store.EnsureBucket("complied", "COMPLIANCE", 2);
        using var client = Client(server);
        var governed = (await client.PutObjectAsync(new() { BucketName = "governed", Key = "key", ContentBody = "x" }, Cancelled)).VersionId;
        var complied = (await client.PutObjectAsync(new() { BucketName = "complied", Key = "key", ContentBody = "x" }, Cancelled)).VersionId;

        Task DeleteAsync(string bucket, string version, bool bypass) => client.DeleteObjectAsync(
            new() { BucketName = bucket, Key = "key", VersionId = version, BypassGovernanceRetention = bypass }, Cancelled);
        Task ShortenAsync(string bucket, string version, bool bypass) => client.PutObjectRetentionAsync(new()
        {
            BucketName = bucket, Key = "key", VersionId = version, BypassGovernanceRetention = bypass,
            Retention = new() { Mode = bucket == "governed" ? ObjectLockRetentionMode.Governance : ObjectLockRetentionMode.Compliance, RetainUntilDate = DateTime.UtcNow.AddHours(1) },
        }, Cancelled);

        await RefusedAsync(() => DeleteAsync("governed", governed, bypass: false));
        await RefusedAsync(() => ShortenAsync("governed", governed, bypass: false));
        await RefusedAsync(() => DeleteAsync("complied", complied, bypass: true));
        await RefusedAsync(() => ShortenAsync("complied", complied, bypass: true));
        await DeleteAsync("governed", governed, bypass: true);
        await client.DeleteObjectAsync("complied", "key", Cancelled);

        Assert.Empty(server.Store.Keys("governed"));
        Assert.Empty(server.Store.Keys("complied"));
        var versions = (await client.ListVersionsAsync(new ListVersionsRequest { BucketName = "complied" }, Cancelled)).Versions;
        Assert.Equal([true, false], versions.Select(version => version.IsDeleteMarker == true));
    }

    [Fact]
    public async Task A_legal_hold_keeps_a_version_until_it_is_lifted()
    {
        await using var server = await StartAsync();
        using var client = Client(server);
        await client.PutBucketAsync(new PutBucketRequest { BucketName = "held", ObjectLockEnabledForBucket = true }, Cancelled);
        var version = (await client.PutObjectAsync(new() { BucketName = "held", Key = "key", ContentBody = "x" }, Cancelled)).VersionId;
        Task HoldAsync(ObjectLockLegalHoldStatus status) => client.PutObjectLegalHoldAsync(
            new() { BucketName = "held", Key = "key", VersionId = version, LegalHold = new() { Status = status } }, Cancelled);

        await HoldAsync(ObjectLockLegalHoldStatus.On);
        await RefusedAsync(() => client.DeleteObjectAsync("held", "key", version, Cancelled));
        await HoldAsync(ObjectLockLegalHoldStatus.Off);
        await client.DeleteObjectAsync("held", "key", version, Cancelled);

        Assert.Empty((await client.ListVersionsAsync(new ListVersionsRequest { BucketName = "held" }, Cancelled)).Versions ?? []);
    }

    [Fact]
    public async Task Both_listings_fold_folders_and_go_on_behind_any_page()
    {
        await using var server = await StartAsync();
        using var client = Client(server);
        foreach (var key in new[] { "a/1", "a/2", "b", "c/1", "c/d/2", "e" })
            await client.PutObjectAsync(new() { BucketName = Bucket, Key = key, ContentBody = "x" }, Cancelled);

        var (first, second) = (new List<string>(), new List<string>());
        var two = new ListObjectsV2Request { BucketName = Bucket, Delimiter = "/", MaxKeys = 1 };
        ListObjectsV2Response page;
        do
        {
            page = await client.ListObjectsV2Async(two, Cancelled);
            second.AddRange((page.S3Objects ?? []).Select(item => item.Key).Concat(page.CommonPrefixes ?? []));
            two.ContinuationToken = page.NextContinuationToken;
        }
        while (page.IsTruncated == true);
        var one = new ListObjectsRequest { BucketName = Bucket, Delimiter = "/", MaxKeys = 2 };
        ListObjectsResponse old;
        do
        {
            old = await client.ListObjectsAsync(one, Cancelled);
            first.AddRange((old.S3Objects ?? []).Select(item => item.Key).Concat(old.CommonPrefixes ?? []));
            one.Marker = old.NextMarker;
        }
        while (old.IsTruncated == true);
        var after = await client.ListObjectsV2Async(new() { BucketName = Bucket, StartAfter = "c/1" }, Cancelled);

        Assert.Equal(["a/", "b", "c/", "e"], second);
        Assert.Equal(["a/", "b", "c/", "e"], first.Order(StringComparer.Ordinal));
        Assert.Equal(["c/d/2", "e"], after.S3Objects.Select(item => item.Key));
    }

    [Fact]
    public async Task A_second_start_over_the_same_folder_finds_everything()
    {
        var folder = Directory.CreateTempSubdirectory("pxbackup-s3-");
        try
        {
            var options = SimulatedObjectStoreFixture.Options();
            options.Folder = folder.FullName;
            string version;
            await using (var server = await SimulatedObjectStore.StartAsync(options, Cancelled))
            {
                server.Store.EnsureBucket("kept", "COMPLIANCE", 1);
                using var client = Client(server);
                await client.PutObjectAsync(new() { BucketName = "kept", Key = "../x", ContentBody = "old" }, Cancelled);
                version = (await client.PutObjectAsync(new() { BucketName = "kept", Key = "ns/key", ContentBody = "content" }, Cancelled)).VersionId;
            }
            await using var again = await SimulatedObjectStore.StartAsync(options, Cancelled);
            using var other = Client(again);

            await RefusedAsync(() => other.DeleteObjectAsync("kept", "ns/key", version, Cancelled));

            Assert.Equal("content", Encoding.UTF8.GetString(again.Store.Content("kept", "ns/key")!.Value.Span));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_log_tells_what_took_effect_although_the_answer_was_an_error()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(new() { Operation = "PutObject", AfterEffect = true });
        using var client = Client(server);

        await Assert.ThrowsAsync<AmazonS3Exception>(() => client.PutObjectAsync(new() { BucketName = Bucket, Key = "key", ContentBody = "x" }, Cancelled));

        var entry = Assert.Single(server.Store.Log.Entries);
        Assert.Equal(("PutObject", "key", 500, "InternalError", true), (entry.Operation, entry.Key, entry.Status, entry.Code, entry.TookEffect));
        Assert.Equal(["key"], server.Store.Keys(Bucket));
    }

    [Fact]
    public async Task It_answers_inside_another_application_what_that_one_does_not_take()
    {
        var store = new SimulatedObjectStore(SimulatedObjectStoreFixture.Options());
        store.EnsureBucket(Bucket);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var application = builder.Build();
        application.MapGet("/healthz", () => "well");
        store.MapTo(application);
        await application.StartAsync(Cancelled);
        using var client = Client(new Uri(application.Urls.Single()), checksum: true);
        using var http = new HttpClient();

        await client.PutObjectAsync(new() { BucketName = Bucket, Key = "ns/file.json", ContentBody = "{}" }, Cancelled);
        using var read = await client.GetObjectAsync(Bucket, "ns/file.json", Cancelled);
        var health = await http.GetStringAsync(new Uri(application.Urls.Single() + "/healthz"), Cancelled);

        Assert.Equal("{}", await new StreamReader(read.ResponseStream).ReadToEndAsync(Cancelled));
        Assert.Equal("well", health);
    }

    internal static AmazonS3Client Client(RunningObjectStore server, bool checksum = true) => Client(server.Endpoint, checksum);

    private static AmazonS3Client Client(Uri endpoint, bool checksum) =>
        new(new BasicAWSCredentials(SimulatedObjectStoreFixture.AccessKey, SimulatedObjectStoreFixture.SecretKey), new AmazonS3Config
        {
            ServiceURL = endpoint.GetLeftPart(UriPartial.Authority), ForcePathStyle = true, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0,
            RequestChecksumCalculation = checksum ? RequestChecksumCalculation.WHEN_SUPPORTED : RequestChecksumCalculation.WHEN_REQUIRED,
        });

    private static async Task RefusedAsync(Func<Task> act) =>
        Assert.Equal("AccessDenied", (await Assert.ThrowsAnyAsync<AmazonS3Exception>(act)).ErrorCode);

    private static async Task<RunningObjectStore> StartAsync()
    {
        var server = await SimulatedObjectStore.StartAsync(SimulatedObjectStoreFixture.Options(), Cancelled);
        server.Store.EnsureBucket(Bucket);
        return server;
    }
}
