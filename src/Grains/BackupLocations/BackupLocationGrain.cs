using Microsoft.Extensions.Logging;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.CloudCredentials;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.ObjectStores;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using Level = PxBackup.Api.Ownership.Types.AccessType;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace PxBackup.Grains.BackupLocations;

[GrainType("backuplocation")]
internal sealed partial class BackupLocationGrain(IObjectStoreFactory stores, StoreGate gate)
    : RecordGrain<BackupLocationRecord>(ObjectKind.BackupLocation), IBackupLocationGrain
{
    /// <summary>Backups are read with their bodies: 20 at a time keeps a page of large ones in memory.</summary>
    private const int PageSize = 20;

    /// <summary>How often a deletion counts the backups it waits for: one indexed count.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    /// <summary>Doubts within this time after a validation say nothing new: a hundred backups fail alike.</summary>
    private static readonly TimeSpan DoubtAgainAfter = TimeSpan.FromMinutes(1);

    private static readonly string[] DeletionUnderWay = [ProtoNames.NameOf(BackupStatus.Deleting), ProtoNames.NameOf(BackupStatus.DeletePending)];

    private readonly CancellationTokenSource _leaving = new();
    private CancellationToken _left;
    private WorkLoop? _work;
    private DateTimeOffset? _doubtedAt;

    private WorkLoop Work => _work ??= new WorkLoop(this, StepAsync, ExplainAsync, Logger, Random);

    private RecordQuery MyBackups => new() { Kind = ObjectKind.Backup, OrgId = Key.OrgId, References = [[Key.Uid]] };

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _left = _leaving.Token;
        return base.OnActivateAsync(cancellationToken);
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _leaving.CancelAsync();
        await base.OnDeactivateAsync(reason, cancellationToken);
    }

    public override void Dispose()
    {
        _work?.Dispose();
        _leaving.Dispose();
        base.Dispose();
    }

    public async Task<BackupLocationObject> CreateAsync(BackupLocationCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (BackupLocationRules.Repeated(Record, request, Key, caller) is { } known)
            return Blank(known.BackupLocation);
        BackupLocationRules.Check(request.BackupLocation);
        var credential = await CredentialAsync(request.BackupLocation.CloudCredentialRef, caller, cancellationToken);
        BackupLocationRules.CheckCredential(credential);
        var next = BackupLocationRules.Create(request, credential, outcome: null, Key, caller, Time.GetUtcNow());
        if (request.BackupLocation.ValidateCloudCredential)
            next = await ValidNowAsync(next, credential, cancellationToken);
        var saved = await ChangeAsync(_ => next);
        if (BackupLocationRules.NeedsValidation(saved))
            Work.Go();
        return Blank(saved.BackupLocation);
    }

    public async Task UpdateAsync(BackupLocationUpdateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var record = Visible(caller, request.Metadata.Name, Level.Write);
        var reference = request.BackupLocation?.CloudCredentialRef is { Uid.Length: > 0 } given ? given : record.BackupLocation.BackupLocationInfo.CloudCredentialRef;
        var credential = await CredentialAsync(reference, BackupLocationRules.CredentialCaller(record, caller), cancellationToken);
        BackupLocationRules.CheckCredential(credential);
        var backups = await Store.CountAsync(MyBackups, cancellationToken).OrUnavailableAsync();
        ValidationOutcome? outcome = null;
        if (request.BackupLocation is { ValidateCloudCredential: true })
        {
            var wanted = BackupLocationRules.Update(record, request, credential, backups, Time.GetUtcNow());
            outcome = await OutcomeOrRefusalAsync(wanted, credential, cancellationToken);
        }

        // The loop may have finished a validation since: the change is made on what is true now.
        var saved = await ChangeAsync(_ => BackupLocationRules.Update(Visible(caller, request.Metadata.Name, Level.Write), request, credential, backups, Time.GetUtcNow()).WithOutcome(outcome));
        if (BackupLocationRules.NeedsValidation(saved))
            Work.Go();
    }

    public Task<BackupLocationObject> InspectAsync(BackupLocationInspectRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var location = Visible(caller, request.Name).BackupLocation;
        return Task.FromResult(request.IncludeSecrets && AccessRules.MaySeeSecrets(location.Metadata, caller) ? location : Blank(location));
    }

    public async Task DeleteAsync(BackupLocationDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (await RemoveUnreadableAsync(request.Name, caller))
            return;
        _ = Visible(caller, request.Name, Level.Admin);
        var schedules = await Store.CountAsync(MyBackups with { Kind = ObjectKind.BackupSchedule }, cancellationToken).OrUnavailableAsync();
        await ChangeAsync(_ => BackupLocationRules.Delete(Visible(caller, request.Name, Level.Admin), request.DeleteBackups, schedules, caller, Time.GetUtcNow()));
        LogDeletion(Logger, Key, request.DeleteBackups, caller.UserId);
        Work.Go();
    }

    public async Task ValidateAsync(BackupLocationValidateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        await ChangeAsync(_ => BackupLocationRules.Validate(Visible(caller, request.Name), Time.GetUtcNow()));
        Work.Go();
    }

    public async Task<OpenLocation> UseAsync(Caller caller, CancellationToken cancellationToken)
    {
        var record = Visible(caller, "");
        BackupLocationRules.CheckUse(record, caller);
        var credential = await CredentialAsync(record.BackupLocation.BackupLocationInfo.CloudCredentialRef, BackupLocationRules.CredentialCaller(record, caller), cancellationToken);
        return new()
        {
            Location = record.BackupLocation,
            Credential = credential,
            Revision = $"{record.Revision}.{CloudCredentialRules.RevisionOf(credential)}",
        };
    }

    public Task ToBePlacedAsync(string clusterUid, string clusterNamespace, CancellationToken cancellationToken)
    {
        _ = Visible(Caller.System, "");
        return AmendAsync(current => BackupLocationRules.ToBePlaced(current, clusterUid, clusterNamespace));
    }

    public async Task DoubtAsync(string why, CancellationToken cancellationToken)
    {
        if (Record is not { Deleting: false } || Time.GetUtcNow() < _doubtedAt + DoubtAgainAfter)
            return;
        _doubtedAt = Time.GetUtcNow();
        LogDoubted(Logger, Key, why);
        await AmendAsync(current => current.Deleting ? current : BackupLocationRules.Validate(current, Time.GetUtcNow()));
        Work.Go();
    }

    public Task WakeAsync(CancellationToken cancellationToken)
    {
        if (Record is not null)
            Work.Go();
        return Task.CompletedTask;
    }

    protected override RecordIndex IndexOf(BackupLocationRecord record) => BackupLocationRules.IndexOf(record);

    protected override Metadata MetadataOf(BackupLocationRecord record) => record.BackupLocation.Metadata;

    private static BackupLocationObject Blank(BackupLocationObject location)
    {
        var answer = location.Clone();
        SecretFields.Blank(answer);
        return answer;
    }

    private Task<CloudCredentialObject> CredentialAsync(ObjectRef reference, Caller caller, CancellationToken cancellationToken) =>
        GrainFactory.CloudCredential(new ObjectKey(Key.OrgId, reference.Uid)).UseAsync(caller, cancellationToken);

    private async Task<BackupLocationRecord> ValidNowAsync(BackupLocationRecord next, CloudCredentialObject credential, CancellationToken cancellationToken) =>
        next.WithOutcome(await OutcomeOrRefusalAsync(next, credential, cancellationToken));

    private async Task<ValidationOutcome> OutcomeOrRefusalAsync(BackupLocationRecord wanted, CloudCredentialObject credential, CancellationToken cancellationToken)
    {
        var location = wanted.BackupLocation;
        var outcome = await LocationValidation.RunAsync(stores, gate, AccessRules.OwnerOf(location.Metadata), S3Settings.Of(location, credential), Time, cancellationToken);
        return outcome.IsValid ? outcome : throw new DomainException(outcome.Refusal, $"failed to validate backup location [{location.Metadata.Name}]: {outcome.Reason}");
    }

    // One step of what is unfinished; beside the grain's calls (WorkLoop).
    private async Task<TimeSpan?> StepAsync()
    {
        if (Record is not { } record || _left.IsCancellationRequested)
            return null;
        try
        {
            if (record.Deleting)
                return await DeleteStepAsync(record);
            return BackupLocationRules.NeedsValidation(record) ? await ValidateStepAsync(record) : null;
        }
        catch (OperationCanceledException) when (_left.IsCancellationRequested)
        {
            return null; // The next activation goes on: the record is due.
        }
    }

    private async Task<TimeSpan?> ValidateStepAsync(BackupLocationRecord record)
    {
        var outcome = await OutcomeAsync(record);
        var next = await AmendAsync(current => BackupLocationRules.Validated(current, record.Revision, outcome));
        LogValidated(Logger, Key, next.BackupLocation.BackupLocationInfo.Status.Status, outcome.Reason);
        return next.Deleting || BackupLocationRules.NeedsValidation(next) ? TimeSpan.Zero : null;
    }

    // The control plane looks on its own account: what the caller may do was checked when it asked, and is again at each use.
    private async Task<ValidationOutcome> OutcomeAsync(BackupLocationRecord record)
    {
        var reference = record.BackupLocation.BackupLocationInfo.CloudCredentialRef;
        try
        {
            var credential = await CredentialAsync(reference, Caller.System, _left);
            return await LocationValidation.RunAsync(stores, gate, AccessRules.OwnerOf(record.BackupLocation.Metadata), S3Settings.Of(record.BackupLocation, credential), Time, _left);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.InvalidField)
        {
            return ValidationOutcome.Failed(e.Message);
        }
        catch (DomainException e) when (e.Reason is ErrorReason.NotFound or ErrorReason.WrongState)
        {
            return ValidationOutcome.Failed($"cloud credential [{reference.Name}] cannot be used: {e.Message}. Update the backup location with another cloud credential.");
        }
    }

    private async Task<TimeSpan?> DeleteStepAsync(BackupLocationRecord record)
    {
        var problem = "";
        var backups = await BackupsToAskAsync(record);
        record = await AmendAsync(current => backups.Aggregate(current, (next, backup) => BackupLocationRules.ToBePlaced(next, backup.Cluster, backup.Namespace)));
        foreach (var backup in backups)
        {
            try
            {
                await AskAsync(backup.Key, backup.Name, record.BackupLocation.BackupLocationInfo.DeleteBackups);
            }
            catch (DomainException e) when (e.Reason != ErrorReason.NotFound)
            {
                problem = $"backup [{backup.Name}]: {e.Message}";
            }
            catch (DomainException)
            {
                // It went in the meantime: what was wanted.
            }
        }

        var left = await Store.CountAsync(MyBackups, _left).OrUnavailableAsync();
        if (left > 0)
        {
            await AmendAsync(current => BackupLocationRules.Waiting(current, left, problem, Time.GetUtcNow()));
            return PollInterval;
        }

        await LeaveClustersAsync(record);
        await FailPoint.HitAsync("location.before-record-delete", Logger);
        await RemoveAsync();
        LogDeleted(Logger, Key, record.DeletedBy);
        return null;
    }

    // The bucket's credentials must not stay behind on clusters. Only those are asked where work with this location was placed: others are
    // other people's. One that does not answer now cannot hold up the deletion for ever: it is named in the log, and the cluster's own notes
    // have the copies removed when it answers again.
    private Task LeaveClustersAsync(BackupLocationRecord record) => Parallel.ForEachAsync(
        record.Placements.Where(placement => placement.ClusterUid.Length > 0),
        new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = _left, TaskScheduler = TaskScheduler.Current },
        async (placement, stop) =>
        {
            try
            {
                foreach (var call in StorkLocations.Remove(record.BackupLocation.Metadata, placement.Namespace))
                    await GrainFactory.Cluster(new ObjectKey(Key.OrgId, placement.ClusterUid)).CallAsync(call, stop);
            }
            catch (DomainException gone) when (gone.Reason == ErrorReason.NotFound)
            {
                // The cluster was removed, and what was placed there with it.
            }
            catch (DomainException e)
            {
                LogLeftBehind(Logger, Key, StorkLocations.NameOf(record.BackupLocation.Metadata), placement.ClusterUid, e.Message);
            }
        });

    // Newest first, so that an incremental backup is asked before the one it builds on.
    private async Task<List<(ObjectKey Key, string Name, string Cluster, string Namespace)>> BackupsToAskAsync(BackupLocationRecord record)
    {
        var query = MyBackups with
        {
            StatusesNot = record.BackupLocation.BackupLocationInfo.DeleteBackups ? DeletionUnderWay : null,
            Limit = PageSize,
        };
        var found = new List<(ObjectKey, string, string, string)>();
        while (true)
        {
            var page = await Store.QueryAsync<BackupRecord>(query with { Offset = found.Count }, _left).OrUnavailableAsync();
            found.AddRange(page.Items.Select(item => (item.Key.ToObjectKey(), item.Body.Backup.Metadata.Name, item.Body.Backup.BackupInfo.ClusterRef?.Uid ?? "", item.Body.Backup.BackupInfo.TargetNamespace)));
            if (page.Items.Count < PageSize)
                return found;
        }
    }

    private Task AskAsync(ObjectKey key, string name, bool deleteData)
    {
        var backup = GrainFactory.Backup(key);
        return deleteData
            ? backup.DeleteAsync(new BackupDeleteRequest { OrgId = key.OrgId, Name = name, Uid = key.Uid }, Caller.System, _left)
            : backup.ForgetAsync(Caller.System, _left);
    }

    // The record stays unfinished and due: nothing to tell its reader beyond the status it has.
    private Task ExplainAsync(DomainException refusal, int attempts)
    {
        LogStuck(Logger, Key, attempts, refusal.Message);
        return Task.CompletedTask;
    }

    [LoggerMessage(LogLevel.Information, "Backup location {Key} was validated: {Status} {Reason}")]
    private static partial void LogValidated(ILogger logger, ObjectKey key, BackupLocationInfo.Types.StatusInfo.Types.Status status, string reason);

    [LoggerMessage(LogLevel.Warning, "Backup location {Key} is validated again, since work met: {Why}")]
    private static partial void LogDoubted(ILogger logger, ObjectKey key, string why);

    [LoggerMessage(LogLevel.Information, "Backup location {Key} is to be deleted (its backups too: {DeleteBackups}), asked by {UserId}")]
    private static partial void LogDeletion(ILogger logger, ObjectKey key, bool deleteBackups, string userId);

    [LoggerMessage(LogLevel.Information, "Backup location {Key} is deleted, asked by {UserId}")]
    private static partial void LogDeleted(ILogger logger, ObjectKey key, string userId);

    [LoggerMessage(LogLevel.Warning, "Deleting backup location {Key}: BackupLocation and Secret {Name} stay on cluster {Cluster}: {Message}")]
    private static partial void LogLeftBehind(ILogger logger, ObjectKey key, string name, string cluster, string message);

    [LoggerMessage(LogLevel.Warning, "Work on backup location {Key} cannot go on (attempt {Attempts}): {Message}")]
    private static partial void LogStuck(ILogger logger, ObjectKey key, int attempts, string message);
}
