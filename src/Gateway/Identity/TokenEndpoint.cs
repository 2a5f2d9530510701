using System.Globalization;
using System.Security.Claims;
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
    EmbeddedIdentity identity, PasswordSignIn signIn, SignInSource sources, SignInAnswers answers, IOptions<IdentityOptions> options, TimeProvider time) :
    IOpenIddictServerHandler<ValidateTokenRequestContext>, IOpenIddictServerHandler<HandleTokenRequestContext>
{
    /// <summary>Ties every token to the user's password and to the last time that all of the user's tokens were ended.</summary>
    public const string Mark = "px_mark";

    /// <summary>The session that a token is of: sign-out ends it.</summary>
    public const string SessionId = "sid";

    // Not in the access token: which of a session's refresh tokens it is.
    private const string Turn = "px_turn";

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
            context.Request.Username ?? "", context.Request.Password ?? "", sources.Of(http), http.RequestAborted).ConfigureAwait(false);
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
        if (user is { Enabled: true } && claims!.GetClaim(Mark) == identity.Sessions.State.MarkOf(user)
            && claims!.GetClaim(SessionId) is { } session && long.TryParse(claims!.GetClaim(Turn), NumberStyles.None, CultureInfo.InvariantCulture, out var turn))
        {
            var lifetime = LifetimeOf(context.Request);
            var now = time.GetUtcNow();
            switch (identity.Sessions.Refresh(session, user.Id, turn, now + embedded.RefreshTokenLifetime, now + lifetime))
            {
                case RefreshOutcome.Turned:
                    SignIn(context, user, session, turn + 1, lifetime);
                    return ValueTask.CompletedTask;
                case RefreshOutcome.Reused:
                    answers.Reused(user.Id);
                    break;
            }
        }
        context.Reject(OAuthErrors.InvalidGrant, "Token is not active");
        return ValueTask.CompletedTask;
    }

    private void Grant(HandleTokenRequestContext context, User user)
    {
        var (lifetime, now) = (LifetimeOf(context.Request), time.GetUtcNow());
        SignIn(context, user, identity.Sessions.Begin(user.Id, now + embedded.RefreshTokenLifetime, now + lifetime), 0, lifetime);
    }

    private TimeSpan LifetimeOf(OpenIddictRequest request)
    {
        var lifetime = Field(request, TokenDuration.Field) is { } text && TokenDuration.TryParse(text, out var asked)
            ? asked : embedded.DefaultTokenLifetime;
        return lifetime > embedded.MaxTokenLifetime ? embedded.MaxTokenLifetime : lifetime;
    }

    private void SignIn(HandleTokenRequestContext context, User user, string session, long turn, TimeSpan lifetime)
    {
        var principal = new ClaimsPrincipal(Describe(user, session, turn));
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

    private ClaimsIdentity Describe(User user, string session, long turn)
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
        described.SetClaim(SessionId, session);
        described.SetClaim(Mark, identity.Sessions.State.MarkOf(user));
        described.SetDestinations(static _ => [Destinations.AccessToken]);
        described.AddClaim(new(Turn, turn.ToString(CultureInfo.InvariantCulture)));
        return described;
    }

    private static string? Field(OpenIddictRequest request, string name) =>
        request.GetParameter(name) is { } value ? (string?)value ?? "" : null;
}
