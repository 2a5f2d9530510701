using Grpc.Core;
using Grpc.Core.Interceptors;
using Orleans;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// Says of a missing object that its name is right and its uid wrong, where the caller may see the object of that name. About what the
/// caller may not see nothing is said: the look is the caller's own look-up by name.
/// </summary>
internal sealed class WrongUidInterceptor(IGrainFactory grains) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound && e.Facts.ContainsKey("uid") && e.Facts.ContainsKey("name"))
        {
            throw await ExplainedAsync(e, context);
        }
    }

    private async Task<DomainException> ExplainedAsync(DomainException missing, ServerCallContext context)
    {
        var (name, org) = (missing.Facts["name"], missing.Facts.GetValueOrDefault("org", ObjectKey.DefaultOrg));
        if (Enum.GetValues<ObjectKind>().FirstOrDefault(kind => kind != ObjectKind.None && kind.Slug() == missing.Facts.GetValueOrDefault("kind")) is var kind && kind == ObjectKind.None)
            return missing;
        try
        {
            var found = await grains.Catalog().ResolveAsync(kind, org, name, "", context.Caller(), context.CancellationToken);
            return new(ErrorReason.NotFound, $"{missing.Message}: the {kind.Title()} of this name has uid {found.Key.Uid}, not {missing.Facts["uid"]}", missing) { Facts = missing.Facts };
        }
        catch (DomainException e) when (e.Reason == ErrorReason.AmbiguousName)
        {
            return new(ErrorReason.NotFound, $"{missing.Message}: there are several of this name, none with uid {missing.Facts["uid"]}", missing) { Facts = missing.Facts };
        }
        catch (DomainException)
        {
            return missing; // Neither the name nor the uid, or the store does not answer: the first answer is true all the same.
        }
    }
}
