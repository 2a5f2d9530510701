using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.CloudCredentials;
using Xunit;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>What the gateway says where a request does not even reach a service, or names a thing half right.</summary>
public sealed class EdgeTests : IClassFixture<GatewayHost>
{
    private readonly GatewayHost _host;

    public EdgeTests(GatewayHost host)
    {
        _host = host;
        host.Grains.Names.Clear();
        host.Grains.Calls.Clear();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Backup", "Inspct", "unknown method Inspct for service Backup; did you mean Inspect?")]
    [InlineData("Backup", "inspect", "unknown method inspect for service Backup; did you mean Inspect?")]
    [InlineData("Backup", "Frobnicate", "unknown method Frobnicate for service Backup")]
    [InlineData("backup", "Inspect", "unknown service backup; did you mean Backup?")]
    [InlineData("Backups", "Inspect", "unknown service Backups; did you mean Backup?")]
    [InlineData("api.CloudCredential", "Create", "unknown service api.CloudCredential; did you mean CloudCredential?")]
    [InlineData("com.example.Weather", "Get", "unknown service com.example.Weather")]
    public async Task An_unknown_service_or_method_is_named_with_the_nearest_one(string service, string method, string text)
    {
        var bytes = Marshallers.Create<byte[]>(value => value, value => value);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _host.Channel.CreateCallInvoker()
            .AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, bytes, bytes), null, GatewayHost.As(FakeTokens.User), []));

        Assert.Equal((StatusCode.Unimplemented, text), (error.StatusCode, error.Status.Detail));
        Assert.Equal("UNIMPLEMENTED", Google.Rpc.Status.Parser.ParseFrom(error.Trailers.GetValueBytes("grpc-status-details-bin")).Details[0].Unpack<Google.Rpc.ErrorInfo>().Reason);
    }

    [Fact]
    public async Task What_is_not_built_gives_its_reason_by_gRPC_too()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await new Role.RoleClient(_host.Channel).CreateAsync(new(), GatewayHost.As(FakeTokens.User)));

        Assert.Equal("UNIMPLEMENTED", Google.Rpc.Status.Parser.ParseFrom(error.Trailers.GetValueBytes("grpc-status-details-bin")).Details[0].Unpack<Google.Rpc.ErrorInfo>().Reason);
    }

    [Theory]
    [InlineData("1n")]
    [InlineData("99n")]
    public async Task A_gRPC_timeout_shorter_than_any_clock_is_over_at_once(string timeout)
    {
        using var stop = new ManualResetEventSlim();
        _host.Grains.Answer<IBackupGrain>("InspectAsync", _ =>
        {
            stop.Wait(TimeSpan.FromSeconds(20));
            return new BackupObject().AsImmutable();
        });
        var message = new BackupInspectRequest { Name = "b", Uid = "u" }.ToByteArray();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_host.Grpc, "/Backup/Inspect"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)message.Length, .. message]) { Headers = { ContentType = new("application/grpc") } },
        };
        request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
        request.Headers.TryAddWithoutValidation("authorization", FakeTokens.User);
        request.Headers.TryAddWithoutValidation("te", "trailers");

        using var reply = await _host.Http.SendAsync(request, Token);
        stop.Set();

        var status = reply.Headers.TryGetValues("grpc-status", out var first) ? first.First() : reply.TrailingHeaders.GetValues("grpc-status").First();
        Assert.Equal("4", status);
    }

    [Theory]
    [InlineData(17, 0, 0, 414)]
    [InlineData(0, 1, 33 * 1024, 431)]
    [InlineData(0, 120, 10, 431)]
    public async Task A_head_that_is_too_long_is_refused_in_words(int targetKib, int headers, int headerBytes, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/backup/default?enumerate_options.name_filter=" + new string('n', targetKib * 1024));
        for (var i = 0; i < headers; i++)
            request.Headers.TryAddWithoutValidation($"x-{i}", new string('h', headerBytes));

        using var reply = await _host.Http.SendAsync(request, Token);

        var body = await reply.Content.ReadAsStringAsync(Token);
        Assert.Equal(status, (int)reply.StatusCode);
        Assert.Contains("\"code\":8", body, StringComparison.Ordinal);
        Assert.Contains("LIMIT_REACHED", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_right_name_with_a_wrong_uid_says_so()
    {
        _host.Grains.Names[(ObjectKind.Backup, "nightly")] = "uid-right";
        _host.Grains.Answer<IBackupGrain>("InspectAsync", call => throw DomainException.NotFound(ObjectKind.Backup, ObjectKey.Parse(call.Key), call.Argument<BackupInspectRequest>().Name));

        var error = await InspectAsync("nightly", "uid-wrong");

        Assert.Equal((StatusCode.NotFound, "failed to retrieve backup [nightly]: object not found: the backup of this name has uid uid-right, not uid-wrong"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task A_name_that_the_caller_cannot_see_says_nothing_about_uids()
    {
        _host.Grains.Answer<IBackupGrain>("InspectAsync", call => throw DomainException.NotFound(ObjectKind.Backup, ObjectKey.Parse(call.Key), call.Argument<BackupInspectRequest>().Name));

        var error = await InspectAsync("nightly", "uid-wrong");

        Assert.Equal((StatusCode.NotFound, "failed to retrieve backup [nightly]: object not found"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Labels_alone_are_put_and_empty_ones_clear()
    {
        _host.Grains.Answer<ICloudCredentialGrain>("UpdateAsync", _ => null);

        var given = await PutAsync("""{"metadata":{"name":"c","uid":"u","labels":{"a":"b"}}}""");
        var cleared = await PutAsync("""{"metadata":{"name":"c","uid":"u","labels":{}},"cloud_credential":{}}""");
        var silent = await PutAsync("""{"metadata":{"name":"c","uid":"u"}}""");

        Assert.Equal(("b", null), (given.Metadata.Labels["a"], given.CloudCredential));
        Assert.True(LabelChanges.AsksForNone(cleared.Metadata.Labels));
        Assert.Null(cleared.CloudCredential);
        Assert.Empty(silent.Metadata.Labels);
    }

    private async Task<CloudCredentialUpdateRequest> PutAsync(string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/cloudcredential") { Content = new StringContent(body), Headers = { { "Authorization", FakeTokens.User } } };
        using var reply = await _host.Http.SendAsync(request, Token);
        Assert.Equal("{}", await reply.Content.ReadAsStringAsync(Token));
        return _host.Grains.Last<ICloudCredentialGrain>().Argument<CloudCredentialUpdateRequest>();
    }

    private async Task<RpcException> InspectAsync(string name, string uid) => await Assert.ThrowsAsync<RpcException>(async () =>
        await new Backup.BackupClient(_host.Channel).InspectAsync(new() { Name = name, Uid = uid }, GatewayHost.As(FakeTokens.User)));
}
