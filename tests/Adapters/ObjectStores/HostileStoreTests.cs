using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.FleetSimulator.ObjectStore;
using PxBackup.ObjectStores;
using Xunit;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>What a store that means no good may cost us, and what dialects of S3 may not break. Each test has a store of its own.</summary>
public sealed class HostileStoreTests
{
    private const string Bucket = "backups";
    private const string Folder = "kube-system/nightly-1234567/uid/";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_refusal_of_50_MB_is_understood_by_its_beginning()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(ObjectStoreFault.HugeRefusal());
        await using var store = Open(server);

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal((StoreFailure.AccessDenied, "AccessDenied"), (failure.Cause, failure.StoreCode));
        Assert.Contains("longer than 65536 bytes", failure.Message, StringComparison.Ordinal);
        Assert.InRange(failure.Message.Length, 1, 600);
    }

    [Theory]
    [InlineData(ObjectStoreFaultKind.EndlessPages, "is not followed further")]
    [InlineData(ObjectStoreFaultKind.CirclingPages, "goes on at the same place")]
    [InlineData(ObjectStoreFaultKind.StrayKeys, "which is not below the prefix")]
    public async Task A_listing_that_lies_ends_and_nothing_outside_the_prefix_is_deleted(ObjectStoreFaultKind kind, string why)
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        await store.PutAsync("kube-system/victim-7654321/uid/metadata.json", new byte[] { 1 }, cancellationToken: Cancelled);
        foreach (var operation in new[] { "ListObjectsV2", "ListObjectVersions" })
            server.Store.Faults.Add(new() { Kind = kind, Operation = operation, KeysPerPage = 100, Stray = ["kube-system/victim-7654321/uid/metadata.json"] });

        var deletion = await Assert.ThrowsAsync<ObjectStoreException>(() => store.DeletePrefixAsync(Folder, Cancelled));
        var listing = await Assert.ThrowsAsync<ObjectStoreException>(async () =>
        {
            await foreach (var _ in store.ListAsync(Folder, Cancelled))
            {
            }
        });

        Assert.Contains(why, deletion.Message, StringComparison.Ordinal);
        Assert.Contains(why, listing.Message, StringComparison.Ordinal);
        Assert.Equal(["kube-system/victim-7654321/uid/metadata.json"], server.Store.Keys(Bucket));
    }

    [Fact]
    public async Task A_store_that_shows_other_keys_than_asked_for_has_nothing_there()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.StrayKeys, Operation = "ListObjectsV2", Stray = ["elsewhere/key"] });
        await using var store = Open(server);

        await Assert.ThrowsAsync<ObjectStoreException>(() => store.AnyAsync(Folder, Cancelled));
    }

    [Theory]
    [InlineData(ObjectStoreFaultKind.CrowdedPage, 4_000_000, "elements")]
    [InlineData(ObjectStoreFaultKind.CrowdedPage, 50_000_000, "longer than")]
    [InlineData(ObjectStoreFaultKind.HugeHeaders, 1_000_000, "")]
    public async Task An_answer_that_is_too_much_is_refused(ObjectStoreFaultKind kind, long bytes, string why)
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(new() { Kind = kind, Bytes = bytes });
        await using var store = Open(server);

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.AnyAsync("", Cancelled));

        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_drips_is_given_up_in_the_requests_time()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.Drip });
        await using var store = Open(server, new() { RequestTimeout = TimeSpan.FromMilliseconds(500), MaxRetries = 0 });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.AnyAsync("", Cancelled)).WaitAsync(TimeSpan.FromSeconds(20), Cancelled);

        Assert.Equal(StoreFailure.EndpointUnreachable, failure.Cause);
    }

    [Fact]
    public async Task A_deletion_that_is_slow_for_each_object_ends_in_the_walks_time()
    {
        await using var server = await StartAsync();
        await using var store = Open(server, new() { MaxRetries = 0, WalkTimeout = TimeSpan.FromSeconds(1) });
        for (var i = 0; i < 20; i++)
            await store.PutAsync($"{Folder}{i}", new byte[] { 1 }, cancellationToken: Cancelled);
        server.Store.Faults.Add(ObjectStoreFault.Unknown("DeleteObjects"));
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.Delay, Operation = "DeleteObject", Delay = TimeSpan.FromMilliseconds(400) });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.DeletePrefixAsync(Folder, Cancelled));

        Assert.Contains("ObjectStores:WalkTimeout", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_about_keys_that_nobody_named_are_no_errors_of_ours_and_no_success()
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        await store.PutAsync(Folder + "metadata.json", new byte[] { 1 }, cancellationToken: Cancelled);
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.FalseErrors, Operation = "DeleteObjects", Stray = ["kube-system/victim-7654321/uid/metadata.json"] });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.DeletePrefixAsync(Folder, Cancelled));

        Assert.Contains("which was not to be removed", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deletion_that_is_only_confirmed_is_no_success()
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        await store.PutAsync(Folder + "metadata.json", new byte[] { 1 }, cancellationToken: Cancelled);
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.OnlySays, Operation = "DeleteObjects" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.DeletePrefixAsync(Folder, Cancelled));

        Assert.Contains("still lists objects", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ObjectLockConfigurationNotFoundError", 404)]
    [InlineData("ObjectLockConfigurationNotFound", 404)]
    [InlineData("NoSuchBucketObjectLockConfiguration", 404)]
    [InlineData("NotImplemented", 501)]
    [InlineData("MethodNotAllowed", 405)]
    [InlineData("InvalidRequest", 400)]
    [InlineData("InvalidArgument", 400)]
    [InlineData("UnsupportedOperation", 400)]
    [InlineData("SomethingOfItsOwn", 501)]
    public async Task A_store_that_does_not_know_object_lock_has_none(string code, int status)
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(ObjectStoreFault.Unknown("GetObjectLockConfiguration", code, (HttpStatusCode)status));
        await using var store = Open(server);

        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal(ObjectLockState.None, check.ObjectLock);
        Assert.Empty(check.Notes);
    }

    [Theory]
    [InlineData("SomethingOfItsOwn", 418)]
    [InlineData("InternalError", 500)]
    [InlineData("SlowDown", 503)]
    public async Task No_answer_about_object_lock_invalidates_a_location(string code, int status)
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(ObjectStoreFault.Unknown("GetObjectLockConfiguration", code, (HttpStatusCode)status));
        await using var store = Open(server);

        var check = await store.ValidateAsync(Cancelled);

        Assert.Null(check.ObjectLock);
        Assert.Contains("is not known", Assert.Single(check.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NotImplemented", 501)]
    [InlineData("MethodNotAllowed", 405)]
    [InlineData("UnsupportedOperation", 400)]
    [InlineData("SomethingOfItsOwn", 501)]
    public async Task A_store_without_bulk_deletion_is_asked_one_by_one(string code, int status)
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        foreach (var key in new[] { "", "metadata.json", "a b+c%2F.json", "ä/ü.json" })
            await store.PutAsync(Folder + key, new byte[] { 1 }, cancellationToken: Cancelled);
        var bulk = server.Store.Faults.Add(ObjectStoreFault.Unknown("DeleteObjects", code, (HttpStatusCode)status));
        server.Store.Faults.Add(ObjectStoreFault.Unknown("ListObjectVersions", code, (HttpStatusCode)status));

        var result = await store.DeletePrefixAsync(Folder, Cancelled);

        Assert.Equal((4, true, 1), (result.Deleted, result.IsComplete, bulk.Fired));
        Assert.Empty(server.Store.Keys(Bucket));
    }

    [Fact]
    public async Task A_versioned_bucket_without_bulk_deletion_loses_every_version()
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        using var client = SimulatedS3Tests.Client(server);
        await client.PutBucketVersioningAsync(new() { BucketName = Bucket, VersioningConfig = new() { Status = Amazon.S3.VersionStatus.Enabled } }, Cancelled);
        for (var i = 0; i < 3; i++)
            await store.PutAsync(Folder + "metadata.json", new[] { (byte)i }, cancellationToken: Cancelled);
        await client.DeleteObjectAsync(Bucket, Folder + "metadata.json", Cancelled);
        server.Store.Faults.Add(ObjectStoreFault.Unknown("DeleteObjects"));

        var result = await store.DeletePrefixAsync(Folder, Cancelled);
        var left = await client.ListVersionsAsync(Bucket, Folder, Cancelled);

        Assert.Equal(4, result.Deleted);
        Assert.True(left.Versions is null or { Count: 0 });
    }

    private static async Task<RunningObjectStore> StartAsync()
    {
        var server = await SimulatedObjectStore.StartAsync(SimulatedObjectStoreFixture.Options(), Cancelled);
        server.Store.EnsureBucket(Bucket);
        return server;
    }

    private static IObjectStore Open(RunningObjectStore server, ObjectStoreOptions? options = null) =>
        new ObjectStoreFactory(options ?? new() { MaxRetries = 0, MaxListedObjects = 2000 }, (_, _) => true, TimeProvider.System, NullLoggerFactory.Instance).Open(new()
        {
            Bucket = Bucket, Endpoint = server.Endpoint.GetLeftPart(UriPartial.Authority),
            AccessKey = SimulatedObjectStoreFixture.AccessKey, SecretKey = SimulatedObjectStoreFixture.SecretKey,
        });
}
