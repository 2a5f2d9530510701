using System.Net.Http.Json;
using Grpc.Core;
using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.CloudCredentials;
using Xunit;
using A = PxBackup.Tests.InProcess.Gateway.ValidationTests.A;
using Metadata = Grpc.Core.Metadata;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>The same idempotency key means the same object, whichever gateway is asked.</summary>
public sealed class IdempotencyTests : IClassFixture<GatewayHost>
{
    private readonly GatewayHost _host;

    public IdempotencyTests(GatewayHost host)
    {
        _host = host;
        host.Grains.Calls.Clear();
        host.Grains.Names[(ObjectKind.BackupLocation, "location")] = "uid-location";
        host.Grains.Names[(ObjectKind.Cluster, "cluster")] = "uid-cluster";
        host.Grains.Answer<IBackupGrain>("CreateAsync", _ => new BackupObject());
        host.Grains.Answer<ICloudCredentialGrain>("CreateAsync", _ => new CloudCredentialObject());
    }

    [Fact]
    public async Task A_repeated_create_with_the_same_key_reaches_the_same_grain()
    {
        await CreateAsync("order-4711");
        await CreateAsync("order-4711");

        Assert.Single(Keys().Distinct());
    }

    [Fact]
    public async Task Another_key_or_another_user_or_no_key_makes_another_object()
    {
        await CreateAsync("order-4711");
        await CreateAsync("order-4712");
        await CreateAsync("order-4711", FakeTokens.Admin);
        await CreateAsync(null);
        await CreateAsync(null);

        Assert.Equal(5, Keys().Distinct().Count());
    }

    [Fact]
    public async Task The_clients_own_uid_goes_before_the_key()
    {
        var request = A.BackupRequest();
        request.Metadata.Uid = "mine-1";

        await new Backup.BackupClient(_host.Channel).CreateAsync(request, With("order-4711", FakeTokens.User));

        Assert.Equal("default/mine-1", Assert.Single(Keys()));
    }

    [Theory, InlineData("Idempotency-Key"), InlineData("Grpc-Metadata-Idempotency-Key")]
    public async Task The_key_comes_by_REST_as_a_header_and_means_the_same_as_by_gRPC(string header)
    {
        await CreateAsync("order-4711");
        using var request = ByRest((header, "order-4711"));

        using var answer = await _host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(2, Keys().Count);
        Assert.Single(Keys().Distinct());
    }

    [Theory, InlineData("with space"), InlineData("129")]
    public async Task A_key_that_is_none_is_refused_by_its_name(string key)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => CreateAsync(key == "129" ? new string('x', 129) : key));

        Assert.Equal((StatusCode.InvalidArgument, "idempotency-key: must be 1 to 128 printable ASCII characters without spaces"), (error.StatusCode, error.Status.Detail));
        Assert.Empty(Keys());
    }

    [Fact]
    public async Task A_request_id_that_a_mesh_repeats_is_no_key()
    {
        for (var call = 0; call < 2; call++)
        {
            await new Backup.BackupClient(_host.Channel).CreateAsync(A.BackupRequest(), With(null, FakeTokens.User, ("x-request-id", "mesh-1")));
            using var request = ByRest(("X-Request-Id", "mesh-1"));
            using var answer = await _host.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.True(answer.IsSuccessStatusCode);
        }

        Assert.Equal(4, Keys().Distinct().Count());
    }

    [Fact]
    public async Task Two_keys_are_refused_by_both_protocols()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Backup.BackupClient(_host.Channel).CreateAsync(A.BackupRequest(), With("one", FakeTokens.User, ("idempotency-key", "two"))));
        using var request = ByRest(("Idempotency-Key", "one"), ("Grpc-Metadata-Idempotency-Key", "two"));
        using var answer = await _host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((StatusCode.InvalidArgument, "idempotency-key: came more than once: give one key, without commas"), (error.StatusCode, error.Status.Detail));
        Assert.Contains("idempotency-key: came more than once", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Empty(Keys());
    }

    [Fact]
    public async Task The_same_key_for_another_request_is_refused_and_named_by_both_protocols()
    {
        _host.Grains.Answer<IBackupGrain>("CreateAsync", _ => throw new DomainException(ErrorReason.RequestMismatch, "backup with uid [u] already exists with other contents"));

        var error = await Assert.ThrowsAsync<RpcException>(() => CreateAsync("order-4711"));
        using var request = ByRest(("Idempotency-Key", "order-4711"));
        using var answer = await _host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((StatusCode.AlreadyExists, "idempotency-key [order-4711] was used for another request: backup with uid [u] already exists with other contents"), (error.StatusCode, error.Status.Detail));
        Assert.Contains("idempotency-key [order-4711] was used for another request", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_one_kind_organization_or_user_never_meet_anothers()
    {
        var uid = IdempotencyKey.UidFor(ObjectKind.Backup, "default", "ann", "k");

        Assert.True(Guid.TryParse(uid, out var guid));
        Assert.Equal(8, guid.Version);
        Assert.Equal(uid, IdempotencyKey.UidFor(ObjectKind.Backup, "default", "ann", "k"));
        string[] others = [
            IdempotencyKey.UidFor(ObjectKind.Restore, "default", "ann", "k"), IdempotencyKey.UidFor(ObjectKind.Backup, "other", "ann", "k"),
            IdempotencyKey.UidFor(ObjectKind.Backup, "default", "bob", "k"), IdempotencyKey.UidFor(ObjectKind.Backup, "default", "an", "nk"), uid];
        Assert.Equal(5, others.Distinct().Count());
    }

    private List<string> Keys() => [.. _host.Grains.Calls.Where(call => call.Grain == typeof(IBackupGrain)).Select(call => call.Key)];

    private async Task CreateAsync(string? key, string token = FakeTokens.User) =>
        await new Backup.BackupClient(_host.Channel).CreateAsync(A.BackupRequest(), With(key, token));

    private static HttpRequestMessage ByRest(params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/backup") { Content = JsonContent.Create(System.Text.Json.Nodes.JsonNode.Parse(Google.Protobuf.JsonFormatter.Default.Format(A.BackupRequest()))) };
        request.Headers.Add("Authorization", FakeTokens.User);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return request;
    }

    private static CallOptions With(string? key, string token, params (string Name, string Value)[] more)
    {
        var headers = new Metadata { { "authorization", token } };
        if (key is not null)
            headers.Add("idempotency-key", key);
        foreach (var (name, value) in more)
            headers.Add(name, value);
        return new(headers, deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: TestContext.Current.CancellationToken);
    }
}
