using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Lists;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Clusters;

/// <summary>The service <c>Cluster</c>. What it does not override answers Unimplemented.</summary>
internal sealed class ClusterService(IGrainFactory grains, IReferences references, ListReader lists) : Api.Cluster.ClusterBase
{
    public override async Task<ClusterCreateResponse> Create(ClusterCreateRequest request, ServerCallContext context)
    {
        var (caller, org) = (context.Caller(), request.Validated().Metadata.OrgId);
        request.CloudCredentialRef = await references.ResolveAsync(
            ObjectKind.CloudCredential, org, request.CloudCredentialRef, request.CloudCredential, caller, context.CancellationToken);
        request.CloudCredential = request.CloudCredentialRef?.Name ?? "";
        var key = await references.NewKeyAsync(ObjectKind.Cluster, request.Metadata, context);
        return new() { Cluster = await grains.Cluster(key).CreateAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<ClusterUpdateResponse> Update(ClusterUpdateRequest request, ServerCallContext context)
    {
        var (caller, metadata) = (context.Caller(), request.Validated().Metadata);
        request.CloudCredentialRef = await references.ResolveAsync(
            ObjectKind.CloudCredential, metadata.OrgId, request.CloudCredentialRef, request.CloudCredential, caller, context.CancellationToken);
        request.CloudCredential = request.CloudCredentialRef?.Name ?? "";
        var key = await references.KeyAsync(ObjectKind.Cluster, metadata.OrgId, metadata.Name, metadata.Uid, caller, context.CancellationToken);
        await grains.Cluster(key).UpdateAsync(request, caller, context.CancellationToken);
        return new();
    }

    public override Task<ClusterEnumerateResponse> Enumerate(ClusterEnumerateRequest request, ServerCallContext context) =>
        lists.ReadAsync(ListShapes.Clusters, request.Validated(), context, (catalog, portion, caller, cancelled) => catalog.EnumerateAsync(portion, caller, cancelled));

    public override async Task<ClusterInspectResponse> Inspect(ClusterInspectRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.Cluster, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        return new() { Cluster = await grains.Cluster(key).InspectAsync(request, caller, context.CancellationToken) };
    }

    public override async Task<ClusterDeleteResponse> Delete(ClusterDeleteRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        request.Validated();
        var key = await references.KeyAsync(ObjectKind.Cluster, request.OrgId, request.Name, request.Uid, caller, context.CancellationToken);
        await grains.Cluster(key).DeleteAsync(request, caller, context.CancellationToken);
        return new();
    }
}
