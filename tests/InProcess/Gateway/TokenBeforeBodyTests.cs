using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Options;
using PxBackup.Api;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Catalog;
using Xunit;
using A = PxBackup.Tests.InProcess.Gateway.ValidationTests.A;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>Whoever has no valid token is answered from the headers alone; a body has bounds in time and memory.</summary>
public sealed class TokenBeforeBodyTests(TokenBeforeBodyTests.NarrowHost host) : IClassFixture<TokenBeforeBodyTests.NarrowHost>
{
    private const int Largest = 512 * 1024;
    private const string TwoHeaders = "token malformed: more than one authorization header came: send exactly one, with one token";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/v1/backup", null, "401")]
    [InlineData("/v1/backup", "bearer rubbish", "401")]
    [InlineData("/v1/organization", FakeTokens.User, "403")]
    public async Task Rest_answers_who_may_not_call_without_waiting_for_the_body(string path, string? token, string status)
    {
        var answer = await RawAsync($"POST {path} HTTP/1.1\r\nHost: x\r\n{(token is null ? "" : $"Authorization: {token}\r\n")}Content-Length: 400000\r\n\r\n{{");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/Backup/Create", null, "16")]
    [InlineData("/Backup/Create", "bearer rubbish", "16")]
    [InlineData("/Organization/Create", FakeTokens.User, "7")]
    [InlineData("/Rules/Create", null, "16")]
    public async Task Grpc_answers_who_may_not_call_without_waiting_for_the_message(string path, string? token, string status)
    {
        var body = new EndlessBody([0, 0, 0x06, 0, 0, 1, 2, 3]);

        using var answer = await CallAsync(path, body, token);

        Assert.Equal((HttpStatusCode.OK, status), (answer.StatusCode, Status(answer)));
        Assert.Equal("application/grpc", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task An_undecodable_message_is_refused_in_words_and_leaves_no_line_in_the_log()
    {
        byte[] body = [0, 0, 0, 0, 3, 0xff, 0xff, 0xff];

        using var nobody = await CallAsync("/Backup/Create", new ByteArrayContent(body), "");
        using var alice = await CallAsync("/Backup/Create", new ByteArrayContent(body), FakeTokens.User);
        using var health = await CallAsync("/grpc.health.v1.Health/Check", new ByteArrayContent(body), "");

        Assert.Equal(("16", "3", "3"), (Status(nobody), Status(alice), Status(health)));
        Assert.Contains("the body is no BackupCreateRequest in protobuf's binary form", Text(alice), StringComparison.Ordinal);
        Assert.DoesNotContain("InvalidProtocolBuffer", host.Logged.All, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/Health/Status")]
    [InlineData("/Version/Get")]
    [InlineData("/grpc.health.v1.Health/Check")]
    public async Task What_needs_no_token_takes_small_messages_only(string path)
    {
        using var small = await CallAsync(path, new ByteArrayContent([0, 0, 0, 0, 0]), "");
        using var large = await CallAsync(path, new EndlessBody([0, 0, 0, 0x20, 0, 1]), "");

        Assert.Equal(("0", "8"), (Status(small), Status(large)));
        Assert.Contains("a call without a token may bring 4096 bytes", Text(large), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_token_rest_takes_small_bodies_only()
    {
        var answer = await RawAsync("POST /v1/health HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 400000\r\n\r\na");

        Assert.StartsWith("HTTP/1.1 429 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_does_not_arrive_in_time_is_given_up_by_both_protocols()
    {
        using var grpc = await CallAsync("/Backup/Create", new EndlessBody([0, 0, 0x04, 0, 0, 1, 2, 3]), FakeTokens.User);
        var rest = await RawAsync($"POST /v1/backup HTTP/1.1\r\nHost: x\r\nAuthorization: {FakeTokens.User}\r\nContent-Length: 400000\r\n\r\n{{");

        Assert.Equal("4", Status(grpc));
        Assert.Contains("did not arrive within 1 s (Gateway:BodyTimeout)", Text(grpc), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 504 ", rest, StringComparison.Ordinal);
        Assert.Contains("did not arrive within 1 s", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_in_pieces_arrives_whole()
    {
        host.Grains.Names[(ObjectKind.BackupLocation, "location")] = "uid-location";
        host.Grains.Names[(ObjectKind.Cluster, "cluster")] = "uid-cluster";
        host.Grains.Answer<IBackupGrain>("CreateAsync", _ => new BackupObject());
        var message = A.BackupRequest().ToByteArray();
        byte[] framed = [0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message];

        using var whole = await CallAsync("/Backup/Create", new ByteArrayContent(framed), FakeTokens.User);
        using var pieces = await CallAsync("/Backup/Create", new PiecesBody(framed), FakeTokens.User);

        Assert.Equal(("0", "0"), (Status(whole), Status(pieces)));
    }

    [Fact]
    public async Task One_caller_holds_a_share_of_the_memory_only()
    {
        var bodies = Enumerable.Range(0, 4).Select(_ => new EndlessBody([0, 0, 0x07, 0xff, 0, .. new byte[500_000]])).ToArray();

        var answers = await Task.WhenAll(bodies.Select(body => CallAsync("/Backup/Create", body, FakeTokens.User)));

        Assert.Contains(answers, answer => Status(answer) == "8" && Text(answer).Contains("Gateway:MaxBodyBytesOfCaller", StringComparison.Ordinal));
        Assert.All(answers, answer => Assert.Contains(Status(answer), (string[])["4", "8"]));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Fact]
    public void The_memory_of_all_is_shared_fairly_and_given_back()
    {
        var budget = new BodyBudget(Options.Create(new GatewayOptions { MaxBodyBytesOfCaller = 300_000, MaxBodyBytesAtOnce = 500_000 }));
        using (var first = budget.Begin("a"))
        using (var second = budget.Begin("a"))
        using (var other = budget.Begin("b"))
        using (var third = budget.Begin("c"))
        {
            first.Hold(100);
            Assert.Equal(0, budget.Held);
            first.Hold(200_000);
            first.Hold(250_000);
            Assert.Contains("your requests hold", Assert.Throws<DomainException>(() => second.Hold(100_000)).Message, StringComparison.Ordinal);
            other.Hold(200_000);
            Assert.Contains("this server holds", Assert.Throws<DomainException>(() => third.Hold(100_000)).Message, StringComparison.Ordinal);
            Assert.Equal(450_000, budget.Held);
        }

        Assert.Equal(0, budget.Held);
    }

    [Theory]
    [InlineData("Authorization: bearer alice\r\nAuthorization: bearer alice\r\n")]
    [InlineData("Authorization: bearer alice\r\nAuthorization: bearer root\r\n")]
    [InlineData("Authorization: bearer alice, bearer root\r\n")]
    [InlineData("Authorization: bearer alice\r\nGrpc-Metadata-Authorization: bearer alice\r\n")]
    [InlineData("Grpc-Metadata-Authorization: bearer alice\r\nGrpc-Metadata-Authorization: bearer alice\r\n")]
    [InlineData("Grpc-Metadata-Authorization: bearer alice,bearer alice\r\n")]
    public async Task Two_authorization_headers_are_refused_by_rest(string headers)
    {
        var answer = await RawAsync($"GET /v1/backup/default/b?uid=u HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        Assert.Contains(TwoHeaders, answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bearer alice", "bearer alice")]
    [InlineData("bearer alice", "bearer root")]
    [InlineData("bearer alice,bearer alice")]
    public async Task Two_authorization_headers_are_refused_by_grpc(params string[] headers)
    {
        using var answer = await CallAsync("/Backup/Inspect", new ByteArrayContent([0, 0, 0, 0, 0]), headers);

        Assert.Equal(("16", TwoHeaders), (Status(answer), Text(answer)));
    }

    [Fact]
    public async Task One_header_as_metadata_is_enough_by_rest()
    {
        host.Grains.Answer<ICatalogGrain>("EnumerateAsync", _ => new BackupEnumerateResponse());

        var answer = await RawAsync("GET /v1/backup/default HTTP/1.1\r\nHost: x\r\nGrpc-Metadata-Authorization: bearer alice\r\nConnection: close\r\n\r\n");

        Assert.DoesNotContain(" 401 ", answer[..20], StringComparison.Ordinal);
    }

    private static string Status(HttpResponseMessage answer) => Head(answer, "grpc-status");

    private static string Text(HttpResponseMessage answer) => Uri.UnescapeDataString(Head(answer, "grpc-message"));

    private static string Head(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var head) || answer.TrailingHeaders.TryGetValues(name, out head) ? head.First() : "";

    /// <summary>What a server says to a request of which this is all that ever comes.</summary>
    private async Task<string> RawAsync(string request)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        using var socket = new TcpClient();
        await socket.ConnectAsync(host.Rest.Host, host.Rest.Port, limit.Token);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), limit.Token);
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        // An answer of ours is small and has its length: head and body come together.
        while (!answer.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) || !answer.ToString().TrimEnd().EndsWith('}'))
        {
            var count = await stream.ReadAsync(buffer, limit.Token);
            if (count == 0)
                break;
            answer.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        return answer.ToString();
    }

    private async Task<HttpResponseMessage> CallAsync(string path, HttpContent body, params string?[] tokens)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host.Grpc, path)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body };
        request.Headers.TE.Add(new("trailers"));
        foreach (var token in tokens.Where(token => !string.IsNullOrEmpty(token)))
            request.Headers.TryAddWithoutValidation("Authorization", token);
        // HttpClient joins the lines of one header; gRPC's own client sends them apart.
        var answer = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        await answer.Content.LoadIntoBufferAsync(limit.Token);
        return answer;
    }

    /// <summary>A gateway of small limits.</summary>
    public sealed class NarrowHost : GatewayHost
    {
        protected override (string Key, string? Value)[] Settings =>
        [
            ("Gateway:MaxMessageBytes", $"{Largest}"), ("Gateway:BodyTimeout", "00:00:01"), ("Gateway:MaxBodyBytesOfCaller", "1048576"), ("Gateway:MaxBodyBytesAtOnce", "8388608"),
        ];
    }

    /// <summary>Begins and never ends.</summary>
    private sealed class EndlessBody(byte[] begin) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(begin, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Stop);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>One byte after the other.</summary>
    private sealed class PiecesBody(byte[] bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var part in bytes.Chunk(7))
            {
                await stream.WriteAsync(part, Stop);
                await stream.FlushAsync(Stop);
                await Task.Yield();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
