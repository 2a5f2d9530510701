using System.Net;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Gateway.Rest;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

/// <summary>The REST and the gRPC edge on free loopback ports, with the services that a test registers.</summary>
internal sealed class RestHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RestHost(WebApplication app, Uri rest, Uri grpc)
    {
        _app = app;
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = rest };
        Grpc = GrpcChannel.ForAddress(grpc);
    }

    public HttpClient Http { get; }

    public GrpcChannel Grpc { get; }

    public static async Task<RestHost> StartAsync(
        Action<IServiceCollection>? services = null, Action<RestGatewayOptions>? options = null, params Type[] interceptors)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc(grpc =>
        {
            foreach (var interceptor in interceptors)
                grpc.Interceptors.Add(interceptor);
        });
        builder.Services.AddRestGateway(options);
        services?.Invoke(builder.Services);

        var app = builder.Build();
        app.UseRestGateway();
        app.MapRpcServices();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        return new RestHost(app, new Uri(addresses[0]), new Uri(addresses[1]));
    }

    /// <summary>A host whose Backup service is the given one.</summary>
    public static Task<RestHost> WithAsync(RecordingBackup backup, params Type[] interceptors) =>
        StartAsync(services => services.AddSingleton(backup).AddRpcService<RecordingBackup>().AddSingleton(backup), null, interceptors);

    public async Task<RestReply> SendAsync(string verb, string path, string? body = null, string? contentType = "application/json", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        if (body is not null)
        {
            request.Content = new StringContent(body);
            request.Content.Headers.Remove("Content-Type");
            if (contentType is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value), $"cannot send header {name}");
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return new RestReply(
            (int)response.StatusCode,
            response.Content.Headers.ContentType?.ToString(),
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.ToDictionary(header => header.Key, header => string.Join(",", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public Task<RestReply> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync("GET", path, headers: headers);

    public Task<RestReply> PostAsync(string path, string body) => SendAsync("POST", path, body);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Grpc.Dispose();
        await _app.DisposeAsync();
    }
}

/// <summary>What came back.</summary>
internal sealed record RestReply(int Status, string? ContentType, string Body, Dictionary<string, string> Headers);
