using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>An OIDC provider's two documents on loopback; a test may change them, break them and count the requests.</summary>
internal sealed class LoopbackIssuer : IAsyncDisposable
{
    private readonly WebApplication app;
    private int fetches;

    private LoopbackIssuer(WebApplication app) => this.app = app;

    public string Url { get; private set; } = "";

    /// <summary>Requests for the key set so far.</summary>
    public int Fetches => Volatile.Read(ref fetches);

    public string Keys { get; set; } = TokenForge.KeySet(TokenForge.AllKeys());

    /// <summary>Replaces the discovery document.</summary>
    public string? Discovery { get; set; }

    /// <summary>The standing of tokens, where discovery names one.</summary>
    public string? Standing { get; set; }

    /// <summary>Answers every request instead.</summary>
    public Func<HttpContext, Task>? Instead { get; set; }

    public static async Task<LoopbackIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var issuer = new LoopbackIssuer(builder.Build());
        issuer.app.Run(issuer.AnswerAsync);
        await issuer.app.StartAsync();
        issuer.Url = issuer.app.Urls.Single() + "/realms/master";
        return issuer;
    }

    public (TokenValidator Validator, TokenForge Forge) Validator(TimeProvider time, Action<IdentityOptions>? change = null, EndpointGuard? guard = null)
    {
        var settings = new IdentityOptions { Mode = IdentityMode.External, Issuer = Url };
        change?.Invoke(settings);
        var options = Options.Create(settings);
        var connection = new IssuerConnection(options, guard ?? EndpointGuards.RefuseMetadataAndMulticast, time);
        var issuer = new DiscoveredIssuer(connection, options, time, NullLogger<DiscoveredIssuer>.Instance);
        return (new(issuer, options, time), new(Url, time));
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Path == "/realms/master/certs")
            Interlocked.Increment(ref fetches);
        if (Instead is not null)
            return Instead(context);
        return context.Request.Path.Value switch
        {
            "/realms/master/.well-known/openid-configuration" =>
                context.Response.WriteAsync(Discovery ?? $$"""{"issuer":"{{Url}}","jwks_uri":"{{Url}}/certs"}"""),
            "/realms/master/certs" => context.Response.WriteAsync(Keys),
            "/realms/master/px/standing" when Standing is not null => context.Response.WriteAsync(Standing),
            _ => Results.NotFound().ExecuteAsync(context),
        };
    }
}

/// <summary>One issuer for a class of tests that do not change it.</summary>
public sealed class LoopbackIssuerFixture : IAsyncLifetime
{
    internal LoopbackIssuer Issuer { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Issuer = await LoopbackIssuer.StartAsync();

    public ValueTask DisposeAsync() => Issuer.DisposeAsync();
}
