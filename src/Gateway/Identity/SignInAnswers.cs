using System.Globalization;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using OAuthErrors = OpenIddict.Abstractions.OpenIddictConstants.Errors;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace PxBackup.Gateway.Identity;

/// <summary>Gives OpenIddict's answers the status codes, texts and members that Keycloak's have.</summary>
internal sealed partial class SignInAnswers(SignInSource sources, ILogger<SignInAnswers> logger) : IOpenIddictServerHandler<ApplyTokenResponseContext>
{
    private static readonly object StatusKey = new();

    public void Reject(HandleTokenRequestContext context, SignInOutcome outcome)
    {
        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        switch (outcome)
        {
            case SignInOutcome.Wait wait:
                var seconds = Math.Max(1, (int)Math.Ceiling(wait.For.TotalSeconds));
                http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
                http.Items[StatusKey] = StatusCodes.Status429TooManyRequests;
                context.Reject(OAuthErrors.InvalidGrant, $"Too many sign-ins; try again in {seconds} s");
                break;
            case SignInOutcome.Disabled:
                http.Items[StatusKey] = StatusCodes.Status400BadRequest;
                context.Reject(OAuthErrors.InvalidGrant, "Account disabled");
                break;
            default:
                http.Items[StatusKey] = StatusCodes.Status401Unauthorized;
                context.Reject(OAuthErrors.InvalidGrant, "Invalid user credentials");
                break;
        }
        SignInRefused(logger, sources.Of(http)?.ToString() ?? "unknown", outcome.GetType().Name);
    }

    public ValueTask HandleAsync(ApplyTokenResponseContext context)
    {
        var http = context.Transaction.GetHttpRequest()!.HttpContext;
        var answer = context.Response;
        if (http.Items.TryGetValue(StatusKey, out var status))
            http.Response.StatusCode = (int)status!;
        // Links to OpenIddict's documentation say nothing to a client of this product.
        answer.ErrorUri = null;
        if (answer.Error == OAuthErrors.UnsupportedGrantType)
            answer.ErrorDescription = "Unsupported grant_type";
        if (answer.Error is null)
            answer.Scope = $"{Scopes.Email} {Scopes.Profile}";
        return ValueTask.CompletedTask;
    }

    public void Reused(string user) => RefreshReused(logger, user);

    [LoggerMessage(LogLevel.Warning, "A refresh token of user {User} came twice: its session has ended for whoever has it")]
    private static partial void RefreshReused(ILogger logger, string user);

    // The name stays out of the log: people type passwords into that field.
    [LoggerMessage(LogLevel.Warning, "Sign-in from {Address} refused: {Outcome}")]
    private static partial void SignInRefused(ILogger logger, string address, string outcome);
}
