using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>The part of Keycloak's admin REST that clients of the product call. Everything needs an administrator's token.</summary>
internal static class AdminApi
{
    private const int LargestBody = 64 * 1024;

    public static void Map(RouteGroupBuilder realm)
    {
        AdminUsers.Map(realm);
        AdminRoles.Map(realm);
        AdminGroups.Map(realm);
        realm.Map("/{**rest}", Guarded(static (_, _) => throw new AdminRefusal(
            StatusCodes.Status501NotImplemented, "the embedded identity provider does not serve this path; use an external Keycloak for it")));
    }

    /// <summary>A handler behind the check for an administrator; what it refuses becomes an answer in Keycloak's form.</summary>
    public static RequestDelegate Guarded(Func<HttpContext, UserDirectory, Task> handle) => async context =>
    {
        try
        {
            await AuthorizeAsync(context).ConfigureAwait(false);
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
                limit.MaxRequestBodySize = LargestBody;
            await handle(context, context.RequestServices.GetRequiredService<EmbeddedIdentity>().Users).ConfigureAwait(false);
        }
        catch (AdminRefusal refusal)
        {
            context.Response.StatusCode = refusal.Status;
            await context.Response.WriteAsJsonAsync(refusal.Body, AdminJson.Default.AdminError).ConfigureAwait(false);
        }
    };

    public static Task AnswerAsync<T>(HttpContext context, T body, JsonTypeInfo<T> type) => context.Response.WriteAsJsonAsync(body, type);

    public static void Done(HttpContext context) => context.Response.StatusCode = StatusCodes.Status204NoContent;

    public static void Created(HttpContext context, string id)
    {
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.Location = $"{context.Request.Path}/{Uri.EscapeDataString(id)}";
    }

    public static string Route(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;

    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            var body = await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted).ConfigureAwait(false);
            return body ?? throw new AdminRefusal(StatusCodes.Status400BadRequest, "the body is null");
        }
        catch (JsonException wrong)
        {
            throw new AdminRefusal(StatusCodes.Status400BadRequest, $"the body is not the JSON expected here ({wrong.Path ?? "$"})");
        }
        catch (BadHttpRequestException large)
        {
            throw new AdminRefusal(large.StatusCode, "the body is too large or incomplete");
        }
    }

    private static async Task AuthorizeAsync(HttpContext context)
    {
        CallerIdentity caller;
        try
        {
            var validator = context.RequestServices.GetRequiredService<ITokenValidator>();
            caller = await validator.ValidateAsync(AuthorizationHeader.Of(context.Request), context.RequestAborted).ConfigureAwait(false);
        }
        catch (TokenException refused)
        {
            throw new AdminRefusal(
                refused.IsUnavailable ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status401Unauthorized, $"HTTP 401 Unauthorized: {refused.Message}");
        }
        if (!caller.IsSuperAdmin)
            throw new AdminRefusal(StatusCodes.Status403Forbidden, "HTTP 403 Forbidden: only members of px-admin-group and holders of px-backup-super.admin may do this");
    }
}

/// <summary>An answer other than success. Keycloak calls the text <c>errorMessage</c> where a representation is at fault.</summary>
internal sealed class AdminRefusal(int status, string text) : Exception(text)
{
    public int Status => status;

    public AdminError Body => status is StatusCodes.Status400BadRequest or StatusCodes.Status409Conflict
        ? new() { ErrorMessage = Message } : new() { Error = Message };

    public static AdminRefusal NotFound(string what) => new(StatusCodes.Status404NotFound, $"{what} not found");
}
