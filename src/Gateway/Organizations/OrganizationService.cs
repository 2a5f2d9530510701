using Grpc.Core;
using Orleans;
using PxBackup.Api;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Organizations;

/// <summary>The service <c>Organization</c>. Its objects are named, not numbered: the key is the name.</summary>
internal sealed class OrganizationService(IGrainFactory grains) : Api.Organization.OrganizationBase
{
    public override async Task<OrganizationCreateResponse> Create(OrganizationCreateRequest request, ServerCallContext context)
    {
        await grains.Organization(request.Validated().Metadata.Name).CreateAsync(request, context.Caller(), context.CancellationToken);
        return new();
    }

    public override Task<OrganizationEnumerateResponse> Enumerate(OrganizationEnumerateRequest request, ServerCallContext context) =>
        grains.Catalog().EnumerateAsync(request, context.Caller(), context.CancellationToken);

    public override async Task<OrganizationInspectResponse> Inspect(OrganizationInspectRequest request, ServerCallContext context) =>
        new() { Organization = await grains.Organization(request.Validated().Name).InspectAsync(context.Caller(), context.CancellationToken) };

    public override async Task<OrganizationDeleteResponse> Delete(OrganizationDeleteRequest request, ServerCallContext context)
    {
        await grains.Organization(request.Validated().Name).DeleteAsync(context.Caller(), context.CancellationToken);
        return new();
    }
}
