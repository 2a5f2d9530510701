using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Restores;

/// <summary>The service <c>Restore</c>.</summary>
internal sealed class RestoreService(IGrainFactory grains, IReferences references, ListReader lists) : Api.Restore.RestoreBase
{
    public override async Task<RestoreCreateResponse> Create(RestoreCreateRequest request, ServerCallContext context)
    {
        var (caller, org) = (context.Caller(), request.Validated().Metadata.OrgId);
        request.BackupRef = await references.ResolveAsync(ObjectKind.Backup, org, request.BackupRef, request.Backup, caller, context.CancellationToken);
        request.Backup = request.BackupRef!.Name;
        request.ClusterRef = await references.ResolveAsync(ObjectKind.Cluster, org, request.ClusterRef, request.Cluster, caller, context.CancellationToken);
        request.Cluster = request.ClusterRef!.Name;
        var key = await references.NewKeyAsync(ObjectKind.Restore, request.Metadata, context);
        return new() { Restore = await grains.Restore(key).CreateAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<RestoreUpdateResponse> Update(RestoreUpdateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        var key = await references.KeyAsync(ObjectKind.Restore, metadata.OrgId, metadata.Name, metadata.Uid, caller, context.CancellationToken);
        await grains.Restore(key).UpdateAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override Task<RestoreEnumerateResponse> Enumerate(RestoreEnumerateRequest request, ServerCallContext context) =>
        lists.ReadAsync(ListShapes.Restores, request.Validated(), context, (catalog, portion, caller, cancelled) => catalog.EnumerateAsync(portion, caller, cancelled));

    public override async Task<RestoreInspectResponse> Inspect(RestoreInspectRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.Restore, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        return new() { Restore = (await grains.Restore(key).InspectAsync(request, caller, CancellationToken.None)).Value };
    }

    public override async Task<RestoreDeleteResponse> Delete(RestoreDeleteRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.Restore, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.Restore(key).DeleteAsync(request, caller, context.CancellationToken);
        return new();
    }
}
