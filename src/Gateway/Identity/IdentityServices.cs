using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Server;
using OpenIddict.Server.AspNetCore;
using PxBackup.Gateway.Access;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace PxBackup.Gateway.Identity;

/// <summary>Sign-in: what a host calls.</summary>
public static class IdentityServices
{
    /// <summary>The environment variable (or setting) with the first administrator's password.</summary>
    public const string AdminPasswordVariable = "PXBACKUP_ADMIN_PASSWORD";

    // A sign-in is a few hundred bytes, a refresh token two or three thousand.
    private const int LargestRequest = 16 * 1024;

    // WebApplication adds the authentication middleware for every request unless somebody has (UseAuthentication sets this). OpenIddict's
    // pipeline belongs on the realm's paths only: on the API's hot path it would cost more than the token check itself.
    private const string AuthenticationMiddlewareSet = "__AuthenticationMiddlewareSet";

    /// <summary>
    /// Adds <see cref="ITokenValidator"/> and, in Embedded mode, the provider (<see cref="EmbeddedIdentity"/>). Settings are checked when the
    /// host starts. Register an <see cref="EndpointGuard"/> before to use another than <see cref="EndpointGuards.RefuseMetadataAndMulticast"/>.
    /// </summary>
    public static IServiceCollection AddPxIdentity(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<IdentityOptions>()
            .Bind(configuration.GetSection(IdentityOptions.Section))
            .PostConfigure(options =>
            {
                if (string.IsNullOrEmpty(options.Embedded.AdminPassword))
                    options.Embedded.AdminPassword = configuration[AdminPasswordVariable];
            })
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<IdentityOptions>, IdentityOptionsValidation>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ITokenValidator, TokenValidator>();
        if (configuration.GetSection(IdentityOptions.Section).GetValue(nameof(IdentityOptions.Mode), IdentityMode.Embedded) == IdentityMode.External)
        {
            services.TryAddSingleton<EndpointGuard>(EndpointGuards.RefuseMetadataAndMulticast);
            services.AddSingleton<IssuerConnection>();
            services.AddSingleton<IIssuer, DiscoveredIssuer>();
            return services;
        }
        services.AddSingleton<IIssuer, EmbeddedIssuer>();
        return services.AddEmbeddedProvider();
    }

    /// <summary>Maps the embedded provider's endpoints, on every port of the host; does nothing in External mode. Call it before other middleware that answers.</summary>
    /// <exception cref="IdentityStartException">Key or users cannot be loaded.</exception>
    public static WebApplication MapPxIdentity(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        if (app.Services.GetService<EmbeddedIdentity>() is null)
            return app;
        ((IApplicationBuilder)app).Properties[AuthenticationMiddlewareSet] = true;
        app.UseWhen(IsRealm, static realm => realm.Use(WithLimitsAsync).UseAuthentication());
        foreach (var path in RealmPaths.Of(RealmPaths.Standing))
            app.MapGet(path, app.Services.GetRequiredService<StandingEndpoint>().AnswerAsync);
        foreach (var prefix in RealmPaths.Administration)
            AdminApi.Map(app.MapGroup(prefix));
        return app;
    }

