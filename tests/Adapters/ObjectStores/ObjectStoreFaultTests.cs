using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.FleetSimulator.ObjectStore;
using PxBackup.ObjectStores;
using Xunit;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>What the adapter makes of a store that fails, lies or is set up oddly. Each test has a store of its own.</summary>
public sealed class ObjectStoreFaultTests
{
    private const string Bucket = "backups";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ListObjectsV2", "listing")]
    [InlineData("PutObject", "writing")]
    [InlineData("GetObject", "reading")]
    [InlineData("DeleteObject", "removing")]
    public async Task A_right_that_is_missing_is_named_by_what_it_is_needed_for(string operation, string what)
    {
        await using var server = await StartAsync();
        var fault = server.Store.Faults.Add(ObjectStoreFault.Denied(operation));
        await using var store = Open(server);

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.True(fault.Fired > 0);
        Assert.Equal((StoreFailure.AccessDenied, "AccessDenied"), (failure.Cause, failure.StoreCode));
        Assert.StartsWith(what, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_that_may_not_see_the_object_lock_still_validate_and_a_note_says_so()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(ObjectStoreFault.Denied("GetObjectLockConfiguration"));
        await using var store = Open(server);

        var check = await store.ValidateAsync(Cancelled);

        Assert.Null(check.ObjectLock);
        Assert.Contains("GetBucketObjectLockConfiguration", Assert.Single(check.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_asks_for_patience_once_is_asked_again()
    {
        await using var server = await StartAsync();
        var fault = server.Store.Faults.Add(ObjectStoreFault.SlowDown("PutObject") with { Times = 1 });
        await using var store = Open(server);

        var written = await store.PutAsync("key", new byte[] { 1 }, cancellationToken: Cancelled);

        Assert.True(written);
        Assert.Equal(1, fault.Fired);
    }

    [Fact]
    public async Task A_store_that_asks_for_patience_for_ever_is_given_up_after_the_retries()
    {
        await using var server = await StartAsync();
        var fault = server.Store.Faults.Add(ObjectStoreFault.SlowDown());
        await using var store = Open(server);

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal((StoreFailure.SlowDown, "SlowDown"), (failure.Cause, failure.StoreCode));
        Assert.True(failure.IsTransient);
        Assert.Equal(2, fault.Fired);
    }

    [Fact]
    public async Task A_store_that_is_down_is_unreachable_and_works_again_when_it_is_back()
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        server.Store.Faults.Down = true;

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));
        server.Store.Faults.Clear();
        var check = await store.ValidateAsync(Cancelled);

        Assert.Equal(StoreFailure.EndpointUnreachable, failure.Cause);
        Assert.True(check.ProbeRemoved);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_is_given_up_in_time()
    {
        await using var server = await StartAsync();
        server.Store.Faults.Add(new() { Kind = ObjectStoreFaultKind.Delay, Delay = TimeSpan.FromMinutes(5) });
        await using var store = Open(server, options: new() { RequestTimeout = TimeSpan.FromMilliseconds(300), CallTimeout = TimeSpan.FromSeconds(1), MaxRetries = 0 });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.EndpointUnreachable, failure.Cause);
    }

    [Theory]
    [InlineData(ObjectStoreFaultKind.RepeatedPage)]
    [InlineData(ObjectStoreFaultKind.CutAnswer)]
    public async Task A_listing_that_goes_wrong_fails_and_never_looks_complete(ObjectStoreFaultKind kind)
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        for (var i = 0; i < 7; i++)
            await store.PutAsync($"ns/{i}", new byte[] { 1 }, cancellationToken: Cancelled);
        var fault = server.Store.Faults.Add(new() { Kind = kind, Operation = "ListObjectsV2" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(async () =>
        {
            await foreach (var _ in store.ListAsync("ns/", Cancelled))
                Assert.True(fault.Fired < 10, "the listing goes in circles");
        });

        Assert.True(fault.Fired > 0);
        Assert.Contains("listing ns/", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_that_is_wrong_is_named_as_the_cause()
    {
        var options = SimulatedObjectStoreFixture.Options();
        options.Time = new Shifted(TimeSpan.FromHours(1));
        await using var server = await SimulatedObjectStore.StartAsync(options, Cancelled);
        server.Store.EnsureBucket(Bucket);
        await using var store = Open(server);

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));

        Assert.Equal((StoreFailure.RequestTimeTooSkewed, "RequestTimeTooSkewed"), (failure.Cause, failure.StoreCode));
    }

    [Fact]
    public async Task A_wrong_region_is_named_as_the_cause()
    {
        var options = SimulatedObjectStoreFixture.Options();
        options.Region = "eu-central-1";
        await using var server = await SimulatedObjectStore.StartAsync(options, Cancelled);
        server.Store.EnsureBucket(Bucket);
        await using var wrong = Open(server);
        await using var right = Open(server, settings => settings with { Region = "eu-central-1" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => wrong.ValidateAsync(Cancelled));
        var check = await right.ValidateAsync(Cancelled);

        Assert.Equal(StoreFailure.WrongRegion, failure.Cause);
        Assert.Contains("eu-central-1", failure.Message, StringComparison.Ordinal);
        Assert.True(check.ProbeRemoved);
    }

    [Fact]
    public async Task A_certificate_of_an_unknown_authority_is_refused_until_the_authority_is_given()
    {
        using var authority = Certificate("CN=test authority", null);
        using var certificate = Certificate("CN=store", authority);
        var options = SimulatedObjectStoreFixture.Options();
        options.Certificate = certificate;
        await using var server = await SimulatedObjectStore.StartAsync(options, Cancelled);
        server.Store.EnsureBucket(Bucket);
        await using var stranger = Open(server);
        await using var knows = Open(server, settings => settings with { ExtraAuthoritiesPem = authority.ExportCertificatePem() });
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, authority.ExportCertificatePem(), Cancelled);
        await using var byOption = Open(server, options: new() { AuthoritiesFile = file });
        File.Delete(file);
        await using var otherName = Open(server, settings => settings with { ExtraAuthoritiesPem = authority.ExportCertificatePem(), Endpoint = $"https://localhost:{server.Endpoint.Port}" });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => stranger.ValidateAsync(Cancelled));
        var check = await knows.ValidateAsync(Cancelled);
        var known = await byOption.ValidateAsync(Cancelled);
        var misnamed = await Assert.ThrowsAsync<ObjectStoreException>(() => otherName.ValidateAsync(Cancelled));

        Assert.Equal(StoreFailure.TlsUntrusted, failure.Cause);
        Assert.Contains("ObjectStores:AuthoritiesFile", failure.Cure, StringComparison.Ordinal);
        Assert.True(check.ProbeRemoved && known.ProbeRemoved);
        Assert.Equal(StoreFailure.TlsUntrusted, misnamed.Cause);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no certificate")]
    public void A_file_without_authorities_is_refused_by_its_options_name(string content)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, content);

        var refusal = Assert.Throws<System.ComponentModel.DataAnnotations.ValidationException>(() => new ObjectStoreOptions { AuthoritiesFile = file }.ReadAuthorities());
        File.Delete(file);
        var missing = Assert.Throws<System.ComponentModel.DataAnnotations.ValidationException>(() => new ObjectStoreOptions { AuthoritiesFile = file }.ReadAuthorities());

        Assert.All([refusal, missing], failure => Assert.StartsWith("ObjectStores:AuthoritiesFile: ", failure.Message));
    }

