using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Interfaces.Restores;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.Stork.Resources;
using Level = PxBackup.Api.Ownership.Types.AccessType;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;
using Phase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Restores;

/// <summary>One restore: accepted by one durable write, then driven step by step until its outcome is stored and the cluster is clean.</summary>
[GrainType("restore")]
internal sealed partial class RestoreGrain(IOptions<RestoreOptions> options, IBackupFiles files) : ClusterWorkGrain<RestoreRecord>(ObjectKind.Restore, options.Value), IRestoreGrain
{
    // The end as a report told it: the resource may be gone before anybody looks.
    private StorkReport? _end;

    private RestoreOptions Options => options.Value;

    public async Task<RestoreObject> CreateAsync(RestoreCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        BeginCreate();
        if (Record is { } there)
        {
            var isCallers = AccessRules.OwnerOf(there.Restore.Metadata) == caller.UserId;
            return isCallers && there.RequestHash == RequestHash.Of(request) ? there.Restore : throw RequestHash.Taken(ObjectKind.Restore, Key, isCallers);
        }

        var cluster = await GrainFactory.Cluster(new ObjectKey(Key.OrgId, request.ClusterRef.Uid)).FactsAsync(caller, cancellationToken);
        var backup = await GrainFactory.Backup(new ObjectKey(Key.OrgId, request.BackupRef.Uid)).UseAsync(caller, cancellationToken);
        await FailPoint.HitAsync("restore.before-record", Logger);
        var record = await ChangeAsync(_ => RestoreRules.Create(request, Key, cluster, backup.Value, caller, Options, Now));
        await FailPoint.HitAsync("restore.after-record", Logger);
        Go();
        return record.Restore;
    }

    public async Task UpdateAsync(RestoreUpdateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        _ = Visible(caller, request.Metadata.Name, Level.Write);
        await AmendAsync(current => RestoreRules.Update(current, request, Now));
    }

