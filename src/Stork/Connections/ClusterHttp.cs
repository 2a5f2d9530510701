using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>The one HTTP/2 connection of a cluster: sign-in, time-outs, limits, and what every failure means.</summary>
internal sealed class ClusterHttp : IDisposable
{
    private const int MaxErrorBytes = 64 * 1024;

    // Kubernetes' own reasons are words of at most 25 letters.
    private const int MaxReason = 64;

    private readonly ClusterEndpoint _endpoint;
    private readonly IBearerTokenSource? _tokens;
    private readonly ClusterConnectionOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;
    private readonly string _base;
    private readonly ClusterIdentity? _identity;

    public ClusterHttp(
        ClusterEndpoint endpoint, IBearerTokenSource? tokens, ClusterConnectionOptions options, EndpointPolicy policy, TimeProvider time, string? identity = null)
    {
        _identity = identity is null ? null : new ClusterIdentity(identity);
        _endpoint = endpoint;
        _tokens = tokens;
        _options = options;
        _time = time;
        _base = endpoint.Server.GetLeftPart(UriPartial.Path).TrimEnd('/');
        var dialer = new ClusterDialer(endpoint, policy, options.ConnectTimeout, time);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,   // A redirect could lead anywhere, with the token.
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = false,
            MaxResponseHeadersLength = 64,   // KiB; a Kubernetes API server sends under one.
            MaxResponseDrainSize = 64 * 1024,
            KeepAlivePingDelay = options.PingInterval,
            KeepAlivePingTimeout = options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = (context, cancellationToken) =>
            {
                _identity?.Dialing(context.InitialRequestMessage);
                return dialer.ConnectAsync(cancellationToken);
            },
        });
    }

    public ClusterConnectionOptions Options => _options;

    public TimeProvider Time => _time;

    public async Task<T> CallAsync<T>(
        HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        (await CallAsync(method, path, content, type, _options.MaxObjectBytes, cancellationToken).ConfigureAwait(false)).Answer;

    /// <summary>A read whose answer may be as large as the caller says; also says how large it was.</summary>
    public Task<(T Answer, long Bytes)> ReadAsync<T>(string path, JsonTypeInfo<T> type, long maxBytes, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Get, path, null, type, maxBytes, cancellationToken);

    private async Task<(T Answer, long Bytes)> CallAsync<T>(
        HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, long maxBytes, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.CallTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            using var response = await SendAsync(method, path, content, either.Token).ConfigureAwait(false);
            await using var body = new LimitedStream(
                await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false), maxBytes);
            var answer = await JsonSerializer.DeserializeAsync(body, type, either.Token).ConfigureAwait(false) ?? throw NoKubernetes(null);
            return (answer, body.Count);
        }
        catch (Exception e) when (Translate(e, timeout, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Starts a watch: returns when the response's headers are there. The caller disposes the response.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.CallTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await SendAsync(HttpMethod.Get, path, null, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (Translate(e, timeout, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>What an exception of the transport means; null when it is to be passed on as it is.</summary>
    public static ClusterException? Translate(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is ClusterException known)
                return ReferenceEquals(known, exception) ? null : new ClusterException(known.Cause, known.Message, known.Cure, exception);
        }

        return exception switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.VersionNegotiationError
                or HttpRequestError.ConfigurationLimitExceeded } => NoKubernetes(exception),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => new(ClusterFailure.TlsFailed,
                "TLS with the API server failed.", "Check that the server accepts the client certificate.", exception),
            AnswerTooLargeException => new(ClusterFailure.ApiUnavailable, exception.Message,
                "Check what answers at this address; a Kubernetes API server pages its lists.", exception),
            HttpRequestException or IOException => new(ClusterFailure.ConnectionLost, "The connection to the API server broke.",
                "Nothing, if it comes back by itself; otherwise look at the API server and the network before it.", exception),
            JsonException => NoKubernetes(exception),
            _ => null,
        };
    }

    public void Dispose()
    {
        _http.Dispose();
        _identity?.Dispose();
    }

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken) => _identity is null
        ? SendOnceAsync(method, path, content, identifies: false, cancellationToken)
        : _identity.SendAsync(identifies => identifies
            ? SendOnceAsync(HttpMethod.Get, ClusterIdentity.Path, null, identifies, cancellationToken)
            : SendOnceAsync(method, path, content, identifies, cancellationToken), MaxErrorBytes, cancellationToken);

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, string path, HttpContent? content, bool identifies, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, _base + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = content,
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("pxbackup", "3.0"));
        var token = await TokenAsync(cancellationToken).ConfigureAwait(false);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);

        if (identifies)
            ClusterIdentity.Mark(request);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            request.Content = null;   // The caller's, who may have to send it again.
        }

        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            if (response.StatusCode == HttpStatusCode.Unauthorized && token is not null)
                _tokens?.Rejected(token);
            throw await RefusalAsync(response, KubernetesRight.Of(method, path), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<string?> TokenAsync(CancellationToken cancellationToken)
    {
        if (_tokens is null)
            return _endpoint.User.Token;
        try
        {
            return await _tokens.GetTokenAsync(cancellationToken).ConfigureAwait(false);
        }
        // Whatever keeps a source from giving a token concerns this cluster only, and is told as its state.
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new ClusterException(ClusterFailure.TokenUnavailable, "No token could be got for the cluster.",
                "Check the cloud credential of this cluster.", e);
        }
    }

    private async Task<Exception> RefusalAsync(HttpResponseMessage response, KubernetesRight? right, CancellationToken cancellationToken)
    {
        var code = (int)response.StatusCode;
        if (code is >= 300 and < 400)
        {
            return new ClusterException(ClusterFailure.ApiUnavailable, $"The server answers with a redirect ({code}), which is not followed.",
                "Give the API server's own address in the kubeconfig.");
        }

        var status = await StatusAsync(response, cancellationToken).ConfigureAwait(false);
        var retryAfter = RetryAfter(response.Headers.RetryAfter)
            ?? (status?.Details.RetryAfterSeconds is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null);
        var message = status?.Message is { Length: > 0 } text ? StorkText.Bounded(text, StorkText.MaxMessage) : $"The API server answered {code}.";
        return new ApiException(response.StatusCode, StorkText.Bounded(status?.Reason ?? "", MaxReason), message, retryAfter) { Right = right };
    }

    private static async Task<ApiStatus?> StatusAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/json")
            return null;
        try
        {
            await using var body = new LimitedStream(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), MaxErrorBytes);
            var status = await JsonSerializer.DeserializeAsync(body, StorkJson.TypeInfo<ApiStatus>(), cancellationToken).ConfigureAwait(false);
            return status?.Kind == "Status" ? status : null;
        }
        // The status code alone says enough; a broken or endless text beside it changes nothing.
        catch (Exception e) when (e is JsonException or AnswerTooLargeException)
        {
            return null;
        }
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? value)
    {
        var wait = value?.Delta ?? (value?.Date - _time.GetUtcNow());
        return wait is { } some && some > TimeSpan.Zero ? some : null;
    }

    private ClusterException? Translate(Exception exception, CancellationTokenSource timeout, CancellationToken caller) =>
        exception is OperationCanceledException
            ? !caller.IsCancellationRequested && timeout.IsCancellationRequested
                ? new ClusterException(ClusterFailure.ApiTimeout, $"The API server did not answer within {_options.CallTimeout.TotalSeconds:0} s.",
                    "Look at the API server's load; it accepts connections but does not answer.", exception)
                : null
            : Translate(exception);

    private static ClusterException NoKubernetes(Exception? inner) => new(ClusterFailure.ApiUnavailable,
        "What answers there is not a working Kubernetes API server.", "Check the server address in the kubeconfig.", inner);
}