    [Theory]
    [InlineData(307)]
    [InlineData(301)]
    [InlineData(302)]
    public async Task A_redirect_to_another_host_is_not_followed(int status)
    {
        await using var trap = await StartAsync();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync(listener, $"HTTP/1.1 {status} Moved\r\nLocation: {trap.Endpoint}{Bucket}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        await using var store = Open(trap, settings => settings with { Endpoint = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}" });

        await Assert.ThrowsAsync<ObjectStoreException>(() => store.ValidateAsync(Cancelled));
        listener.Stop();
        var requests = await answering;

        Assert.True(requests > 0);
        Assert.Equal(0, trap.Store.Log.Total);
    }

    [Fact]
    public async Task An_answer_without_end_is_cut_off()
    {
        await using var other = await StartAsync();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var body = "<ListBucketResult>" + new string(' ', 100_000);
        var answering = AnswerAsync(listener, $"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n{body}");
        await using var store = Open(other, settings => settings with { Endpoint = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}" }, new() { MaxAnswerBytes = 10_000, MaxRetries = 0 });

        var failure = await Assert.ThrowsAsync<ObjectStoreException>(() => store.AnyAsync("", Cancelled));
        listener.Stop();
        await answering;

        Assert.Contains("longer than 10000 bytes", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AES256")]
    [InlineData("aws:kms")]
    public async Task Every_write_asks_for_the_encryption_of_the_settings(string sse)
    {
        await using var server = await StartAsync();
        await using var store = Open(server, settings => settings with { Sse = sse, StorageClass = "STANDARD_IA" });
        await store.PutAsync("key", new byte[] { 1 }, cancellationToken: Cancelled);
        using var client = SimulatedS3Tests.Client(server);

        var head = await client.GetObjectMetadataAsync(Bucket, "key", Cancelled);

        Assert.Equal(sse, head.ServerSideEncryptionMethod.Value);
        Assert.Equal("STANDARD_IA", head.StorageClass.Value);
    }

    [Fact]
    public async Task Some_objects_that_the_store_keeps_do_not_stop_the_others()
    {
        await using var server = await StartAsync();
        await using var store = Open(server);
        using var client = SimulatedS3Tests.Client(server);
        server.Store.EnsureBucket("locked", "COMPLIANCE", 1);
        await using var locked = Open(server, settings => settings with { Bucket = "locked" });
        for (var i = 0; i < 5; i++)
            await locked.PutAsync($"ns/{i}", new byte[] { 1 }, cancellationToken: Cancelled);
        await client.DeleteObjectAsync("locked", "ns/0", Cancelled);

        var result = await locked.DeletePrefixAsync("ns/", Cancelled);

        Assert.Equal((1, 5, 0), (result.Deleted, result.Locked.Count, result.Refused.Count));
    }

    private static async Task<RunningObjectStore> StartAsync()
    {
        var server = await SimulatedObjectStore.StartAsync(SimulatedObjectStoreFixture.Options(), Cancelled);
        server.Store.EnsureBucket(Bucket);
        return server;
    }

    private static IObjectStore Open(RunningObjectStore server, Func<S3StoreSettings, S3StoreSettings>? change = null, ObjectStoreOptions? options = null)
    {
        var settings = new S3StoreSettings
        {
            Bucket = Bucket, Endpoint = server.Endpoint.GetLeftPart(UriPartial.Authority),
            AccessKey = SimulatedObjectStoreFixture.AccessKey, SecretKey = SimulatedObjectStoreFixture.SecretKey,
        };
        return new ObjectStoreFactory(options ?? new() { PageSize = 3, MaxRetries = 1 }, (_, _) => true, TimeProvider.System, NullLoggerFactory.Instance)
            .Open(change is null ? settings : change(settings));
    }

    /// <summary>Answers every connection alike until the listener stops; returns how many there were.</summary>
    private static async Task<int> AnswerAsync(TcpListener listener, string answer)
    {
        for (var count = 0; ; count++)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync();
                var stream = client.GetStream();
                _ = await stream.ReadAsync(new byte[65536]);
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(answer));
            }
            catch (Exception ended) when (ended is SocketException or InvalidOperationException) // Stopped during, or between, two accepts.
            {
                return count;
            }
            catch (IOException)
            {
                // The client had read enough.
            }
        }
    }

    private static X509Certificate2 Certificate(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null, false, 0, true));
        var (from, until) = (DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1));
        if (issuer is null)
            return request.CreateSelfSigned(from, until);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(issuer, from, until.AddMinutes(-1), [1, 2, 3, 4]);
        return signed.CopyWithPrivateKey(key);
    }

    private sealed class Shifted(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
