using Microsoft.Extensions.Options;
using OpenIddict.Server;
using PxBackup.Gateway.Access;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace PxBackup.Gateway.Identity;

/// <summary>Addresses in the discovery document follow the configured issuer, not the Host header that a caller may choose.</summary>
internal sealed class DiscoveryDocument(IOptions<IdentityOptions> options) : IOpenIddictServerHandler<HandleConfigurationRequestContext>
{
    public ValueTask HandleAsync(HandleConfigurationRequestContext context)
    {
        var issuer = options.Value.Issuer.TrimEnd('/');
        context.TokenEndpoint = new(issuer + RealmPaths.Token);
        context.RevocationEndpoint = new(issuer + RealmPaths.Revoke);
        context.JsonWebKeySetEndpoint = new(issuer + RealmPaths.Keys);
        context.Metadata[Access.Standing.Endpoint] = issuer + RealmPaths.Standing;
        return ValueTask.CompletedTask;
    }
}

/// <summary>Keycloak's paths; the product's clients use them with and without <c>/auth</c>.</summary>
internal static class RealmPaths
{
    public const string Token = "/protocol/openid-connect/token";
    public const string Revoke = "/protocol/openid-connect/revoke";
    public const string Logout = "/protocol/openid-connect/logout";
    public const string Standing = "/px/standing";
    public const string Keys = "/protocol/openid-connect/certs";
    public const string Discovery = "/.well-known/openid-configuration";

    public static readonly string[] Realms = ["/auth/realms/master", "/realms/master"];
    public static readonly string[] Administration = ["/auth/admin/realms/master", "/admin/realms/master"];

    public static string[] Of(string path) => [.. Realms.Select(realm => realm + path)];
}