    public Task<Immutable<RestoreObject>> InspectAsync(RestoreInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(new Immutable<RestoreObject>(Visible(caller, request.Name).Restore));

    public async Task DeleteAsync(RestoreDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (await RemoveUnreadableAsync(request.Name, caller))
            return;
        _ = Visible(caller, request.Name, Level.Write);
        await AmendAsync(current => RestoreRules.Delete(current, Options, Now));
        Go();
    }

    public Task<bool> CancelAsync(string reason, CancellationToken cancellationToken) => CancelAsync(current => RestoreRules.Cancel(current, reason, Options, Now));

    public async Task ObserveAsync(StorkReport report, CancellationToken cancellationToken)
    {
        if (Record is null)
        {
            await OrphanAsync(report);
            return;
        }

        if (!RestoreRules.Concerns(Record, report))
        {
            LogForeignReport(Logger, Key, report.ClusterUid, report.Namespace, report.Name);
            return;
        }

        if (Record.Phase == Phase.Finished && (await AmendAsync(current => RestoreRules.Reappeared(current, report, Options, Now))).Phase == Phase.Finished)
            return;
        if (report is { IsFinal: true, Gone: false })
            _end = report;
        if (Record.Phase == Phase.Running && !report.IsFinal && !report.Gone && report.ResourceUid == Record.ResourceUid)
            await AmendAsync(current => RestoreRules.Observe(current, report, Options, Now));
        else
            Go();
    }

    protected override RecordIndex IndexOf(RestoreRecord record) => RestoreRules.IndexOf(record);

    protected override Metadata MetadataOf(RestoreRecord record) => record.Restore.Metadata;

    protected override bool IsUnfinished(RestoreRecord record) => record.Phase != Phase.Finished;

    protected override bool WantsRoom(RestoreRecord record) => record.Phase is Phase.Accepted or Phase.Running;

    protected override WorkFacts FactsOf(RestoreRecord record)
    {
        var info = record.Restore.RestoreInfo;
        return new(info.ClusterRef.Name, info.ClusterRef.Uid, info.BackupLocationRef.Uid, record.Deadline?.ToDateTimeOffset() ?? DateTimeOffset.MaxValue, info.Status.Reason, record.CreatedBy, record.BySuperAdmin);
    }

    protected override RestoreRecord Explained(RestoreRecord record, string reason) => RestoreRules.Explain(record, reason, Options, Now);

    protected override RestoreRecord Failed(RestoreRecord record, string reason) => RestoreRules.Fail(record, reason, Options, Now);

    protected override void LogEnd(RestoreRecord record) => LogFinished(Logger, Key, record.Restore.Metadata.Name, record.Restore.RestoreInfo.ClusterRef.Name, record.Restore.RestoreInfo.ClusterRef.Uid, record.Restore.RestoreInfo.Status.Status, record.Restore.RestoreInfo.Status.Reason);

    protected override Task<TimeSpan?> StepAsync() => Record switch
    {
        { Phase: Phase.Accepted } record => IsAdmitted ? PlacingAsync(() => PlaceAsync(record)) : AskForRoomAsync(record),
        { Phase: Phase.Running } record => FollowAsync(record),
        { Phase: Phase.Cleaning } record => CleanAsync(record),
        { Phase: Phase.Deleting } record => DeleteStepAsync(record),
        { } record => ReleaseAsync(record),
        null => Task.FromResult<TimeSpan?>(null),
    };

    private async Task<TimeSpan?> PlaceAsync(RestoreRecord record)
    {
        var cluster = Cluster(record);
        if (await ReadyAsync(record, "failed to retrieve backup location") is not var (_, location))
            return TimeSpan.Zero;
        try
        {
            // It may have waited for long: a backup that is being deleted is not restored from.
#if SEEDED_BUGS
            if (!SeededBugs.Is("restore-not-checked-again"))
#endif
            await GrainFactory.Backup(new ObjectKey(Key.OrgId, record.Restore.RestoreInfo.BackupRef.Uid)).UseAsync(CreatorOf(record));
        }
        catch (DomainException e) when (e.Reason is ErrorReason.NotFound or ErrorReason.BackupNotRestorable)
        {
            return await GiveUpAsync($"the backup cannot be restored from any more: {e.Message}");
        }

        if (await MissingAsync(record, location) is { } missing)
            return await GiveUpAsync(missing);
        await BackupOnCluster.PlaceLocationAsync(Location(record), cluster, record.Restore.RestoreInfo.ClusterRef.Uid, location, record.ResourceNamespace);
        await ConfirmAsync();
        await FailPoint.HitAsync("restore.before-resource", Logger);
        try
        {
            var locationName = StorkLocations.NameOf(location.Location.Metadata);
            var backupName = await RestoreOnCluster.PlaceBackupAsync(cluster, record, locationName);
            var resource = await RestoreOnCluster.PlaceAsync(cluster, record, backupName, locationName);
            await FailPoint.HitAsync("restore.after-resource", Logger);
            await AmendAsync(current => RestoreRules.Placed(current, resource.Metadata.Uid, Options, Now));
        }
        catch (DomainException e) when (e.Reason == ErrorReason.Rejected)
        {
            return await GiveUpAsync(e.Message);
        }

        LogPlaced(Logger, Key, record.Restore.Metadata.Name, record.Restore.RestoreInfo.ClusterRef.Name, record.Restore.RestoreInfo.ClusterRef.Uid);
        return TimeSpan.Zero;
    }

    // Stork, asked to restore what is not in the bucket, never ends and says that a namespace "" is invalid: it is looked for first.
    private async Task<string?> MissingAsync(RestoreRecord record, OpenLocation location)
    {
        var missing = BackupFolder.Of(record.Backup) is { } folder
            ? string.Join(", ", await ThroughStoreAsync(record, () => files.MissingAsync(location, folder, CancellationToken.None)))
            : "everything";
        if (missing.Length == 0)
            return null;
        await GrainFactory.Backup(new ObjectKey(Key.OrgId, record.Restore.RestoreInfo.BackupRef.Uid)).FilesMissingAsync(missing);
        return BackupRules.MissingText(record.Backup, missing);
    }

    private async Task<TimeSpan?> FollowAsync(RestoreRecord record)
    {
        if (await LookAsync(record, cluster => FindOwnAsync(cluster, record)) is not { } resource)
            return TimeSpan.Zero;
        if (resource.Status.Stage == StorkStage.Final)
        {
            await FailPoint.HitAsync("restore.before-final", Logger);
            var final = await AmendAsync(current => RestoreRules.Finish(current, resource, Options, Now));
            await FailPoint.HitAsync("restore.after-final", Logger);
            LogEnd(final);
            await DoubtLocationAsync(final, resource.Status.Reason);
            return TimeSpan.Zero;
        }

        var seen = await AmendAsync(current => RestoreRules.Observe(current, ReportOf(resource), Options, Now));
        if (seen.Cancelled.Length > 0)
        {
            // Stork takes its finalizer off when it has let go: until then it restores, whatever is asked for.
            await RestoreOnCluster.StopAsync(Cluster(record), record);
            await FailPoint.HitAsync("restore.after-stop", Logger);
            return await UnlessStuckAsync(seen, record.ResourceNamespace, resource.Metadata.Uid, resource.Status.Stage, Options.StageTimeout, seen.Restore.RestoreInfo.Status.Reason) == TimeSpan.Zero ? TimeSpan.Zero : Options.DeletePollInterval;
        }

        // Not begun at all is told apart: a missing ApplicationBackup leaves no Warning.
        var limit = resource.Status.Stage.Length == 0 && Options.NotBegunTimeout < Options.StageTimeout ? Options.NotBegunTimeout : Options.StageTimeout;
        return await UnlessStuckAsync(seen, record.ResourceNamespace, resource.Metadata.Uid, resource.Status.Stage, limit, BackupRules.StorkWorks(resource.Status.Stage, resource.Status.Reason));
    }

    protected override async Task<TimeSpan?> LostAsync(RestoreRecord record, string reason)
    {
        LogEnd(await AmendAsync(current => RestoreRules.Lost(current, _end, current.Cancelled.Length > 0 ? current.Cancelled : reason, Options, Now)));
        return TimeSpan.Zero;
    }

    /// <summary>The resource that was placed; another of its name is not it.</summary>
    private static async Task<ApplicationRestore?> FindOwnAsync(IClusterGrain cluster, RestoreRecord record) =>
        await RestoreOnCluster.FindAsync(cluster, record) is { } found && found.Metadata.Uid == record.ResourceUid ? found : null;

    private async Task<TimeSpan?> CleanAsync(RestoreRecord record)
    {
        if (await WaitsForRemovalAsync(Cluster(record), () => RestoreOnCluster.RemoveAsync(Cluster(record), record)) is { } pause)
            return pause;
        await FailPoint.HitAsync("restore.after-removal", Logger);
        return await ReleaseAsync(await AmendAsync(current => RestoreRules.Cleaned(current)));
    }

    private async Task<TimeSpan?> DeleteStepAsync(RestoreRecord record)
    {
        if (await WaitsForRemovalAsync(Cluster(record), () => RestoreOnCluster.RemoveAsync(Cluster(record), record)) is { } pause)
            return pause;
        await BackupOnCluster.ReleaseAsync(Cluster(record), WorkOf(record)); // Not before Stork has stopped working on it.
        await FailPoint.HitAsync("restore.before-record-delete", Logger);
        await RemoveAsync();
        LogDeleted(Logger, Key, record.Restore.Metadata.Name, record.Restore.RestoreInfo.ClusterRef.Name, record.Restore.RestoreInfo.ClusterRef.Uid);
        DeactivateOnIdle();
        return null;
    }

    private static StorkReport ReportOf(ApplicationRestore resource) => new()
    {
        ResourceUid = resource.Metadata.Uid,
        Stage = OutsideText.OneLine(resource.Status.Stage, 64),
        Status = OutsideText.OneLine(resource.Status.Status, 64),
        Reason = OutsideText.OneLine(resource.Status.Reason),
        ResourceCount = resource.Status.ResourceCount,
        RestoredCount = resource.Status.RestoredResourceCount,
        VolumeCount = resource.Status.Volumes.Count,
        TotalSize = (long)Math.Min(resource.Status.TotalSize, long.MaxValue),
        LastUpdate = resource.Status.LastUpdateTimestamp?.ToString("O") ?? "",
    };

    [LoggerMessage(LogLevel.Information, "Restore {Restore} [{Name}] is placed on cluster [{Cluster}] {ClusterUid}")]
    private static partial void LogPlaced(ILogger logger, ObjectKey restore, string name, string cluster, string clusterUid);

    [LoggerMessage(LogLevel.Information, "Restore {Restore} [{Name}] on cluster [{Cluster}] {ClusterUid} ended as {Status}: {Reason}")]
    private static partial void LogFinished(ILogger logger, ObjectKey restore, string name, string cluster, string clusterUid, Status status, string reason);

    [LoggerMessage(LogLevel.Debug, "Cluster {Cluster} reports {Namespace}/{Name} as restore {Restore}, which is not there: it does not count")]
    private static partial void LogForeignReport(ILogger logger, ObjectKey restore, string cluster, string @namespace, string name);

    [LoggerMessage(LogLevel.Information, "Restore {Restore} [{Name}] of cluster [{Cluster}] {ClusterUid} is deleted")]
    private static partial void LogDeleted(ILogger logger, ObjectKey restore, string name, string cluster, string clusterUid);
}
