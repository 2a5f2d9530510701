using Grpc.Core;
using Grpc.Core.Interceptors;
using PxBackup.Api;
using Xunit;
using Metadata = Grpc.Core.Metadata;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestMetadataTests
{
    private readonly RecordingBackup _backup = new();

    [Fact]
    public async Task The_Authorization_header_is_metadata_authorization()
    {
        await GetAsync(("Authorization", "Bearer abc"));

        Assert.Equal("Bearer abc", _backup.Context!.RequestHeaders.GetValue("authorization"));
        Assert.Equal("Bearer abc", _backup.Context.RequestHeaders.GetValue("grpcgateway-authorization"));
    }

    [Fact]
    public async Task Headers_with_the_metadata_prefix_lose_it()
    {
        await GetAsync(("Grpc-Metadata-X-Trace", "t1"), ("grpc-metadata-blob-bin", "AQI"), ("X-Other", "o"));

        Assert.Equal("t1", _backup.Context!.RequestHeaders.GetValue("x-trace"));
        Assert.Equal([1, 2], _backup.Context.RequestHeaders.GetValueBytes("blob-bin"));
        Assert.Null(_backup.Context.RequestHeaders.Get("x-other"));
    }

    [Fact]
    public async Task A_header_that_cannot_be_metadata_is_400()
    {
        var reply = await GetAsync(("Grpc-Metadata-Blob-Bin", "***"));

        Assert.Equal(400, reply.Status);
        Assert.Contains("Grpc-Metadata-", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reply_metadata_and_trailers_become_Grpc_Metadata_headers()
    {
        _backup.Before = async context =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "x-head", "h" } });
            context.ResponseTrailers.Add("x-tail", "t");
        };

        var reply = await GetAsync();

        Assert.Equal(("h", "t"), (reply.Headers["Grpc-Metadata-x-head"], reply.Headers["Grpc-Metadata-x-tail"]));
    }

    [Fact]
    public async Task Grpc_Timeout_sets_the_deadline_and_the_token_of_the_call_and_its_end_is_504()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _backup.Before = async context =>
        {
            using var registration = context.CancellationToken.Register(cancelled.SetResult);
            await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            throw new RpcException(new Status(StatusCode.Internal, "too late to be heard"));
        };

        var reply = await GetAsync(("Grpc-Timeout", "50m"));

        Assert.Equal(504, reply.Status);
        Assert.Contains("\"code\":4", reply.Body, StringComparison.Ordinal);
        Assert.True(cancelled.Task.IsCompletedSuccessfully, "the call's token was not cancelled");
        Assert.NotEqual(DateTime.MaxValue, _backup.Context!.Deadline);
    }

    [Fact]
    public async Task Without_a_timeout_a_call_has_no_deadline()
    {
        await GetAsync();

        Assert.Equal(DateTime.MaxValue, _backup.Context!.Deadline);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("5x")]
    [InlineData("-5S")]
    [InlineData("123456789S")]
    public async Task A_timeout_that_is_none_is_400(string timeout)
    {
        var reply = await GetAsync(("Grpc-Timeout", timeout));

        Assert.Equal(400, reply.Status);
        Assert.Contains($"invalid grpc-timeout: {timeout}", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_timeout_is_taken() => Assert.Equal(200, (await GetAsync(("Grpc-Timeout", "99999999H"))).Status);

    [Fact]
    public async Task A_service_sees_the_method_the_peer_and_the_HttpContext_as_it_does_by_gRPC()
    {
        (string? Path, string? Peer) seen = default;
        _backup.Before = context => { seen = (context.GetHttpContext().Request.Path, context.Peer); return Task.CompletedTask; };

        await GetAsync();

        Assert.Equal("/v1/backup/default/b1", seen.Path);
        Assert.Equal("/Backup/Inspect", _backup.Context!.Method);
        Assert.StartsWith("ipv4:127.0.0.1:", seen.Peer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_interceptors_of_the_gRPC_server_run_around_calls_by_REST_in_the_same_order()
    {
        _backup.Before = context => { context.ResponseTrailers.Add("x-seen", "service"); return Task.CompletedTask; };
        await using var host = await RestHost.WithAsync(_backup, typeof(Outer), typeof(Inner));

        var rest = await host.GetAsync("/v1/backup/default/b1");
        using var call = new Backup.BackupClient(host.Grpc).InspectAsync(new BackupInspectRequest(), cancellationToken: TestContext.Current.CancellationToken);
        await call.ResponseAsync;

        Assert.Equal("outer,inner,service", rest.Headers["Grpc-Metadata-x-seen"]);
        Assert.Equal(["outer", "inner", "service"], call.GetTrailers().GetAll("x-seen").Select(entry => entry.Value));
    }

    [Fact]
    public async Task What_an_interceptor_refuses_is_refused_by_REST_before_the_service_runs()
    {
        await using var host = await RestHost.WithAsync(_backup, typeof(Refusing));

        var reply = await host.GetAsync("/v1/backup/default/b1");

        Assert.Equal(401, reply.Status);
        Assert.Null(_backup.Request);
    }

    private async Task<RestReply> GetAsync(params (string Name, string Value)[] headers)
    {
        await using var host = await RestHost.WithAsync(_backup);
        return await host.GetAsync("/v1/backup/default/b1", headers);
    }

    private abstract class Marking(string mark) : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            context.ResponseTrailers.Add("x-seen", mark);
            return continuation(request, context);
        }
    }

    private sealed class Outer() : Marking("outer");

    private sealed class Inner() : Marking("inner");

    private sealed class Refusing : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            throw new RpcException(new Status(StatusCode.Unauthenticated, "no token"));
    }
}
