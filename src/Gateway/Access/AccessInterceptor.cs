using Grpc.Core;
using Grpc.Core.Interceptors;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Access;

/// <summary>
/// Who may call: the token becomes a <see cref="Caller"/>, the table says whether that is enough (DESIGN D9). Runs for gRPC and REST
/// alike, inside <see cref="Errors.ErrorInterceptor"/>.
/// </summary>
internal sealed class AccessInterceptor(ITokenValidator tokens) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var row = RpcAccess.Of(context.Method);
        return row.Right == RpcRight.Anonymous ? continuation(request, context) : AuthorizedAsync(row, request, context, continuation);
    }

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(requestStream, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(request, responseStream, context);
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        OnlyAnonymous(context);
        return continuation(requestStream, responseStream, context);
    }

    private Task<TResponse> AuthorizedAsync<TRequest, TResponse>(
        RpcAccess.Row row, TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        where TRequest : class
        where TResponse : class
    {
        var validation = tokens.ValidateAsync(AuthorizationOf(context), context.CancellationToken);
        if (!validation.IsCompletedSuccessfully)
            return AfterValidationAsync(validation, row, request, context, continuation);
        // A token seen before, nearly every call: no state machine of ours stands around it.
        Authorize(row, validation.Result, context);
        return continuation(request, context);
    }

    private static async Task<TResponse> AfterValidationAsync<TRequest, TResponse>(
        ValueTask<CallerIdentity> validation, RpcAccess.Row row, TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        where TRequest : class
        where TResponse : class
    {
        CallerIdentity identity;
        try
        {
            identity = await validation;
        }
        catch (TokenException e)
        {
            throw e.IsUnavailable
                ? new DomainException(ErrorReason.Unreachable, "the identity provider does not answer, so no token can be checked; ask again", e)
                : new DomainException(ErrorReason.Unauthenticated, e.Message, e);
        }

        Authorize(row, identity, context);
        return await continuation(request, context);
    }

    private static void Authorize(RpcAccess.Row row, CallerIdentity identity, ServerCallContext context)
    {
        var caller = CallerOf(identity);
        if (row.Right == RpcRight.None || (row.Right == RpcRight.SuperAdmin && !caller.IsSuperAdmin))
            throw Denied(row);
        context.SetCaller(caller);
    }

    // The HTTP header itself: reading the call's metadata would copy all headers of every call. REST may bring it as
    // Grpc-Metadata-Authorization too, which only the metadata shows.
    private static string? AuthorizationOf(ServerCallContext context) =>
        context.GetHttpContext().Request.Headers.Authorization is { Count: 1 } header ? header[0] : context.RequestHeaders.GetValue("authorization");

    private static void OnlyAnonymous(ServerCallContext context)
    {
        // The contract has no streams; the server's own (health, reflection) are open to everybody.
        var row = RpcAccess.Of(context.Method);
        if (row.Right != RpcRight.Anonymous)
            throw Denied(row);
    }

    private static DomainException Denied(RpcAccess.Row row) =>
        new(ErrorReason.PermissionDenied, $"Access denied for [Resource: {row.Resource}]");

    private static Caller CallerOf(CallerIdentity identity) => new()
    {
        UserId = identity.Subject,
        UserName = identity.PreferredUsername,
        Groups = identity.Groups,
        Roles = identity.Roles,
        IsSuperAdmin = identity.IsSuperAdmin,
    };
}
