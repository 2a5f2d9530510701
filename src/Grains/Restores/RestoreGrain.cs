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
internal sealed partial class RestoreGrain(IOptions<RestoreOptions> options) : RecordGrain<RestoreRecord>(ObjectKind.Restore), IRestoreGrain
{
    private static readonly TimeSpan AskForRoomAgain = TimeSpan.FromMinutes(1);
    private WorkLoop? _loop;
    private bool _admitted;
    private DateTimeOffset? _followedSince;

    private RestoreOptions Options => options.Value;

    private DateTimeOffset Now => Time.GetUtcNow();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        _loop = new WorkLoop(this, StepAsync, ExplainAsync, Logger);
        if (Record is { } record && record.Phase != Phase.Finished)
            _loop.Go();
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _loop?.Dispose();
        return Task.CompletedTask;
    }

    public async Task<RestoreObject> CreateAsync(RestoreCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (Record is { } there)
        {
            return AccessRules.OwnerOf(there.Restore.Metadata) == caller.UserId && there.RequestHash == RequestHash.Of(request)
                ? there.Restore
                : throw new DomainException(ErrorReason.AlreadyExists, $"restore with uid [{Key.Uid}] already exists");
        }

        var cluster = await GrainFactory.Cluster(new ObjectKey(Key.OrgId, request.ClusterRef.Uid)).FactsAsync(caller, cancellationToken);
        var backup = await GrainFactory.Backup(new ObjectKey(Key.OrgId, request.BackupRef.Uid)).UseAsync(caller, cancellationToken);
        await FailPoint.HitAsync("restore.before-record", Logger);
        var record = await ChangeAsync(_ => RestoreRules.Create(request, Key, cluster, backup.Value, caller, Options, Now));
        await FailPoint.HitAsync("restore.after-record", Logger);
        _loop!.Go();
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
        _ = Visible(caller, request.Name, Level.Write);
        await AmendAsync(current => RestoreRules.Delete(current, Options, Now));
        _loop!.Go();
    }

    public Task<bool> AdmittedAsync(CancellationToken cancellationToken)
    {
        if (Record is not { Phase: Phase.Accepted or Phase.Running })
            return Task.FromResult(false);
        _admitted = true;
        _loop!.Go();
        return Task.FromResult(true);
    }

    public async Task ObserveAsync(StorkReport report, CancellationToken cancellationToken)
    {
        if (Record is null or { Phase: Phase.Finished })
            return;
        if (Record.Phase == Phase.Running && !report.IsFinal && !report.Gone)
            await AmendAsync(current => RestoreRules.Observe(current, report, Options, Now));
        else
            _loop!.Go();
    }

    public Task WakeAsync(CancellationToken cancellationToken)
    {
        if (Record is not null)
            _loop!.Go();
        return Task.CompletedTask;
    }

    public override void Dispose()
    {
        _loop?.Dispose();
        base.Dispose();
    }

    protected override RecordIndex IndexOf(RestoreRecord record) => RestoreRules.IndexOf(record);

    protected override Metadata MetadataOf(RestoreRecord record) => record.Restore.Metadata;

    private Task<TimeSpan?> StepAsync() => Record switch
    {
        { Phase: Phase.Accepted } record => _admitted ? PlaceAsync(record) : AskForRoomAsync(record),
        { Phase: Phase.Running } record => FollowAsync(record),
        { Phase: Phase.Cleaning } record => CleanAsync(record),
        { Phase: Phase.Deleting } record => DeleteStepAsync(record),
        { } record => ReleaseAsync(record),
        null => Task.FromResult<TimeSpan?>(null),
    };

    private async Task<TimeSpan?> AskForRoomAsync(RestoreRecord record)
    {
        var facts = await BackupOnCluster.FactsAsync(Cluster(record));
        if (facts is null or { Leaving: true })
            return await GiveUpAsync($"cluster [{record.Restore.RestoreInfo.Cluster}] was removed before the restore began");
        if (Now >= record.Deadline.ToDateTimeOffset())
            return await GiveUpAsync($"no room on cluster [{facts.Name}] within {Options.PendingTimeout}{(facts.Online ? "" : $": the cluster is offline ({facts.Reason})")}");
        await Cluster(record).EnqueueAsync(WorkOf(record));
        await ExplainAsync(facts.Online ? BackupRules.WaitsForRoom : $"waiting for cluster [{facts.Name}], which is offline: {facts.Reason}");
        return AskForRoomAgain;
    }

    private async Task<TimeSpan?> PlaceAsync(RestoreRecord record)
    {
        var cluster = Cluster(record);
        if (await BackupOnCluster.FactsAsync(cluster) is not { Leaving: false } facts)
            return await GiveUpAsync($"cluster [{record.Restore.RestoreInfo.Cluster}] was removed before the restore began");
        if (Now >= record.Deadline.ToDateTimeOffset())
            return await GiveUpAsync($"the restore could not be placed on cluster [{facts.Name}] within {Options.PendingTimeout}: {record.Restore.RestoreInfo.Status.Reason}");
        OpenLocation location;
        try
        {
            location = await Location(record).UseAsync(OwnerOf(record));
        }
        catch (DomainException e) when (e.Reason is ErrorReason.NotFound or ErrorReason.WrongState)
        {
            return await GiveUpAsync($"failed to retrieve backup location: {e.Message}");
        }

        await BackupOnCluster.PlaceLocationAsync(cluster, location, record.ResourceNamespace);
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

        LogPlaced(Logger, Key, record.Restore.Metadata.Name);
        return TimeSpan.Zero;
    }

    private async Task<TimeSpan?> FollowAsync(RestoreRecord record)
    {
        var cluster = Cluster(record);
        if (await BackupOnCluster.FactsAsync(cluster) is null)
            return await GiveUpAsync($"cluster [{record.Restore.RestoreInfo.Cluster}] was removed while the restore was running");
        await cluster.EnqueueAsync(WorkOf(record) with { Running = true });
        var followedSince = _followedSince;
        _followedSince = null; // Until the look succeeds.
        var found = await RestoreOnCluster.FindAsync(cluster, record);
        _followedSince = followedSince ?? Now;
        if (found is not { } resource)
            return await GiveUpAsync("the ApplicationRestore was deleted on the cluster while Stork was working on it");
        if (resource.Status.Stage == StorkStage.Final)
        {
            await FailPoint.HitAsync("restore.before-final", Logger);
            var final = await AmendAsync(current => RestoreRules.Finish(current, resource, Options, Now));
            await FailPoint.HitAsync("restore.after-final", Logger);
            LogFinished(Logger, Key, final.Restore.RestoreInfo.Status.Status, final.Restore.RestoreInfo.Status.Reason);
            return TimeSpan.Zero;
        }

        var seen = await AmendAsync(current => RestoreRules.Observe(current, ReportOf(resource), Options, Now));
        // Time in which nobody could look at the cluster does not count against Stork.
        var progressAt = seen.Deadline.ToDateTimeOffset() - Options.StageTimeout;
        var quiet = Now - (progressAt > _followedSince ? progressAt : _followedSince.Value);
        if (quiet >= Options.CheckInterval)
        {
            var warning = await BackupOnCluster.WarningAsync(cluster, record.ResourceNamespace, resource.Metadata.Uid);
            if (quiet >= Options.StageTimeout || (warning.Length > 0 && quiet >= Options.StuckTimeout) || (resource.Status.Stage.Length == 0 && quiet >= Options.NotBegunTimeout))
                return await GiveUpAsync($"Stork made no progress in stage '{resource.Status.Stage}' for {quiet:hh\\:mm\\:ss}{(warning.Length > 0 ? $": {warning}" : "")}");
            if (warning.Length > 0)
                await ExplainAsync(warning);
        }

        return Options.CheckInterval;
    }

    private async Task<TimeSpan?> CleanAsync(RestoreRecord record)
    {
        if (await BackupOnCluster.FactsAsync(Cluster(record)) is not null && !await RestoreOnCluster.RemoveAsync(Cluster(record), record))
            return Options.DeletePollInterval;
        await FailPoint.HitAsync("restore.after-removal", Logger);
        return await ReleaseAsync(await AmendAsync(current => RestoreRules.Cleaned(current)));
    }

    private async Task<TimeSpan?> DeleteStepAsync(RestoreRecord record)
    {
        await BackupOnCluster.ReleaseAsync(Cluster(record), WorkOf(record));
        if (await BackupOnCluster.FactsAsync(Cluster(record)) is not null && !await RestoreOnCluster.RemoveAsync(Cluster(record), record))
            return Options.DeletePollInterval;
        await FailPoint.HitAsync("restore.before-record-delete", Logger);
        await RemoveAsync();
        LogDeleted(Logger, Key);
        DeactivateOnIdle();
        return null;
    }

    private async Task<TimeSpan?> ReleaseAsync(RestoreRecord record)
    {
        _admitted = false;
        await BackupOnCluster.ReleaseAsync(Cluster(record), WorkOf(record));
        return null;
    }

    private async Task<TimeSpan?> GiveUpAsync(string reason)
    {
        var record = await AmendAsync(current => RestoreRules.Fail(current, reason, Options, Now));
        LogFinished(Logger, Key, record.Restore.RestoreInfo.Status.Status, reason);
        return TimeSpan.Zero;
    }

    private Task ExplainAsync(DomainException refusal, int attempts) => attempts < 2 || Record is null ? Task.CompletedTask : ExplainAsync(refusal.Message);

    private async Task ExplainAsync(string reason) => await AmendAsync(current => RestoreRules.Explain(current, reason, Options, Now));

    private IClusterGrain Cluster(RestoreRecord record) => GrainFactory.Cluster(new ObjectKey(Key.OrgId, record.Restore.RestoreInfo.ClusterRef.Uid));

    private IBackupLocationGrain Location(RestoreRecord record) => GrainFactory.BackupLocation(new ObjectKey(Key.OrgId, record.Restore.RestoreInfo.BackupLocationRef.Uid));

    private ClusterWork WorkOf(RestoreRecord record) => new() { Kind = ObjectKind.Restore, Key = Key, Owner = AccessRules.OwnerOf(record.Restore.Metadata) };

    private static Caller OwnerOf(RestoreRecord record) =>
        new() { UserId = AccessRules.OwnerOf(record.Restore.Metadata), UserName = record.CreatedBy, IsSuperAdmin = record.BySuperAdmin };

    private static StorkReport ReportOf(ApplicationRestore resource) => new()
    {
        ResourceUid = resource.Metadata.Uid,
        Stage = resource.Status.Stage,
        Status = resource.Status.Status,
        Reason = resource.Status.Reason,
        ResourceCount = resource.Status.ResourceCount,
        RestoredCount = resource.Status.RestoredResourceCount,
        VolumeCount = resource.Status.Volumes.Count,
        TotalSize = (long)Math.Min(resource.Status.TotalSize, long.MaxValue),
        LastUpdate = resource.Status.LastUpdateTimestamp?.ToString("O") ?? "",
    };

    [LoggerMessage(LogLevel.Information, "Restore {Restore} [{Name}] is placed on its cluster")]
    private static partial void LogPlaced(ILogger logger, ObjectKey restore, string name);

    [LoggerMessage(LogLevel.Information, "Restore {Restore} ended as {Status}: {Reason}")]
    private static partial void LogFinished(ILogger logger, ObjectKey restore, Status status, string reason);

    [LoggerMessage(LogLevel.Information, "Restore {Restore} is deleted")]
    private static partial void LogDeleted(ILogger logger, ObjectKey restore);
}
