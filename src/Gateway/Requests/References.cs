using Orleans;
using PxBackup.Api;
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

    public async ValueTask<ObjectKey> NewKeyAsync(CreateMetadata metadata, Caller caller, CancellationToken cancellationToken)
    {
        // The organization "default" exists from the first start; any other must have been created.
        if (metadata.OrgId != ObjectKey.DefaultOrg)
            await grains.Organization(metadata.OrgId).InspectAsync(caller, cancellationToken);
        metadata.Uid = UidOf(metadata);
        return new ObjectKey(metadata.OrgId, metadata.Uid);
    }

    /// <summary>The one place where a new object's uid is chosen: the client's, or a new UUID.</summary>
    private static string UidOf(CreateMetadata metadata) => metadata.Uid.Length > 0 ? metadata.Uid : Guid.NewGuid().ToString();

    private async Task<ObjectKey> LookUpAsync(ObjectKind kind, string orgId, string name, Caller caller, CancellationToken cancellationToken) =>
        (await grains.Catalog().ResolveAsync(kind, orgId, name, "", caller, cancellationToken)).Key;
}
