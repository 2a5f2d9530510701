using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.BackupLocations;

/// <summary>The service <c>BackupLocation</c>. What it does not override answers Unimplemented.</summary>
internal sealed class BackupLocationService(IGrainFactory grains, IReferences references, ListReader lists) : Api.BackupLocation.BackupLocationBase
{
    public override async Task<BackupLocationCreateResponse> Create(BackupLocationCreateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        await ResolveCredentialAsync(metadata.OrgId, request.BackupLocation, caller, context.CancellationToken);
        var key = await references.NewKeyAsync(ObjectKind.BackupLocation, metadata, context);
        return new() { BackupLocation = await grains.BackupLocation(key).CreateAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<BackupLocationUpdateResponse> Update(BackupLocationUpdateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        await ResolveCredentialAsync(metadata.OrgId, request.BackupLocation, caller, context.CancellationToken);
        var key = await references.KeyAsync(ObjectKind.BackupLocation, metadata.OrgId, metadata.Name, metadata.Uid, caller, context.CancellationToken);
        await grains.BackupLocation(key).UpdateAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override Task<BackupLocationEnumerateResponse> Enumerate(BackupLocationEnumerateRequest request, ServerCallContext context) =>
        lists.ReadAsync(ListShapes.BackupLocations, request.Validated(), context, (catalog, portion, caller, cancelled) => catalog.EnumerateAsync(portion, caller, cancelled));

    public override async Task<BackupLocationInspectResponse> Inspect(BackupLocationInspectRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.BackupLocation, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        return new() { BackupLocation = await grains.BackupLocation(key).InspectAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<BackupLocationDeleteResponse> Delete(BackupLocationDeleteRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.BackupLocation, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.BackupLocation(key).DeleteAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override async Task<BackupLocationValidateResponse> Validate(BackupLocationValidateRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.BackupLocation, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.BackupLocation(key).ValidateAsync(request, caller, context.CancellationToken);
        return new();
    }

    private async Task ResolveCredentialAsync(string org, BackupLocationInfo? location, Caller caller, CancellationToken cancellationToken)
    {
        if (location is null)
            return;
        location.CloudCredentialRef = await references.ResolveAsync(
            ObjectKind.CloudCredential, org, location.CloudCredentialRef, location.CloudCredential, caller, cancellationToken);
        location.CloudCredential = location.CloudCredentialRef?.Name ?? "";
    }
}
