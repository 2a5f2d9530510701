using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.CloudCredentials;
using PxBackup.Grains.Records;
using Level = PxBackup.Api.Ownership.Types.AccessType;

namespace PxBackup.Grains.CloudCredentials;

[GrainType("cloudcredential")]
internal sealed class CloudCredentialGrain() : RecordGrain<CloudCredentialRecord>(ObjectKind.CloudCredential), ICloudCredentialGrain
{
    public async Task<CloudCredentialObject> CreateAsync(CloudCredentialCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var record = await ChangeAsync(record => CloudCredentialRules.Create(record, request, Key, caller, Time.GetUtcNow()));
        return Blank(record.CloudCredential);
    }

    public Task UpdateAsync(CloudCredentialUpdateRequest request, Caller caller, CancellationToken cancellationToken) =>
        ChangeAsync(_ => CloudCredentialRules.Update(Visible(caller, request.Metadata.Name, Level.Write), request, Time.GetUtcNow()));

    public Task<CloudCredentialObject> InspectAsync(CloudCredentialInspectRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var credential = Visible(caller, request.Name).CloudCredential;
        return Task.FromResult(request.IncludeSecrets && AccessRules.MaySeeSecrets(credential.Metadata, caller) ? credential : Blank(credential));
    }

    public async Task DeleteAsync(CloudCredentialDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (await RemoveUnreadableAsync(request.Name, caller))
            return;
        var metadata = Visible(caller, request.Name, Level.Admin).CloudCredential.Metadata;
        CloudCredentialRules.CheckUnused(metadata, ObjectKind.BackupLocation,
            await UserAsync<BackupLocationRecord>(ObjectKind.BackupLocation, record => record.BackupLocation.Metadata, cancellationToken));
        CloudCredentialRules.CheckUnused(metadata, ObjectKind.Cluster,
            await UserAsync<ClusterRecord>(ObjectKind.Cluster, record => record.Cluster.Metadata, cancellationToken));
        await RemoveAsync();
    }

    public Task<CloudCredentialObject> UseAsync(Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(Visible(caller, "").CloudCredential);

    protected override RecordIndex IndexOf(CloudCredentialRecord record) => CloudCredentialRules.IndexOf(record);

    protected override Metadata MetadataOf(CloudCredentialRecord record) => record.CloudCredential.Metadata;

    private static CloudCredentialObject Blank(CloudCredentialObject credential)
    {
        var answer = credential.Clone();
        SecretFields.Blank(answer);
        return answer;
    }

    // The name of one object, whoever owns it, that refers to this credential.
    private async Task<string?> UserAsync<T>(ObjectKind kind, Func<T, Metadata> metadataOf, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var query = new RecordQuery { Kind = kind, OrgId = Key.OrgId, References = [[Key.Uid]], Limit = 1 };
        var page = await Store.QueryAsync<T>(query, cancellationToken).OrUnavailableAsync();
        return page.Items.Count > 0 ? metadataOf(page.Items[0].Body).Name : null;
    }
}
