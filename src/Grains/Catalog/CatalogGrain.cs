using Google.Protobuf;
using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.CloudCredentials;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Organizations;
using PxBackup.Grains.Records;
using PxBackup.Grains.Restores;

namespace PxBackup.Grains.Catalog;

/// <summary>Answers lists and name look-ups from the record store. What the store hands out is this grain's own to change.</summary>
[StatelessWorker, GrainType("catalog")]
internal sealed class CatalogGrain(IRecordStore store) : Grain, ICatalogGrain
{
    // An organization is some 300 bytes, its name 63 at most: 10,000 are 3 MB in one answer. Only administrators make them.
    private const int MostOrganizations = 10_000;

    private readonly CatalogReader _reader = new(store);

    public Task<ResolvedObject> ResolveAsync(ObjectKind kind, string orgId, string name, string uid, Caller caller, CancellationToken cancellationToken)
    {
        var org = orgId.Length > 0 ? orgId : ObjectKey.DefaultOrg;
        var key = new ObjectKey(org, uid);
        return kind switch
        {
            ObjectKind.CloudCredential => FindAsync<CloudCredentialRecord>(GrainFactory.CloudCredential, record => record.CloudCredential.Metadata),
            ObjectKind.BackupLocation => FindAsync<BackupLocationRecord>(GrainFactory.BackupLocation, record => record.BackupLocation.Metadata),
            ObjectKind.Cluster => FindAsync<ClusterRecord>(GrainFactory.Cluster, record => record.Cluster.Metadata),
            ObjectKind.Backup => FindAsync<BackupRecord>(GrainFactory.Backup, record => record.Backup.Metadata),
            ObjectKind.Restore => FindAsync<RestoreRecord>(GrainFactory.Restore, record => record.Restore.Metadata),
            // Kinds without records have no objects.
            _ => throw DomainException.NotFound(kind, name.Length > 0 ? name : uid),
        };

        // The object itself knows what its uid stands for; a name is known to the store alone.
        Task<ResolvedObject> FindAsync<T>(Func<ObjectKey, IObjectGrain> grainOf, Func<T, Metadata> metadataOf)
            where T : class, IMessage<T>, new() =>
            uid.Length > 0 ? grainOf(key).ResolveAsync(name, caller, cancellationToken) : _reader.ResolveAsync(kind, org, name, metadataOf, caller, cancellationToken);
    }

    public async Task<OrganizationEnumerateResponse> EnumerateAsync(OrganizationEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        // Every caller sees every organization; their records rest in one of their own.
        var query = new RecordQuery { Kind = ObjectKind.Organization, OrgId = "system", SortBy = RecordSort.Name, Descending = false, Limit = MostOrganizations };
        var page = await store.QueryAsync<OrganizationRecord>(query, cancellationToken).OrUnavailableAsync();
        if (page.TotalCount > MostOrganizations)
            throw new DomainException(ErrorReason.LimitReached, $"there are {page.TotalCount} organizations; a list of them can say neither that it is cut nor where it goes on, and holds at most {MostOrganizations}");
        return new() { Organizations = { page.Items.Select(item => item.Body.Organization) } };
    }

    public async Task<CloudCredentialEnumerateResponse> EnumerateAsync(CloudCredentialEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var list = await _reader.ListAsync<CloudCredentialRecord, CloudCredentialObject>(
            BackupLocationQueries.Of(request, caller), record => record.CloudCredential, filter: null, cancellationToken);
        BlankUnless(request.IncludeSecrets, list, credential => credential.Metadata, caller);
        return new() { CloudCredentials = { list.Objects }, TotalCount = list.TotalCount, Complete = list.IsComplete };
    }

    public async Task<BackupLocationEnumerateResponse> EnumerateAsync(BackupLocationEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var credentials = await UidsAsync<CloudCredentialRecord>(ObjectKind.CloudCredential, request.OrgId, caller, cancellationToken, Ref(request.CloudCredentialRef, request.CloudCredential));
        var clusters = await UidsAsync<ClusterRecord>(ObjectKind.Cluster, request.OrgId, caller, cancellationToken, request.ClusterRef);
        var list = await _reader.ListAsync<BackupLocationRecord, BackupLocationObject>(
            BackupLocationQueries.Of(request, caller, credentials, clusters), record => record.BackupLocation, filter: null, cancellationToken);
        BlankUnless(request.IncludeSecrets, list, location => location.Metadata, caller);
        return new() { BackupLocations = { list.Objects }, TotalCount = list.TotalCount, Complete = list.IsComplete };
    }

