using Xunit;
using PxBackup.Api;
using PxBackup.Grains.CloudCredentials;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using static PxBackup.Tests.InProcess.GrainCluster;

namespace PxBackup.Tests.InProcess.Organizations;

[Collection(GrainCluster.Name)]
public sealed class OrganizationGrainTests(GrainCluster cluster)
{
    private readonly string _name = "org-" + Guid.NewGuid();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_an_administrator_creates_and_deletes_organizations()
    {
        var create = await Assert.ThrowsAsync<DomainException>(() => CreateAsync(Ann));
        await CreateAsync(Admin);
        var delete = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.Organization(_name).DeleteAsync(Ann, Token));

        Assert.Equal((ErrorReason.PermissionDenied, "Access denied for [Resource: organization]"), (create.Reason, create.Message));
        Assert.Equal(ErrorReason.PermissionDenied, delete.Reason);
    }

    [Fact]
    public async Task A_second_organization_of_a_name_already_exists()
    {
        await CreateAsync(Admin);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => CreateAsync(Admin));

        Assert.Equal((ErrorReason.AlreadyExists, $"organization [{_name}] already exists"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task Everybody_sees_an_organization_and_it_is_gone_once_deleted()
    {
        await CreateAsync(Admin);

        var seen = await cluster.Grains.Organization(_name).InspectAsync(Bob, Token);
        await cluster.Grains.Organization(_name).DeleteAsync(Admin, Token);
        var missing = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.Organization(_name).InspectAsync(Bob, Token));

        Assert.Equal(_name, seen.Metadata.Name);
        Assert.Equal($"failed to retrieve organization [{_name}]: object not found", missing.Message);
    }

    [Fact]
    public async Task The_default_organization_is_made_once_and_stays()
    {
        await cluster.Grains.Organization("default").EnsureAsync(Token);
        await cluster.Grains.Organization("default").EnsureAsync(Token);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.Organization("default").DeleteAsync(Admin, Token));
        var again = await Assert.ThrowsAsync<DomainException>(() =>
            cluster.Grains.Organization("default").CreateAsync(new() { Metadata = new() { Name = "default" } }, Admin, Token));

        Assert.Equal((ErrorReason.WrongState, ErrorReason.AlreadyExists), (refusal.Reason, again.Reason));
        Assert.Equal(1, cluster.Store.Find<PxBackup.Grains.Organizations.OrganizationRecord>(new(ObjectKind.Organization, "system", "default"))!.Version);
    }

    [Fact]
    public async Task An_organization_that_holds_objects_is_not_deleted()
    {
        await CreateAsync(Admin);
        var held = new RecordKey(ObjectKind.CloudCredential, _name, "c");
        await cluster.Store.InsertAsync(held, new CloudCredentialRecord(), new RecordIndex { Name = "c", Owner = "ann", CreatedAt = default, UpdatedAt = default });

        var refusal = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.Organization(_name).DeleteAsync(Admin, Token));

        Assert.Equal((ErrorReason.WrongState, $"organization [{_name}] holds 1 objects of kind cloud credential; delete them first"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task The_list_shows_every_organization_to_everybody()
    {
        await CreateAsync(Admin);

        var list = await cluster.Grains.Catalog().EnumerateAsync(new OrganizationEnumerateRequest(), Bob, Token);

        Assert.Contains(_name, list.Organizations.Select(organization => organization.Metadata.Name));
    }

    private Task CreateAsync(PxBackup.Grains.Interfaces.Access.Caller caller) =>
        cluster.Grains.Organization(_name).CreateAsync(new() { Metadata = new() { Name = _name } }, caller, Token);
}
