using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Clusters;

/// <summary>The service <c>ResourceCollector</c>: which kinds a cluster's backups can hold.</summary>
internal sealed class ResourceCollectorService(IGrainFactory grains, IReferences references) : Api.ResourceCollector.ResourceCollectorBase
{
    public override async Task<ResourceTypeResponse> ResourceTypes(ResourceTypeRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        var cluster = request.Validated().ClusterRef;
        var key = await references.KeyAsync(ObjectKind.Cluster, request.OrgId, cluster.Name, cluster.Uid, caller, context.CancellationToken);
        return await grains.Cluster(key).ResourceTypesAsync(caller, context.CancellationToken);
    }
}