    public async Task<ClusterEnumerateResponse> EnumerateAsync(ClusterEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var credentials = await UidsAsync<CloudCredentialRecord>(ObjectKind.CloudCredential, request.OrgId, caller, cancellationToken, Ref(request.CloudCredentialRef, request.CloudCredential));
        var locations = await UidsAsync<BackupLocationRecord>(ObjectKind.BackupLocation, request.OrgId, caller, cancellationToken, request.BackupLocationRef);
        var list = await _reader.ListAsync<ClusterRecord, ClusterObject>(
            ClusterQueries.Of(request, caller, credentials, locations), record => record.Cluster, ClusterQueries.BodyFilter(request), cancellationToken);
        BlankUnless(request.IncludeSecrets, list, cluster => cluster.Metadata, caller);
        return new() { Clusters = { list.Objects }, TotalCount = list.TotalCount, Complete = list.IsComplete };
    }

    public async Task<BackupEnumerateResponse> EnumerateAsync(BackupEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var list = await _reader.ListAsync<BackupRecord, BackupObject>(
            BackupQueries.Of(request, caller, ReferencesOf(request.EnumerateOptions)), record => record.Backup, BackupQueries.BodyFilter(request), cancellationToken);
        foreach (var backup in list.Objects.Where(backup => LeavesOutResources(request.EnumerateOptions, backup)))
            BackupQueries.LeaveOutResources(backup.BackupInfo);

        return new() { Backups = { list.Objects }, TotalCount = list.TotalCount, Complete = list.IsComplete };
    }

    public async Task<RestoreEnumerateResponse> EnumerateAsync(RestoreEnumerateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var list = await _reader.ListAsync<RestoreRecord, RestoreObject>(
            BackupQueries.Of(request, caller, ReferencesOf(request.EnumerateOptions)), record => record.Restore, filter: null, cancellationToken);
        foreach (var restore in list.Objects.Where(restore => LeavesOutResources(request.EnumerateOptions, restore)))
            BackupQueries.LeaveOutResources(restore.RestoreInfo);

        return new() { Restores = { list.Objects }, TotalCount = list.TotalCount, Complete = list.IsComplete };
    }

    // One object larger than a whole answer would push all others out of the list: its resources are Inspect's to show.
    private static bool LeavesOutResources(EnumerateOptions? options, IMessage item) =>
        options is not { IncludeDetailedResources: true } || item.CalculateSize() > CatalogReader.MostBytes;

    private static void BlankUnless<T>(bool secrets, CatalogPage<T> list, Func<T, Metadata> metadataOf, Caller caller)
        where T : IMessage
    {
        foreach (var item in list.Objects.Where(item => !secrets || !AccessRules.MaySeeSecrets(metadataOf(item), caller)))
            SecretFields.Blank(item);
    }

    // The reference goes before the older field that holds a name.
    private static ObjectRef Ref(ObjectRef? reference, string name) =>
        reference is { Name.Length: > 0 } or { Uid.Length: > 0 } ? reference : new ObjectRef { Name = name };

    private Task<IReadOnlyCollection<string>?> UidsAsync<T>(ObjectKind kind, string orgId, Caller caller, CancellationToken cancellationToken, params IEnumerable<ObjectRef?> references)
        where T : class, IMessage<T>, new() =>
        _reader.UidsAsync<T>(ListOptions.Visible(kind, orgId, caller), references, cancellationToken);

    // Schedules and policies have no records, so that a name stands for none.
    private static OptionReferences ReferencesOf(EnumerateOptions? options) => options is null ? new() : new()
    {
        SchedulePolicies = CatalogReader.GivenUids(options.SchedulePolicyRef),
        BackupSchedules = CatalogReader.GivenUids(options.BackupScheduleRef),
        VolumePolicies = CatalogReader.GivenUids(options.VolumeResourceOnlyPolicyRef),
    };
}
