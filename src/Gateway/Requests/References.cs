using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Requests;

/// <inheritdoc cref="IReferences" />
internal sealed class References(IGrainFactory grains) : IReferences
{
    public ValueTask<ObjectKey> KeyAsync(ObjectKind kind, string orgId, string name, string uid, Caller caller, CancellationToken cancellationToken) =>
        uid.Length > 0 ? new(new ObjectKey(orgId, uid)) : new(LookUpAsync(kind, orgId, name, caller, cancellationToken));

    public async ValueTask<ObjectRef?> ResolveAsync(
        ObjectKind kind, string orgId, ObjectRef? reference, string deprecatedName, Caller caller, CancellationToken cancellationToken)
    {
        if (reference.IsNone() && deprecatedName.Length == 0)
            return null;
        var (name, uid) = reference is null || reference.IsNone() ? (deprecatedName, "") : (reference.Name, reference.Uid);
        var found = await grains.Catalog().ResolveAsync(kind, orgId, name, uid, caller, cancellationToken);
        return new ObjectRef { Name = found.Name, Uid = found.Key.Uid };
    }

    // Not async itself: what is announced here is meant for the calls that the caller makes next.
    public ValueTask<ObjectKey> NewKeyAsync(ObjectKind kind, CreateMetadata metadata, ServerCallContext context)
    {
        var key = ChosenKey(kind, metadata, context);
        metadata.Uid = key.Uid;
        // The organization "default" exists from the first start; any other must have been created.
        return key.OrgId == ObjectKey.DefaultOrg ? new(key) : new(WithOrganizationAsync(key, context));
    }

    private async Task<ObjectKey> WithOrganizationAsync(ObjectKey key, ServerCallContext context)
    {
        await grains.Organization(key.OrgId).InspectAsync(context.Caller(), context.CancellationToken);
        return key;
    }

    /// <summary>The one place where a new object's uid is chosen.</summary>
    private static ObjectKey ChosenKey(ObjectKind kind, CreateMetadata metadata, ServerCallContext context)
    {
        if (metadata.Uid.Length > 0)
            return new ObjectKey(metadata.OrgId, metadata.Uid);
        if (IdempotencyKey.Of(context) is { } idempotencyKey)
            return new ObjectKey(metadata.OrgId, IdempotencyKey.UidFor(kind, metadata.OrgId, context.Caller().UserId, idempotencyKey));
        var made = new ObjectKey(metadata.OrgId, Guid.NewGuid().ToString());
        NewUid.Announce(made);
        return made;
    }

    private async Task<ObjectKey> LookUpAsync(ObjectKind kind, string orgId, string name, Caller caller, CancellationToken cancellationToken) =>
        (await grains.Catalog().ResolveAsync(kind, orgId, name, "", caller, cancellationToken)).Key;
}
