using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.Stork.Resources;
using Level = PxBackup.Api.Ownership.Types.AccessType;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Backups;

/// <summary>One backup: accepted by one durable write, then driven step by step until its outcome is stored.</summary>
[GrainType("backup")]
internal sealed partial class BackupGrain(IOptions<BackupOptions> options, IBackupFiles files) : ClusterWorkGrain<BackupRecord>(ObjectKind.Backup, options.Value), IBackupGrain
{
    private bool _isReported;

    private BackupOptions Options => options.Value;

    public async Task<BackupObject> CreateAsync(BackupCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        BeginCreate();
        if (Record is { } there)
        {
#if SEEDED_BUGS
            if (SeededBugs.Is("create-not-idempotent"))
                throw new DomainException(ErrorReason.AlreadyExists, "it exists");
#endif
            var isCallers = AccessRules.OwnerOf(there.Backup.Metadata) == caller.UserId;
            return isCallers && there.RequestHash == RequestHash.Of(request) ? there.Backup : throw RequestHash.Taken(ObjectKind.Backup, Key, isCallers);
        }

        var cluster = await GrainFactory.Cluster(new ObjectKey(Key.OrgId, request.ClusterRef.Uid)).FactsAsync(caller, cancellationToken);
        var location = await GrainFactory.BackupLocation(new ObjectKey(Key.OrgId, request.BackupLocationRef.Uid)).UseAsync(caller, cancellationToken);
        // Only for kinds that are not Kubernetes' own: whether there are such, the cluster alone knows.
        var kinds = cluster is { Online: true, Leaving: false } && BackupSelection.NeedsKindsOfCluster(request)
            ? (await GrainFactory.Cluster(new ObjectKey(Key.OrgId, request.ClusterRef.Uid)).CallAsync(new ClusterCall { Verb = ClusterVerb.ListKinds }, cancellationToken)).Lines
            : [];
        await FailPoint.HitAsync("backup.before-record", Logger);
        var record = await ChangeAsync(_ => BackupRules.Create(request, Key, cluster, location, caller, Options, Now, kinds));
        await FailPoint.HitAsync("backup.after-record", Logger);
        Go();
        return record.Backup;
    }

    public async Task UpdateAsync(BackupUpdateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        _ = Visible(caller, request.Metadata.Name, Level.Write);
        await AmendAsync(current => BackupRules.Update(current, request, Now));
    }

