using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>The embedded provider in a Kestrel host as the product runs it: one port for HTTP/1.1, one for h2c.</summary>
internal sealed class EmbeddedHost : IAsyncDisposable
{
    public const string Password = "made-up-for-tests";
    public const string TokenPath = "/auth/realms/master/protocol/openid-connect/token";
    public const string AdminPath = "/auth/admin/realms/master";

    private readonly WebApplication app;

    private EmbeddedHost(WebApplication app)
    {
        this.app = app;
        Logged = app.Services.GetRequiredService<LogLines>();
    }

    public HttpClient Rest { get; } = new();

    public string GrpcUrl { get; private set; } = "";

    public LogLines Logged { get; }

    public EmbeddedIdentity Identity => app.Services.GetRequiredService<EmbeddedIdentity>();

    public ITokenValidator Validator => app.Services.GetRequiredService<ITokenValidator>();

    public IServiceProvider Services => app.Services;

    public static async Task<EmbeddedHost> StartAsync(
        string folder, TimeProvider? time = null, string? password = Password, Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(
        [
            new("Identity:Embedded:Directory", folder),
            new(IdentityServices.AdminPasswordVariable, password),
            .. settings.Select(setting => new KeyValuePair<string, string?>(setting.Key, setting.Value)),
        ]);
        var lines = new LogLines();
        builder.Logging.ClearProviders().AddProvider(lines).SetMinimumLevel(LogLevel.Trace);
        builder.Services.AddSingleton(lines);
        if (time is not null)
            builder.Services.AddSingleton(time);
        services?.Invoke(builder.Services);
        builder.Services.AddPxIdentity(builder.Configuration);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        app.MapPxIdentity();
        app.MapGet("/v1/health", () => "healthy");
        await app.StartAsync();
        var host = new EmbeddedHost(app) { GrpcUrl = app.Urls.Last() };
        host.Rest.BaseAddress = new(app.Urls.First());
        return host;
    }

    public async Task<(int Status, JsonObject Body)> SignInAsync(string username, string password, params (string Key, string Value)[] more)
    {
        using var answer = await PostAsync([("grant_type", "password"), ("client_id", "pxcentral"), ("username", username), ("password", password), .. more]);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(text.StartsWith('{'), $"{(int)answer.StatusCode} '{text}', log: {Logged.All}");
        return ((int)answer.StatusCode, JsonNode.Parse(text)!.AsObject());
    }

    /// <summary>The status of a sign-in by way of a proxy that names this address.</summary>
    public async Task<int> SignInFromAsync(string address, string username, string password)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, TokenPath)
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "password", ["client_id"] = "pxcentral", ["username"] = username, ["password"] = password }),
        };
        request.Headers.Add("X-Forwarded-For", address);
        using var answer = await Rest.SendAsync(request);
        return (int)answer.StatusCode;
    }

    public Task<HttpResponseMessage> PostAsync((string Key, string Value)[] form, string path = TokenPath) =>
        Rest.PostAsync(path, new FormUrlEncodedContent(form.Select(field => KeyValuePair.Create(field.Key, field.Value))));

    public async Task<string> TokenAsync(string username = "px-central-admin", string password = Password, params (string Key, string Value)[] more)
    {
        var (status, body) = await SignInAsync(username, password, more);
        Assert.True(status == 200, body.ToJsonString());
        return (string)body["access_token"]!;
    }

    /// <summary>A call of the admin REST.</summary>
    public async Task<(int Status, JsonNode? Body)> AdminAsync(HttpMethod method, string path, string? token, string? body = null)
    {
        using var request = new HttpRequestMessage(method, AdminPath + path);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await Rest.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.Headers.Location is { } location)
            text = $$"""{"location":"{{location}}"}""";
        return ((int)answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
    }

    public async ValueTask DisposeAsync()
    {
        Rest.Dispose();
        await app.DisposeAsync();
    }
}

/// <summary>Every log line, to look for what must not be there.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly List<string> lines = [];

    public string All
    {
        get
        {
            lock (lines)
                return string.Join('\n', lines);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines)
            lines.Add($"{formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}

/// <summary>A folder of one test's own, removed afterwards.</summary>
public abstract class WithFolder : IDisposable
{
    protected string Root { get; } = System.IO.Directory.CreateTempSubdirectory("pxbackup-identity-").FullName;

    protected string Folder => Path.Combine(Root, "identity");

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        System.IO.Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
    }
}
