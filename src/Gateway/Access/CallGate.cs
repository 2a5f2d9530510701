using Grpc.Core;
using Microsoft.AspNetCore.Http;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Access;

/// <summary>
/// Who may call, decided from a request's headers, before any of its body is read: the token becomes a <see cref="Caller"/>, the table says
/// whether that is enough (DESIGN D9). Stands in front of gRPC and REST; <see cref="AccessInterceptor"/> takes the caller from here.
/// </summary>
internal sealed class CallGate(ITokenValidator tokens)
{
    /// <summary>Lets the request pass and notes its caller.</summary>
    /// <param name="context">The request.</param>
    /// <param name="method">The method's path as gRPC names it.</param>
    /// <returns>The caller; null where the method is open to everybody.</returns>
    /// <exception cref="RpcException">Unauthenticated, PermissionDenied, Unavailable.</exception>
    public async ValueTask<Caller?> AdmitAsync(HttpContext context, string method)
    {
        try
        {
            return await ProveAsync(context, RpcAccess.Of(method));
        }
        catch (DomainException refusal)
        {
            throw ErrorDetails.ToRpc(refusal);
        }
    }

    /// <summary>The caller of a request that passed; proves it now where nobody has.</summary>
    /// <exception cref="DomainException">It may not call the method.</exception>
    public ValueTask<Caller?> ProveAsync(HttpContext context, RpcAccess.Row row)
    {
        if (row.Right == RpcRight.Anonymous)
            return default;
        if (context.Features.Get<Proven>() is { } proven)
            return new(Authorized(row, proven.Caller));
        ValueTask<CallerIdentity> validation;
        try
        {
            validation = tokens.ValidateAsync(AuthorizationHeader.Of(context.Request), context.RequestAborted);
        }
        catch (TokenException refused)
        {
            throw Refusal(refused);
        }

        // A token seen before, nearly every call: no state machine of ours stands around it.
        return validation.IsCompletedSuccessfully ? new(Noted(context, row, validation.Result)) : new(AfterValidationAsync(validation, context, row));
    }

    private static async Task<Caller?> AfterValidationAsync(ValueTask<CallerIdentity> validation, HttpContext context, RpcAccess.Row row)
    {
        try
        {
            return Noted(context, row, await validation);
        }
        catch (TokenException refused)
        {
            throw Refusal(refused);
        }
    }

    private static Caller Noted(HttpContext context, RpcAccess.Row row, CallerIdentity identity)
    {
        var caller = Authorized(row, new Caller
        {
            UserId = identity.Subject,
            UserName = identity.PreferredUsername,
            Groups = identity.Groups,
            Roles = identity.Roles,
            IsSuperAdmin = identity.IsSuperAdmin,
        });
        context.Features.Set(new Proven(caller));
        return caller;
    }

    private static Caller Authorized(RpcAccess.Row row, Caller caller) =>
        row.Right == RpcRight.None || (row.Right == RpcRight.SuperAdmin && !caller.IsSuperAdmin)
            ? throw new DomainException(ErrorReason.PermissionDenied, $"Access denied for [Resource: {row.Resource}]")
            : caller;

    private static DomainException Refusal(TokenException refused) => refused.IsUnavailable
        ? new(ErrorReason.Unreachable, "the identity provider does not answer, so no token can be checked; ask again", refused)
        : new(ErrorReason.Unauthenticated, refused.Message, refused);

    private sealed record Proven(Caller Caller);
}
