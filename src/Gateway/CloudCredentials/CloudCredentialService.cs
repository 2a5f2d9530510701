using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.CloudCredentials;

/// <summary>The service <c>CloudCredential</c>. What it does not override answers Unimplemented.</summary>
internal sealed class CloudCredentialService(IGrainFactory grains, IReferences references, ListReader lists) : Api.CloudCredential.CloudCredentialBase
{
    public override async Task<CloudCredentialCreateResponse> Create(CloudCredentialCreateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        var key = await references.NewKeyAsync(ObjectKind.CloudCredential, metadata, context);
        return new() { CloudCredential = await grains.CloudCredential(key).CreateAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<CloudCredentialUpdateResponse> Update(CloudCredentialUpdateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        var key = await references.KeyAsync(ObjectKind.CloudCredential, metadata.OrgId, metadata.Name, metadata.Uid, caller, context.CancellationToken);
        await grains.CloudCredential(key).UpdateAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override Task<CloudCredentialEnumerateResponse> Enumerate(CloudCredentialEnumerateRequest request, ServerCallContext context) =>
        lists.ReadAsync(ListShapes.CloudCredentials, request.Validated(), context, (catalog, portion, caller, cancelled) => catalog.EnumerateAsync(portion, caller, cancelled));

    public override async Task<CloudCredentialInspectResponse> Inspect(CloudCredentialInspectRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.CloudCredential, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        return new() { CloudCredential = await grains.CloudCredential(key).InspectAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<CloudCredentialDeleteResponse> Delete(CloudCredentialDeleteRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.CloudCredential, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.CloudCredential(key).DeleteAsync(request, caller, context.CancellationToken);
        return new();
    }
}
