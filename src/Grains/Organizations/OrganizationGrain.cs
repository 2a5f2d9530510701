using PxBackup.Api;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Organizations;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Organizations;

[GrainType("organization")]
internal sealed class OrganizationGrain() : RecordGrain<OrganizationRecord>(ObjectKind.Organization), IOrganizationGrain
{
    public Task CreateAsync(OrganizationCreateRequest request, Caller caller, CancellationToken cancellationToken) =>
        ChangeAsync(record => OrganizationRules.Create(record, request, Key, caller, Time.GetUtcNow()));

    public Task<OrganizationObject> InspectAsync(Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(Existing().Organization);

    public async Task DeleteAsync(Caller caller, CancellationToken cancellationToken)
    {
        OrganizationRules.CheckDelete(Key, caller);
        _ = Existing();
        foreach (var kind in Enum.GetValues<ObjectKind>().Where(kind => kind is not (ObjectKind.None or ObjectKind.Organization or ObjectKind.LeftOvers)))
        {
            var held = new RecordQuery { Kind = kind, OrgId = Key.Uid };
            OrganizationRules.CheckEmpty(Key, kind, await Store.CountAsync(held, cancellationToken).OrUnavailableAsync());
        }

        await RemoveAsync();
    }

    public Task EnsureAsync(CancellationToken cancellationToken) =>
        ChangeAsync(record => OrganizationRules.Ensure(record, Key, Time.GetUtcNow()));

    protected override RecordIndex IndexOf(OrganizationRecord record) => OrganizationRules.IndexOf(record);

    protected override Metadata MetadataOf(OrganizationRecord record) => record.Organization.Metadata;

    private OrganizationRecord Existing()
    {
        if (Record is { } record)
            return record;
        DeactivateOnIdle(); // Anybody may ask for any name: one that stands for nothing must not stay in memory.
        throw DomainException.NotFound(ObjectKind.Organization, Key.Uid);
    }
}
