using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// What a service and the interceptors see of a call that came by REST. <c>context.GetHttpContext()</c> works as it does by gRPC.
/// </summary>
internal sealed class RestServerCallContext : ServerCallContext
{
    // The key under which Grpc.AspNetCore looks for the HttpContext of a foreign ServerCallContext.
    private const string HttpContextKey = "__HttpContext";

    private readonly HttpContext _http;
    private readonly RpcMethod _method;
    private readonly CancellationToken _cancellationToken;
    private readonly Dictionary<object, object> _userState;
    private bool _headersWritten;

    public RestServerCallContext(HttpContext http, RpcMethod method, Metadata requestHeaders, DateTime deadline, CancellationToken cancellationToken)
    {
        _http = http;
        _method = method;
        _cancellationToken = cancellationToken;
        _userState = new Dictionary<object, object> { [HttpContextKey] = http };
        RequestHeadersCore = requestHeaders;
        DeadlineCore = deadline;
    }

    /// <summary>Metadata that the service sent ahead of its reply.</summary>
    public Metadata ReplyHeaders { get; } = [];

    protected override string MethodCore => _method.FullName;

    protected override string HostCore => _http.Request.Host.Value ?? "";

    protected override string PeerCore => RestMetadata.Peer(_http.Connection);

    protected override DateTime DeadlineCore { get; }

    protected override Metadata RequestHeadersCore { get; }

    protected override CancellationToken CancellationTokenCore => _cancellationToken;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new(null, []);

    protected override IDictionary<object, object> UserStateCore => _userState;

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("Calls are not propagated to other servers.");

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        if (_headersWritten)
            throw new InvalidOperationException("Response headers can only be sent once per call.");

        _headersWritten = true;
        foreach (var entry in responseHeaders)
            ReplyHeaders.Add(entry);
        return Task.CompletedTask;
    }
}
