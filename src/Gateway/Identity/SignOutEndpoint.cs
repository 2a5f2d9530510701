using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using PxBackup.Gateway.Access;
using OAuthErrors = OpenIddict.Abstractions.OpenIddictConstants.Errors;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// Sign-out: Keycloak's <c>logout</c> (a <c>refresh_token</c>, 204) and RFC 7009's <c>revoke</c> (a <c>token</c> of either kind, 200). Both
/// end the token's session: its refresh token and every access token that came of it.
/// </summary>
internal sealed class SignOutEndpoint(EmbeddedIdentity identity, IOptions<IdentityOptions> options) :
    IOpenIddictServerHandler<ExtractRevocationRequestContext>, IOpenIddictServerHandler<ValidateRevocationRequestContext>,
    IOpenIddictServerHandler<HandleRevocationRequestContext>, IOpenIddictServerHandler<ApplyRevocationResponseContext>
{
    private const string ForeignClient = "Invalid client or Invalid client credentials";

    public ValueTask HandleAsync(ExtractRevocationRequestContext context)
    {
        if (context.Request is { Token: null, RefreshToken: { } token } request)
            request.Token = token;
        return ValueTask.CompletedTask;
    }

    public ValueTask HandleAsync(ValidateRevocationRequestContext context)
    {
        if (IsForeign(context.Request))
            context.Reject(OAuthErrors.InvalidClient, ForeignClient);
        return ValueTask.CompletedTask;
    }

    public ValueTask HandleAsync(HandleRevocationRequestContext context)
    {
        var claims = context.GenericTokenPrincipal;
        if (!IsForeign(context.Request) && claims.GetClaim(TokenEndpoint.SessionId) is { Length: > 0 } session && claims.GetClaim(Claims.Subject) is { } user && identity.Users.State.UserById(user) is not null)
        {
            // A refresh token does not say until when access tokens of its session live that were given out before a restart without the file.
            var longest = claims.GetExpirationDate() is { } expires && !claims.HasTokenType(TokenTypeIdentifiers.RefreshToken)
                ? expires : DateTimeOffset.MinValue;
            identity.Sessions.End(session, user, longest);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask HandleAsync(ApplyRevocationResponseContext context)
    {
        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        context.Response.ErrorUri = null;
        // Not left to the library, which answers some errors as success: RFC 7009 asks for that where the token is at fault, not the client.
        if (context.Request is { } request && IsForeign(request))
        {
            (context.Response.Error, context.Response.ErrorDescription) = (OAuthErrors.InvalidClient, ForeignClient);
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else if (context.Error is null && http.Request.Path.Value!.EndsWith(RealmPaths.Logout, StringComparison.Ordinal))
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            context.HandleRequest();
        }
        return ValueTask.CompletedTask;
    }

    private bool IsForeign(OpenIddictRequest request) => request.ClientId is { } client && client != options.Value.Embedded.ClientId;
}