    public Task<Immutable<BackupObject>> InspectAsync(BackupInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(new Immutable<BackupObject>(Visible(caller, request.Name).Backup));

    public async Task DeleteAsync(BackupDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (await RemoveUnreadableAsync(request.Name, caller))
            return;
        var record = Visible(caller, request.Name);
        if (AccessRules.LevelOf(record.Backup.Metadata, caller) < Level.Write)
            throw new DomainException(ErrorReason.PermissionDenied, $"user [{caller.UserName}] doesn't have permission to delete backup [{record.Backup.Metadata.Name}]");
        if (request.ClusterRef is { Uid.Length: > 0 } through)
            _ = await GrainFactory.Cluster(new ObjectKey(Key.OrgId, through.Uid)).FactsAsync(caller, cancellationToken);
        await AmendAsync(current => BackupRules.Delete(current, request.ClusterRef?.Uid ?? "", keepData: false, Options, Now));
        Go();
    }

    public async Task ForgetAsync(Caller caller, CancellationToken cancellationToken)
    {
        _ = Visible(caller, "", Level.Write);
        await AmendAsync(current => BackupRules.Delete(current, "", keepData: true, Options, Now));
        Go();
    }

    public Task<bool> CancelAsync(string reason, CancellationToken cancellationToken) => CancelAsync(current => BackupRules.Fail(current, reason, Now));

    public async Task<Immutable<BackupObject>> UseAsync(Caller caller, CancellationToken cancellationToken)
    {
        var backup = Visible(caller, "").Backup;
        if (backup.BackupInfo.Status.Status == Status.CloudBackupMissing && await AreFilesBackAsync(Record!))
            backup = (await AmendAsync(current => BackupRules.FilesFound(current, Now))).Backup;
        return BackupRules.IsRestorable(backup.BackupInfo)
            ? new Immutable<BackupObject>(backup)
            : throw new DomainException(ErrorReason.BackupNotRestorable, $"backup object [{backup.Metadata.Name}] status is not in success: it is {backup.BackupInfo.Status.Status}");
    }

    public async Task FilesMissingAsync(string missing, CancellationToken cancellationToken)
    {
        if (Record is null)
            return;
        await AmendAsync(current => BackupRules.FilesMissing(current, missing, Now));
        LogFilesMissing(Logger, Key, missing);
    }

    public async Task ObserveAsync(StorkReport report, CancellationToken cancellationToken)
    {
#if SEEDED_BUGS
        if (Record is not null && SeededBugs.Is("late-report-reopens"))
        {
            await AmendAsync(current => BackupRules.Observe(current, report, Options, Now));
            return;
        }
#endif
        switch (Record)
        {
            case null:
                await OrphanAsync(report);
                break;
            case { } record when !BackupRules.Concerns(record, report):
                LogForeignReport(Logger, Key, report.ClusterUid, report.Namespace, report.Name);
                break;
            case { Phase: Phase.Finished }:
                _isReported = true;
                if ((await AmendAsync(current => BackupRules.Reappeared(current, report, Now))).RemoveResource)
                    Go();
                break;
            case { Phase: Phase.Running } record when !report.IsFinal && !report.Gone && report.ResourceUid == record.Backup.BackupInfo.CrUid:
                await AmendAsync(current => BackupRules.Observe(current, report, Options, Now));
                await FailPoint.HitAsync("backup.after-report", Logger);
                break;
            default:
                Go(); // The end, a loss, or a resource of ours that the record does not know of yet: look at the whole.
                break;
        }
    }

    protected override RecordIndex IndexOf(BackupRecord record) => BackupRules.IndexOf(record);

    protected override Metadata MetadataOf(BackupRecord record) => record.Backup.Metadata;

    protected override bool IsUnfinished(BackupRecord record) => record.Phase != Phase.Finished || record.RemoveResource;

    protected override bool WantsRoom(BackupRecord record) => record.Phase is Phase.Accepted or Phase.Running;

    protected override WorkFacts FactsOf(BackupRecord record)
    {
        var info = record.Backup.BackupInfo;
        return new(info.ClusterRef.Name, info.ClusterRef.Uid, info.BackupLocationRef.Uid, record.Deadline?.ToDateTimeOffset() ?? DateTimeOffset.MaxValue, info.Status.Reason, record.CreatedBy, record.BySuperAdmin);
    }

    protected override BackupRecord Explained(BackupRecord record, string reason) => BackupRules.Explain(record, reason, Options, Now);

    protected override BackupRecord Failed(BackupRecord record, string reason) => BackupRules.Fail(record, reason, Now);

    protected override void LogEnd(BackupRecord record) => LogFinished(Logger, Key, record.Backup.Metadata.Name, record.Backup.BackupInfo.ClusterRef.Name, record.Backup.BackupInfo.ClusterRef.Uid, record.Backup.BackupInfo.Status.Status, record.Backup.BackupInfo.Status.Reason);

    protected override Task<TimeSpan?> StepAsync() => Record switch
    {
        { Phase: Phase.Accepted } record => IsAdmitted ? PlacingAsync(() => PlaceAsync(record)) : AskForRoomAsync(record),
        { Phase: Phase.Running } record => FollowAsync(record),
        { Phase: Phase.Finished, RemoveResource: true } record => RemoveFailedAsync(record),
        { Phase: Phase.Deleting } record => DeleteStepAsync(record),
        { } record => ReleaseAsync(record),
        null => Task.FromResult<TimeSpan?>(null),
    };

    private async Task<TimeSpan?> PlaceAsync(BackupRecord record)
    {
        var (backup, cluster) = (record.Backup, Cluster(record));
        if (await ReadyAsync(record, "the backup location cannot be used") is not var (facts, location))
            return TimeSpan.Zero;
        var (namespaces, missing, kinds, missingKinds) = await BackupOnCluster.ResolveAsync(cluster, backup.BackupInfo);
        if (namespaces.Count == 0)
            return await GiveUpAsync(BackupSelection.Nothing(backup.BackupInfo, missing, facts.Name));
        if (kinds.Count == 0 && missingKinds.Count > 0)
            return await GiveUpAsync($"{BackupSelection.NothingMatched}: cluster [{facts.Name}] has none of the kinds {Candidates.Listed(missingKinds)}");
        await FailPoint.HitAsync("backup.before-place", Logger);
        await BackupOnCluster.PlaceLocationAsync(Location(record), cluster, backup.BackupInfo.ClusterRef.Uid, location, backup.BackupInfo.TargetNamespace);
        await ConfirmAsync();
        await FailPoint.HitAsync("backup.before-resource", Logger);
        var locationName = StorkLocations.NameOf(location.Location.Metadata);
        try
        {
            var resource = await BackupOnCluster.PlaceAsync(cluster, backup, namespaces, kinds, locationName);
            await FailPoint.HitAsync("backup.after-resource", Logger);
            await AmendAsync(current => BackupRules.Placed(current, resource.Metadata.Name, resource.Metadata.Uid, locationName, missing, Options, Now, missingKinds));
        }
        catch (DomainException e) when (e.Reason == ErrorReason.Rejected)
        {
            return await GiveUpAsync(e.Message);
        }

        await FailPoint.HitAsync("backup.after-placed", Logger);
        LogPlaced(Logger, Key, record.Backup.Metadata.Name, record.Backup.BackupInfo.ClusterRef.Name, record.Backup.BackupInfo.ClusterRef.Uid);
        return TimeSpan.Zero; // Whatever was reported meanwhile counts now.
    }

    private async Task<TimeSpan?> FollowAsync(BackupRecord record)
    {
        if (await LookAsync(record, cluster => FindOwnAsync(cluster, record)) is not { } resource)
            return TimeSpan.Zero;
        if (resource.Status.Stage == StorkStage.Final)
        {
            await FailPoint.HitAsync("backup.before-final", Logger);
            // Without a volume there may be one that Stork could not take: that it tells by a Warning only.
            var warnings = resource.Status is { Status: StorkStatus.Successful, Volumes.Count: 0 } ? await BackupOnCluster.WarningsAsync(Cluster(record), resource.Metadata.Namespace, resource.Metadata.Uid) : [];
            var final = await AmendAsync(current => BackupRules.Finish(current, resource, Now, warnings));
            await FailPoint.HitAsync("backup.after-final", Logger);
            LogEnd(final);
            await DoubtLocationAsync(final, resource.Status.Reason);
            return await ReleaseAsync(final);
        }

        var seen = await AmendAsync(current => BackupRules.Observe(current, ReportOf(resource), Options, Now));
        return await UnlessStuckAsync(seen, resource.Metadata.Namespace, resource.Metadata.Uid, resource.Status.Stage, Options.StageTimeout, BackupRules.StorkWorks(resource.Status.Stage, resource.Status.Reason));
    }

    /// <summary>The resource that was placed; another of its name is not it.</summary>
    private static async Task<ApplicationBackup?> FindOwnAsync(IClusterGrain cluster, BackupRecord record) =>
        await BackupOnCluster.FindAsync(cluster, record.Backup, record.Backup.BackupInfo.TargetNamespace) is { } found && found.Metadata.Uid == record.Backup.BackupInfo.CrUid ? found : null;

    private async Task<TimeSpan?> RemoveFailedAsync(BackupRecord record)
    {
        _isReported = HasLeftCluster = false;
        var cluster = Cluster(record);
        if (await BackupOnCluster.FactsAsync(cluster) is not null)
        {
            record = await IdentifiedAsync(record, cluster);
            if (await WaitsForRemovalAsync(cluster, () => BackupOnCluster.RemoveAsync(cluster, record.Backup, record.Backup.BackupInfo.TargetNamespace, withData: true)) is { } pause)
                return pause;
            await FailPoint.HitAsync("backup.after-resource-removal", Logger);
        }

        if (_isReported)
            return TimeSpan.Zero; // The watch saw something of it since the look began.
        HasLeftCluster = true;
        await BackupOnCluster.ReleaseAsync(cluster, WorkOf(record)); // The bucket is another matter, and may take long.
        await RemoveUnfinishedFilesAsync(record);
        return await ReleaseAsync(await AmendAsync(current => BackupRules.ResourceRemoved(current)));
    }

    // What Stork had stored of it by then is of use to nobody: without metadata.json it cannot be restored from. Stork itself leaves it there.
    private async Task RemoveUnfinishedFilesAsync(BackupRecord record)
    {
        if (await LocationForDeletionAsync(record) is not { } location)
            return;
        try
        {
            if (await KeptAsync(record, location) is { } kept)
                LogFilesStay(Logger, Key, record.Backup.Metadata.Name, kept);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.Rejected)
        {
            LogFilesStay(Logger, Key, record.Backup.Metadata.Name, e.Message); // They go with the backup when it is deleted.
        }
    }

    private async Task<TimeSpan?> DeleteStepAsync(BackupRecord record)
    {
#if SEEDED_BUGS
        if (SeededBugs.Is("record-before-data"))
            {
                await RemoveAsync();
                await BackupOnCluster.RemoveAsync(Cluster(record), record.Backup, record.Backup.BackupInfo.TargetNamespace, withData: true);
                return null;
            }
#endif
        var location = await LocationForDeletionAsync(record);
        foreach (var (uid, through) in await ClustersToCleanAsync(record))
        {
            if (location is not null && !record.KeepData)
                await BackupOnCluster.PlaceLocationAsync(Location(record), through, uid, location, record.Backup.BackupInfo.TargetNamespace); // With outdated credentials Stork would leave the data behind in silence.
            record = await IdentifiedAsync(record, through);
            await FailPoint.HitAsync("backup.before-resource-delete", Logger);
            if (await WaitsForRemovalAsync(through, () => BackupOnCluster.RemoveAsync(through, record.Backup, record.Backup.BackupInfo.TargetNamespace, withData: !record.KeepData)) is { } pause)
                return pause;
            await FailPoint.HitAsync("backup.after-resource-delete", Logger);
        }

        HasLeftCluster = true;

        await BackupOnCluster.ReleaseAsync(Cluster(record), WorkOf(record)); // Not before Stork has stopped working on it.
#if SEEDED_BUGS
        if (SeededBugs.Is("bucket-not-checked"))
            location = null;
#endif
        if (location is not null && !record.KeepData && await KeptAsync(record, location) is { } kept)
        {
            await AmendAsync(current => BackupRules.DeletionWaits(current, kept, Options, Now));
            return Options.LockedInterval;
        }

        await FailPoint.HitAsync("backup.before-record-delete", Logger);
        await RemoveAsync();
        LogDeleted(Logger, Key, record.Backup.Metadata.Name, record.Backup.BackupInfo.ClusterRef.Name, record.Backup.BackupInfo.ClusterRef.Uid);
        DeactivateOnIdle();
        return null;
    }

    private async Task<BackupRecord> IdentifiedAsync(BackupRecord record, IClusterGrain cluster) =>
        record.Backup.BackupInfo.CrUid.Length == 0 && await BackupOnCluster.FindAsync(cluster, record.Backup, record.Backup.BackupInfo.TargetNamespace) is { } resource
            ? await AmendAsync(current => BackupRules.Identified(current, resource.Metadata.Name, resource.Metadata.Uid))
            : record;

    private async Task<OpenLocation?> LocationForDeletionAsync(BackupRecord record)
    {
        if (record.KeepData)
            return null;
        try
        {
            return await Location(record).UseAsync(Caller.System);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
        {
            return null; // The location went before its backup: its objects can no longer be reached from here.
        }
    }

    // The backup's own cluster, unless another one was named because that one does not answer, and every one that was named.
    private async Task<List<(string Uid, IClusterGrain Cluster)>> ClustersToCleanAsync(BackupRecord record)
    {
        var own = FactsOf(record).ClusterUid;
        var named = record.DeleteThroughToo.Append(record.DeleteThrough).Where(uid => uid.Length > 0 && uid != own).Distinct().ToList();
        var found = new List<(string, IClusterGrain)>();
        foreach (var uid in named.Prepend(own))
        {
            var cluster = GrainFactory.Cluster(new ObjectKey(Key.OrgId, uid));
            // Through a cluster that is being removed nothing is placed any more, unless it is the backup's own, whose removal waits for this.
            if (await BackupOnCluster.FactsAsync(cluster) is { } facts && (uid == own ? facts.Online || named.Count == 0 : !facts.Leaving))
                found.Add((uid, cluster));
        }

        return found;
    }

    // They were missed once, and may have been put back; a store that does not answer leaves it as it is.
    private async Task<bool> AreFilesBackAsync(BackupRecord record)
    {
        try
        {
            return BackupFolder.Of(record.Backup) is { } folder
                && (await files.MissingAsync(await Location(record).UseAsync(Caller.System), folder, CancellationToken.None)).Count == 0;
        }
        catch (DomainException)
        {
            return false;
        }
    }

    /// <summary>Empties the backup's folder in the bucket; why some of it stays, or null.</summary>
    private async Task<string?> KeptAsync(BackupRecord record, OpenLocation location)
    {
        if (record.Backup.BackupInfo.CrUid.Length == 0)
            return null; // It was never placed.
        if (BackupFolder.Of(record.Backup) is not { } folder)
            return "what the record holds of its resource is not the name of a folder: its objects are kept; remove them from the bucket by hand";
        return await OtherOfAsync(folder, record) is { } other
            ? $"folder {folder.Path} is that of backup [{other}], too: its objects are kept"
            : await ThroughStoreAsync(record, () => files.RemoveAsync(location, folder, CancellationToken.None));
    }

    // The uid in the folder's name was given out by a cluster, which may name that of another backup: two folders are the same only for backups of one name.
    // One whose record cannot be read may have this folder.
    private async Task<string?> OtherOfAsync(BackupFolder folder, BackupRecord record)
    {
        var query = new RecordQuery { Kind = ObjectKind.Backup, OrgId = Key.OrgId, Name = record.Backup.Metadata.Name, Limit = 20 };
        for (var seen = 0; ; seen += query.Limit)
        {
            var page = await Store.QueryAsync<BackupRecord>(query with { Offset = seen }, CancellationToken.None).OrUnavailableAsync();
            if (page.Items.FirstOrDefault(item => item.Key.Uid != Key.Uid && (item.Fault is not null || BackupFolder.Of(item.Body.Backup) == folder)) is { } other)
                return other.Key.Uid;
            if (page.Items.Count < query.Limit)
                return null;
        }
    }

    private static StorkReport ReportOf(ApplicationBackup resource) => new()
    {
        ResourceUid = resource.Metadata.Uid,
        Stage = OutsideText.OneLine(resource.Status.Stage, 64),
        Status = OutsideText.OneLine(resource.Status.Status, 64),
        Reason = OutsideText.OneLine(resource.Status.Reason),
        ResourceCount = resource.Status.ResourceCount,
        VolumeCount = resource.Status.Volumes.Count,
        TotalSize = (long)Math.Min(resource.Status.TotalSize, long.MaxValue),
        LastUpdate = resource.Status.LastUpdateTimestamp?.ToString("O") ?? "",
    };

    [LoggerMessage(LogLevel.Information, "Backup {Backup} [{Name}] is placed on cluster [{Cluster}] {ClusterUid}")]
    private static partial void LogPlaced(ILogger logger, ObjectKey backup, string name, string cluster, string clusterUid);

    [LoggerMessage(LogLevel.Information, "Backup {Backup} [{Name}] on cluster [{Cluster}] {ClusterUid} ended as {Status}: {Reason}")]
    private static partial void LogFinished(ILogger logger, ObjectKey backup, string name, string cluster, string clusterUid, Status status, string reason);

    [LoggerMessage(LogLevel.Warning, "Objects of backup {Backup} [{Name}], which ended unfinished, stay in the bucket until it is deleted: {Reason}")]
    private static partial void LogFilesStay(ILogger logger, ObjectKey backup, string name, string reason);

    [LoggerMessage(LogLevel.Warning, "Backup {Backup}: its objects are not in the bucket any more: {Missing}")]
    private static partial void LogFilesMissing(ILogger logger, ObjectKey backup, string missing);

    [LoggerMessage(LogLevel.Debug, "Cluster {Cluster} reports {Namespace}/{Name} as backup {Backup}, which is not there: it does not count")]
    private static partial void LogForeignReport(ILogger logger, ObjectKey backup, string cluster, string @namespace, string name);

    [LoggerMessage(LogLevel.Information, "Backup {Backup} [{Name}] of cluster [{Cluster}] {ClusterUid} is deleted")]
    private static partial void LogDeleted(ILogger logger, ObjectKey backup, string name, string cluster, string clusterUid);
}
