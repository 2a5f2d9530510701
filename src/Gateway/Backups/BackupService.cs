using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Backups;

/// <summary>The service <c>Backup</c>. What it does not override answers Unimplemented.</summary>
internal sealed class BackupService(IGrainFactory grains, IReferences references, ListReader lists) : Api.Backup.BackupBase
{
    public override async Task<BackupCreateResponse> Create(BackupCreateRequest request, ServerCallContext context)
    {
        var (caller, org) = (context.Caller(), request.Validated().Metadata.OrgId);
        // The cluster first: clients match its refusal, whatever else they cannot see.
        request.ClusterRef = await references.ResolveAsync(ObjectKind.Cluster, org, request.ClusterRef, request.Cluster, caller, context.CancellationToken);
        request.Cluster = request.ClusterRef!.Name;
        request.BackupLocationRef = await references.ResolveAsync(
            ObjectKind.BackupLocation, org, request.BackupLocationRef, request.BackupLocation, caller, context.CancellationToken);
        request.BackupLocation = request.BackupLocationRef!.Name;
        var key = await references.NewKeyAsync(ObjectKind.Backup, request.Metadata, context);
        return new() { Backup = await grains.Backup(key).CreateAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<BackupUpdateResponse> Update(BackupUpdateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        request.CloudCredentialRef = await references.ResolveAsync(
            ObjectKind.CloudCredential, metadata.OrgId, request.CloudCredentialRef, request.CloudCredential, caller, context.CancellationToken);
        request.CloudCredential = request.CloudCredentialRef?.Name ?? "";
        var key = await references.KeyAsync(ObjectKind.Backup, metadata.OrgId, metadata.Name, metadata.Uid, caller, context.CancellationToken);
        await grains.Backup(key).UpdateAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override Task<BackupEnumerateResponse> Enumerate(BackupEnumerateRequest request, ServerCallContext context) =>
        lists.ReadAsync(ListShapes.Backups, request.Validated(), context, (catalog, portion, caller, cancelled) => catalog.EnumerateAsync(portion, caller, cancelled));

    public override async Task<BackupInspectResponse> Inspect(BackupInspectRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.Backup, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        // Answered from the grain's memory: there is nothing to cancel, and a token that could be would be registered and taken back at every call.
        return new() { Backup = (await grains.Backup(key).InspectAsync(request, caller, CancellationToken.None)).Value };
    }

    public override async Task<BackupDeleteResponse> Delete(BackupDeleteRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        request.ClusterRef = await references.ResolveAsync(ObjectKind.Cluster, request.OrgId, request.ClusterRef, request.Cluster, caller, context.CancellationToken);
        request.Cluster = request.ClusterRef?.Name ?? "";
        var key = await references.KeyAsync(ObjectKind.Backup, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.Backup(key).DeleteAsync(request, caller, context.CancellationToken);
        return new();
    }
}