    private static IServiceCollection AddEmbeddedProvider(this IServiceCollection services)
    {
        // Below warnings OpenIddict logs whole requests: user names, into which people type passwords.
        services.AddLogging(logging => logging.AddFilter("OpenIddict", LogLevel.Warning));
        services.AddSingleton<EmbeddedIdentity>();
        services.AddSingleton<SignInThrottle>();
        services.AddSingleton<SignInSource>();
        services.AddSingleton(new HashQueue());
        services.AddSingleton<PasswordSignIn>();
        services.AddSingleton<SignInAnswers>();
        services.AddSingleton<TokenEndpoint>();
        services.AddSingleton<SignOutEndpoint>();
        services.AddSingleton<StandingEndpoint>();
        services.AddSingleton<DiscoveryDocument>();
        services.AddOpenIddict().AddServer(server =>
        {
            server.EnableDegradedMode().DisableAccessTokenEncryption().AllowPasswordFlow().AllowRefreshTokenFlow();
            server.SetTokenEndpointUris(RealmPaths.Of(RealmPaths.Token));
            server.SetRevocationEndpointUris([.. RealmPaths.Of(RealmPaths.Revoke), .. RealmPaths.Of(RealmPaths.Logout)]);
            server.SetJsonWebKeySetEndpointUris(RealmPaths.Of(RealmPaths.Keys));
            server.SetConfigurationEndpointUris(RealmPaths.Of(RealmPaths.Discovery));
            server.RegisterScopes("profile", "email", "openid");
            // Plain http: TLS ends at the host's own port or at the ingress before it.
            server.UseAspNetCore().DisableTransportSecurityRequirement();
            server.AddEventHandler<ValidateTokenRequestContext>(handler => handler.UseSingletonHandler<TokenEndpoint>());
            server.AddEventHandler<HandleTokenRequestContext>(handler => handler.UseSingletonHandler<TokenEndpoint>());
            server.AddEventHandler<ExtractRevocationRequestContext>(handler => handler.UseSingletonHandler<SignOutEndpoint>()
                .SetOrder(OpenIddictServerAspNetCoreHandlers.ExtractPostRequest<ExtractRevocationRequestContext>.Descriptor.Order + 1));
            server.AddEventHandler<ValidateRevocationRequestContext>(handler => handler.UseSingletonHandler<SignOutEndpoint>());
            server.AddEventHandler<HandleRevocationRequestContext>(handler => handler.UseSingletonHandler<SignOutEndpoint>());
            server.AddEventHandler<ApplyRevocationResponseContext>(handler => handler.UseSingletonHandler<SignOutEndpoint>()
                .SetOrder(OpenIddictServerAspNetCoreHandlers.AttachHttpResponseCode<ApplyRevocationResponseContext>.Descriptor.Order + 1));
            server.AddEventHandler<ApplyTokenResponseContext>(handler => handler.UseSingletonHandler<SignInAnswers>()
                .SetOrder(OpenIddictServerAspNetCoreHandlers.AttachHttpResponseCode<ApplyTokenResponseContext>.Descriptor.Order + 1));
            server.AddEventHandler<HandleConfigurationRequestContext>(handler => handler.UseSingletonHandler<DiscoveryDocument>()
                .SetOrder(OpenIddictServerHandlers.Discovery.AttachEndpoints.Descriptor.Order + 1));
        });
        services.AddOptions<OpenIddictServerOptions>().Configure<EmbeddedIdentity, IOptions<IdentityOptions>, TimeProvider>(
            static (server, identity, options, time) =>
            {
                server.Issuer = new(options.Value.Issuer);
                server.TimeProvider = time;
                server.SigningCredentials.Add(new(identity.SigningKey, SecurityAlgorithms.RsaSha256));
                server.EncryptionCredentials.Add(new(
                    SigningKeyFile.RefreshSecret(identity.SigningKey), SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512));
            });
        return services;
    }

    private static bool IsRealm(HttpContext context) =>
        RealmPaths.Realms.Any(realm => context.Request.Path.StartsWithSegments(realm, StringComparison.Ordinal));

    private static async Task WithLimitsAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = LargestRequest;
        if (context.Request.Headers.Authorization.Count > 1)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsJsonAsync(new OAuthError("invalid_request", TokenException.Doubled().Message), AdminJson.Default.OAuthError).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (Exception wrong) when (wrong is InvalidDataException or BadHttpRequestException && !context.Response.HasStarted)
        {
            context.Response.StatusCode = wrong is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status400BadRequest;
            await context.Response.WriteAsJsonAsync(
                new OAuthError("invalid_request", "The form is too large or malformed"), AdminJson.Default.OAuthError).ConfigureAwait(false);
        }
    }
}
