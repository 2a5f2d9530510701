using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Hosting;
using PxBackup.Tests.InProcess.Identity;
using Xunit;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>The gateway on two free ports of loopback, before fake grains and tokens.</summary>
public class GatewayHost : IAsyncLifetime
{
    private WebApplication? _app;

    public FakeGrains Grains { get; } = new();

    public Uri Rest { get; private set; } = null!;

    public GrpcChannel Channel { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public Uri Grpc { get; private set; } = null!;

    internal LogLines Logged { get; } = new();

    /// <summary>More settings.</summary>
    protected virtual (string Key, string? Value)[] Settings => [];

    public IServiceProvider Services => _app!.Services;

    /// <summary>What a test's gateway has otherwise.</summary>
    protected virtual void Configure(IServiceCollection services)
    {
    }

    public static CallOptions As(string? token) => new(
        headers: token is null ? [] : new Metadata { { "authorization", token } },
        deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: TestContext.Current.CancellationToken);

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Gateway:RestPort"] = "0",
            ["Gateway:GrpcPort"] = "0",
            // No provider of its own: the tests' tokens replace the validator anyway.
            ["Identity:Mode"] = "External",
            ["Identity:Issuer"] = "https://localhost/auth/realms/master",
        });
        builder.Configuration.AddInMemoryCollection(Settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value)));
        builder.Logging.ClearProviders().AddProvider(Logged).SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddPxGateway(builder.Configuration);
        builder.Services.AddSingleton<ITokenValidator, FakeTokens>();
        builder.Services.AddSingleton(Grains.Factory);
        Configure(builder.Services);
        _app = builder.Build();
        _app.MapPxGateway();
        await _app.StartAsync();
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address)).ToArray();
        Rest = addresses[0];
        Http = new HttpClient { BaseAddress = Rest };
        Grpc = addresses[1];
        Channel = GrpcChannel.ForAddress(addresses[1], new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        Http.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
