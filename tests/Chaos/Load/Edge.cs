using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Load;

/// <summary>The answer to a request, or why there is none.</summary>
internal sealed record Reply<TAnswer>(TAnswer? Answer, HistoryEntry Entry)
    where TAnswer : class
{
    public bool IsOk => Entry.Code == StatusCode.OK;

    /// <summary>The client may ask again: nobody refused it for what it says.</summary>
    public bool IsRetryable => Entry.IsTransport || Entry.Code is StatusCode.Unavailable or StatusCode.Aborted or StatusCode.DeadlineExceeded;
}

/// <summary>Both gateways as clients see them, by gRPC and REST. Everything that is asked goes into the history.</summary>
internal sealed class Edge : IDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true));
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));
    // The second one is for gateways of the builds that an upgrade starts from, which know no other; both stand for the same uid.
    private static readonly string[] KeyHeaders = ["idempotency-key", "x-request-id"];

    private readonly GrpcChannel[] _channels;
    private readonly HttpClient[] _http;
    private readonly string _authorization;
    private readonly History _history;

    private Edge(Installation installation, History history, string token)
    {
        _history = history;
        _authorization = $"bearer {token}";
        _channels = [.. Enumerable.Range(0, Installation.Gateways).Select(i => GrpcChannel.ForAddress(installation.Grpc(i), new GrpcChannelOptions
        {
            MaxReceiveMessageSize = 64 * 1024 * 1024,
            // Soon again after a kill: the run has no time for a minute's back-off.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100), MaxReconnectBackoff = TimeSpan.FromMilliseconds(500),
        }))];
        _http = [.. Enumerable.Range(0, Installation.Gateways).Select(i => new HttpClient { BaseAddress = installation.Rest(i), Timeout = Timeout.InfiniteTimeSpan })];
    }

    /// <summary>Signs in as the administrator, at the first gateway: it issues the tokens of both.</summary>
    public static async Task<Edge> SignInAsync(Installation installation, History history, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = installation.Rest(0) };
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "password", ["client_id"] = "pxcentral", ["username"] = Installation.AdminName, ["password"] = Installation.AdminPassword, ["token-duration"] = "7d",
        });
        using var answer = await http.PostAsync(new Uri("/auth/realms/master/protocol/openid-connect/token", UriKind.Relative), form, cancellationToken);
        var body = await answer.Content.ReadFromJsonAsync<JsonObject>(cancellationToken);
        return answer.IsSuccessStatusCode
            ? new Edge(installation, history, body!["access_token"]!.GetValue<string>())
            : throw new InvalidOperationException($"sign-in failed: {body}");
    }

    /// <summary>Asks once and writes down what came of it. Never throws for an outcome.</summary>
    public async Task<Reply<TAnswer>> AskAsync<TRequest, TAnswer>(
        string client, int gateway, bool byRest, Rpc<TRequest, TAnswer> rpc, TRequest request, string requestId = "", TimeSpan? deadline = null)
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new()
    {
        byRest &= rpc.Rest is not null;
        var (number, begin) = (_history.Next(), Stopwatch.GetTimestamp());
        var (answer, code, detail, isTransport) = byRest
            ? await ByRestAsync(gateway, rpc, request, requestId, deadline ?? Deadline)
            : await ByGrpcAsync(gateway, rpc, request, requestId, deadline ?? Deadline);
        var (seen, uid, reason) = answer is null ? new Sight("") : rpc.Look(answer);
        var entry = new HistoryEntry
        {
            Number = number, Client = client, Gateway = gateway, IsRest = byRest, Rpc = rpc.Name, IsRead = rpc.IsRead, Object = rpc.ObjectOf(request),
            Begin = begin, End = Stopwatch.GetTimestamp(), Code = code, Detail = answer is null ? detail : reason, IsTransport = isTransport, Seen = seen, Uid = uid,
        };
        _history.Add(entry);
        return new Reply<TAnswer>(answer, entry);
    }

    public void Dispose()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        foreach (var http in _http)
            http.Dispose();
    }

    private async Task<(TAnswer?, StatusCode, string, bool)> ByGrpcAsync<TRequest, TAnswer>(int gateway, Rpc<TRequest, TAnswer> rpc, TRequest request, string requestId, TimeSpan deadline)
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new()
    {
        var headers = new Metadata { { "authorization", _authorization } };
        foreach (var name in requestId.Length > 0 ? KeyHeaders : [])
            headers.Add(name, requestId);
        try
        {
            using var call = _channels[gateway].CreateCallInvoker().AsyncUnaryCall(rpc.Method, null, new CallOptions(headers, DateTime.UtcNow + deadline), request);
            return (await call, StatusCode.OK, "", false);
        }
        catch (RpcException e)
        {
            // What the server said has no exception behind it; what the client's own library made of a lost connection has.
            var isTransport = e.Status.DebugException is { } cause and not OperationCanceledException && cause is HttpRequestException or IOException or SocketException;
            return (null, e.StatusCode, e.Status.Detail, isTransport);
        }
    }

    private async Task<(TAnswer?, StatusCode, string, bool)> ByRestAsync<TRequest, TAnswer>(int gateway, Rpc<TRequest, TAnswer> rpc, TRequest request, string requestId, TimeSpan deadline)
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new()
    {
        var (verb, path, hasBody) = rpc.Rest!(request);
        using var message = new HttpRequestMessage(verb, new Uri(path, UriKind.Relative));
        message.Headers.TryAddWithoutValidation("Authorization", _authorization);
        foreach (var name in requestId.Length > 0 ? KeyHeaders : [])
            message.Headers.TryAddWithoutValidation(name, requestId);
        if (hasBody)
            message.Content = new StringContent(Formatter.Format(request), Encoding.UTF8, "application/json");
        using var limit = new CancellationTokenSource(deadline);
        try
        {
            using var answer = await _http[gateway].SendAsync(message, limit.Token);
            var text = await answer.Content.ReadAsStringAsync(limit.Token);
            if (answer.IsSuccessStatusCode)
                return (Parser.Parse<TAnswer>(text), StatusCode.OK, "", false);
            return JsonNode.Parse(text) is JsonObject error && error["code"] is { } code
                ? (null, (StatusCode)code.GetValue<int>(), error["message"]?.GetValue<string>() ?? "", false)
                : (null, StatusCode.Unknown, $"HTTP {(int)answer.StatusCode}: {text}", false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return (null, StatusCode.DeadlineExceeded, "the client's own limit", false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, StatusCode.Unavailable, e.Message, true);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidProtocolBufferException)
        {
            return (null, StatusCode.Unknown, $"an answer that cannot be read: {e.Message}", false);
        }
    }
}
