using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>A server that answers exactly what the test says: each request waits until the test has answered it.</summary>
internal sealed class FakeKubernetesApi : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Channel<FakeRequest> _requests = Channel.CreateUnbounded<FakeRequest>();
    private readonly WebApplication _app;

    private FakeKubernetesApi(WebApplication app) => _app = app;

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public ClusterEndpoint Endpoint => new() { Server = Address, CertificateAuthority = TestCertificates.AuthorityPem, User = ClusterUser.FromToken("token-1") };

    public static async Task<FakeKubernetesApi> StartAsync(X509Certificate2? certificate = null, HttpProtocols protocols = HttpProtocols.Http1AndHttp2, bool clientCertificate = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            listen.UseHttps(certificate ?? TestCertificates.Server, https =>
            {
                https.ClientCertificateMode = clientCertificate ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.NoCertificate;
                https.AllowAnyClientCertificate();
            });
        }));
        var app = builder.Build();
        var api = new FakeKubernetesApi(app);
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var request = new FakeRequest(context, await reader.ReadToEndAsync(context.RequestAborted));
            api._requests.Writer.TryWrite(request);
            await Task.WhenAny(request.Done, Task.Delay(Timeout.Infinite, context.RequestAborted));
        });
        await app.StartAsync();
        return api;
    }

    /// <summary>The next request, whatever it is.</summary>
    public async Task<FakeRequest> NextAsync(string what)
    {
        try
        {
            return await _requests.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"No request came: {what}.");
        }
    }

    /// <summary>Answers all further requests by a table of "METHOD path" or "path"; others get a plain 404.</summary>
    public void AnswerAll(Dictionary<string, string> answers) => _ = Task.Run(async () =>
    {
        await foreach (var request in _requests.Reader.ReadAllAsync())
        {
            var answer = answers.GetValueOrDefault($"{request.Method} {request.Path}") ?? answers.GetValueOrDefault(request.Path);
            await (answer is null ? request.AnswerAsync(404, "404 page not found", "text/plain") : request.AnswerAsync(200, answer));
        }
    });

    public async ValueTask DisposeAsync()
    {
        _requests.Writer.TryComplete();
        while (_requests.Reader.TryRead(out var left))
            left.Drop();
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}

/// <summary>A request that waits for its answer.</summary>
internal sealed class FakeRequest(HttpContext context, string body)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Done => _done.Task;

    // Copied, since the context is gone once the request was answered.
    private readonly Dictionary<string, string> _query = context.Request.Query.ToDictionary(pair => pair.Key, pair => pair.Value.ToString());

    private readonly Dictionary<string, string> _headers = context.Request.Headers.ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.OrdinalIgnoreCase);

    public string Method { get; } = context.Request.Method;

    public string Path { get; } = context.Request.Path.Value!;

    public string Protocol { get; } = context.Request.Protocol;

    public string ConnectionId { get; } = context.Connection.Id;

    public string? ClientThumbprint { get; } = context.Connection.ClientCertificate?.Thumbprint;

    public string Body => body;

    public string? Query(string name) => _query.GetValueOrDefault(name);

    public string? Header(string name) => _headers.GetValueOrDefault(name);

    public async Task AnswerAsync(int status, string content, string contentType = "application/json", params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        foreach (var (name, value) in headers)
            context.Response.Headers[name] = value;
        await context.Response.WriteAsync(content);
        _done.TrySetResult();
    }

    public Task RefuseAsync(int status, string reason, params (string Name, string Value)[] headers) =>
        AnswerAsync(status, $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"because of {{reason}}","reason":"{{reason}}","code":{{status}}}""", "application/json", headers);

    public Task ListAsync(string version, params string[] items) =>
        AnswerAsync(200, $$"""{"kind":"List","metadata":{"resourceVersion":"{{version}}"},"items":[{{string.Join(',', items)}}]}""");

    /// <summary>Sends the headers of a watch.</summary>
    public async Task AcceptAsync()
    {
        context.Response.ContentType = "application/json";
        await context.Response.StartAsync();
        await context.Response.Body.FlushAsync();
    }

    public async Task SendAsync(string text)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text));
        await context.Response.Body.FlushAsync();
    }

    public Task EventAsync(string type, string json) => SendAsync($$"""{"type":"{{type}}","object":{{json}}}""" + "\n");

    public void End() => _done.TrySetResult();

    public void Abort()
    {
        context.Abort();
        _done.TrySetResult();
    }

    /// <summary>Lets go of a request that nobody answered; its client may have left already.</summary>
    public void Drop() => _done.TrySetResult();
}
