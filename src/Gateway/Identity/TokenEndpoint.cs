using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using PxBackup.Gateway.Access;
using OAuthErrors = OpenIddict.Abstractions.OpenIddictConstants.Errors;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// What the product's clients expect of the token endpoint: client, password, duration, and answers in Keycloak's form. OpenIddict reads
/// the request, makes and signs the tokens and writes the answer; nothing is stored (degraded mode).
/// </summary>
internal sealed class TokenEndpoint(
    EmbeddedIdentity identity, PasswordSignIn signIn, SignInAnswers answers, IOptions<IdentityOptions> options, TimeProvider time) :
    IOpenIddictServerHandler<ValidateTokenRequestContext>, IOpenIddictServerHandler<HandleTokenRequestContext>
{
    // Not in the access token: ties a refresh token to the password it came from.
    private const string PasswordMark = "px_password";

    private readonly EmbeddedIdentityOptions embedded = options.Value.Embedded;

    public ValueTask HandleAsync(ValidateTokenRequestContext context)
    {
        if (context.Request.ClientId != embedded.ClientId)
            context.Reject(OAuthErrors.InvalidClient, "Invalid client or Invalid client credentials");
        else if (Field(context.Request, TokenDuration.Field) is { } text && !TokenDuration.TryParse(text, out _))
            context.Reject(OAuthErrors.InvalidRequest, $"Invalid form parameter: {TokenDuration.Field} must be a number followed by d, h, m or s, such as 7d");
        return ValueTask.CompletedTask;
    }

    public ValueTask HandleAsync(HandleTokenRequestContext context) =>
        context.Request.IsPasswordGrantType() ? PasswordAsync(context) : RefreshAsync(context);

    private async ValueTask PasswordAsync(HandleTokenRequestContext context)
    {
        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        var outcome = await signIn.SignInAsync(
            context.Request.Username ?? "", context.Request.Password ?? "", http.Connection.RemoteIpAddress, http.RequestAborted).ConfigureAwait(false);
        if (outcome is SignInOutcome.Granted granted)
            Grant(context, granted.User);
        else
            answers.Reject(context, outcome);
    }

    private ValueTask RefreshAsync(HandleTokenRequestContext context)
    {
        // OpenIddict has checked the refresh token; what it says about the user may be old.
        var claims = context.Principal;
        var user = claims?.GetClaim(Claims.Subject) is { } id ? identity.Users.State.UserById(id) : null;
        if (user is { Enabled: true } && claims!.GetClaim(PasswordMark) == MarkOf(user))
            Grant(context, user);
        else
            context.Reject(OAuthErrors.InvalidGrant, "Token is not active");
        return ValueTask.CompletedTask;
    }

    private void Grant(HandleTokenRequestContext context, User user)
    {
        var lifetime = Field(context.Request, TokenDuration.Field) is { } text && TokenDuration.TryParse(text, out var asked)
            ? asked : embedded.DefaultTokenLifetime;
        if (lifetime > embedded.MaxTokenLifetime)
            lifetime = embedded.MaxTokenLifetime;
        var principal = new ClaimsPrincipal(Describe(user));
        principal.SetScopes(Scopes.Profile, Scopes.Email, Scopes.OfflineAccess);
        principal.SetResources("account");
        principal.SetAccessTokenLifetime(lifetime);
        principal.SetRefreshTokenLifetime(embedded.RefreshTokenLifetime);
        context.SignIn(principal, new Dictionary<string, OpenIddictParameter>(StringComparer.Ordinal)
        {
            ["refresh_expires_in"] = (long)embedded.RefreshTokenLifetime.TotalSeconds,
            ["not-before-policy"] = 0,
        });
    }

    private ClaimsIdentity Describe(User user)
    {
        var state = identity.Users.State;
        var described = new ClaimsIdentity("password");
        described.SetClaim(Claims.Subject, user.Id);
        described.SetClaim(Claims.PreferredUsername, user.Username);
        if (user.Email.Length > 0)
            described.SetClaim(Claims.Email, user.Email);
        if (user.FullName.Length > 0)
            described.SetClaim(Claims.Name, user.FullName);
        // As one JSON value: a list of one claim each would become a text where there is only one group.
        described.AddClaim(new("groups", JsonSerializer.Serialize(state.GroupNames(user).Select(name => "/" + name).ToArray()), JsonClaimValueTypes.JsonArray));
        described.SetClaim("realm_access", JsonSerializer.SerializeToElement(new Dictionary<string, string[]> { ["roles"] = state.RoleNames(user) }));
        described.SetClaim("azp", embedded.ClientId);
        described.SetClaim("typ", "Bearer");
        described.SetClaim("auth_time", time.GetUtcNow().ToUnixTimeSeconds());
        described.SetDestinations(static _ => [Destinations.AccessToken]);
        described.AddClaim(new(PasswordMark, MarkOf(user)));
        return described;
    }

    private static string MarkOf(User user) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(user.Password)).AsSpan(0, 8));

    private static string? Field(OpenIddictRequest request, string name) =>
        request.GetParameter(name) is { } value ? (string?)value ?? "" : null;
}
