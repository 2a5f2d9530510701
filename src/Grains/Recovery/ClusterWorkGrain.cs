using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// The shell that backups and restores share: work that waits for room on a cluster, is placed there, followed until Stork
/// ends it or gets stuck, and given back. What is placed, what an end means and what is cleaned up is each feature's own.
/// </summary>
internal abstract class ClusterWorkGrain<TRecord>(ObjectKind kind, ClusterWorkOptions limits) : RecordGrain<TRecord>(kind)
    where TRecord : class, IMessage<TRecord>, new()
{
    private static readonly TimeSpan AskForRoomAgain = TimeSpan.FromMinutes(1);

    // Where there is room, the cluster's grain says so in milliseconds: who has heard nothing by then waits for it.
    private static readonly TimeSpan RoomIsGiven = TimeSpan.FromSeconds(2);
    private readonly ObjectKind _kind = kind;
    private WorkLoop? _loop;
    private bool _isPlacing;
    private DateTimeOffset? _followedSince;
    private DateTimeOffset? _removingSince;
    private bool _askedForRoom;
    private string _outage = "";
    private bool _hasTrouble;

    /// <summary>There is room for it on the cluster.</summary>
    protected bool IsAdmitted { get; private set; }

    protected DateTimeOffset Now => Time.GetUtcNow();

    protected override bool TakesNewUids => true;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        _loop = new WorkLoop(this, StepAsync, ExplainAsync, Logger, Random);
        if (!IsNew && !IsUnreadable && Record is { } record && IsUnfinished(record))
            _loop.Go();
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
#if SEEDED_BUGS
        SeededBugs.Is("step-outlives-activation") ? Task.CompletedTask :
#endif
        _loop is { } loop ? loop.StopAsync().WaitAsync(cancellationToken) : Task.CompletedTask;

    public Task<bool> AdmittedAsync(CancellationToken cancellationToken)
    {
        if (Record is not { } record || !WantsRoom(record))
            return Task.FromResult(false);
        IsAdmitted = true;
        Go();
        return Task.FromResult(true);
    }

    public Task WakeAsync(CancellationToken cancellationToken)
    {
        if (Record is { } record && IsUnfinished(record))
            Go();
#if SEEDED_BUGS
        else if (SeededBugs.Is("wake-trusts-memory"))
            return Task.CompletedTask;
#endif
        else
            DeactivateOnIdle(); // The store has work that this activation knows nothing of: a write came late, after it had read.
        return Task.CompletedTask;
    }

    public override void Dispose()
    {
        _loop?.Dispose();
        base.Dispose();
    }

    /// <summary>The next step of unfinished work; null when only an event can bring it on.</summary>
    protected abstract Task<TimeSpan?> StepAsync();

    /// <summary>The facts of the record that the shell needs.</summary>
    protected abstract WorkFacts FactsOf(TRecord record);

    /// <summary>It waits for room, or runs.</summary>
    protected abstract bool WantsRoom(TRecord record);

    protected abstract bool IsUnfinished(TRecord record);

    /// <summary>The record that tells a waiting client what holds the work up.</summary>
    protected abstract TRecord Explained(TRecord record, string reason);

    /// <summary>The record of work that will not succeed any more.</summary>
    protected abstract TRecord Failed(TRecord record, string reason);

    protected abstract void LogEnd(TRecord record);

    protected void Go() => _loop!.Go();

    /// <summary>A report about work that has no record: whatever it is about is removed if the record was deleted.</summary>
    protected async Task OrphanAsync(StorkReport report)
    {
        await ServiceProvider.GetRequiredService<Orphans>().RemoveAsync(_kind, Key, report);
        DeactivateOnIdle();
    }

    protected async Task<TimeSpan?> AskForRoomAsync(TRecord record)
    {
        var work = FactsOf(record);
        var facts = await BackupOnCluster.FactsAsync(Cluster(record));
        if (facts is null or { Leaving: true })
            return await GiveUpAsync($"cluster [{work.ClusterName}] was removed before the {_kind.Title()} began");
        if (Now >= work.Deadline)
            return await GiveUpAsync($"no room on cluster [{facts.Name}] within {limits.PendingTimeout}{(facts.Online ? "" : $": the cluster is offline ({facts.Reason})")}");
        await Cluster(record).EnqueueAsync(WorkOf(record));
        if (facts.Online && !_askedForRoom)
        {
            _askedForRoom = true;
            return RoomIsGiven;
        }

        await ExplainAsync(facts.Online ? BackupRules.WaitsForRoom : WaitsFor(facts));
        return AskForRoomAgain;
    }

    private static string WaitsFor(ClusterFacts facts) => $"waiting for cluster [{facts.Name}], which is offline: {facts.Reason}";

    /// <summary>The cluster and the open location, as far as they allow placing now; null when the work was given up instead.</summary>
    /// <param name="record">The work.</param>
    /// <param name="unusable">How the message begins when the location cannot be used.</param>
    protected async Task<(ClusterFacts Cluster, OpenLocation Location)?> ReadyAsync(TRecord record, string unusable)
    {
        var work = FactsOf(record);
        if (await BackupOnCluster.FactsAsync(Cluster(record)) is not { Leaving: false } facts)
            await GiveUpAsync($"cluster [{work.ClusterName}] was removed before the {_kind.Title()} began");
        else if (Now >= work.Deadline)
            await GiveUpAsync($"the {_kind.Title()} could not be placed on cluster [{facts.Name}] within {limits.PendingTimeout}: {work.Reason}");
        else if (!facts.Online)
            throw new DomainException(ErrorReason.Unreachable, WaitsFor(facts)); // It went offline after it had given room: the next attempt looks again.
        else
        {
            try
            {
                return (facts, await Location(record).UseAsync(CreatorOf(record)));
            }
            catch (DomainException e) when (e.Reason is ErrorReason.NotFound or ErrorReason.WrongState)
            {
                await GiveUpAsync($"{unusable}: {e.Message}");
            }
        }

        return null;
    }

    /// <summary>Looks at the resource; keeps the room while it runs. Null when the work was given up instead.</summary>
    protected async Task<TResource?> LookAsync<TResource>(TRecord record, Func<IClusterGrain, Task<TResource?>> find)
        where TResource : class
    {
        var cluster = Cluster(record);
        if (await BackupOnCluster.FactsAsync(cluster) is not { } facts)
        {
            await LostAsync(record, $"cluster [{FactsOf(record).ClusterName}] was removed while the {_kind.Title()} was running");
            return null;
        }

        _outage = facts.Online ? "" : $"cluster [{facts.Name}] is offline: {facts.Reason}";
        await cluster.EnqueueAsync(WorkOf(record) with { Running = true });
        var followedSince = _followedSince;
        _followedSince = null; // Until the look succeeds.
        var found = await find(cluster);
        _followedSince = followedSince ?? Now;
        if (found is null)
            await LostAsync(record, $"the {typeof(TResource).Name} was deleted on the cluster while Stork was working on it");
        return found;
    }

    /// <summary>Gives up work that makes no progress, with Stork's Warning as the cause; tells the Warning before.</summary>
    /// <param name="record">As of the last report.</param>
    /// <param name="clusterNamespace">Where the resource is.</param>
    /// <param name="resourceUid">Its uid on the cluster.</param>
    /// <param name="stage">Stork's stage.</param>
    /// <param name="withoutWarning">How long it may stay like this without any Warning.</param>
    /// <param name="says">What Stork says: it was just heard, so nothing that held the work up before holds any more.</param>
    protected async Task<TimeSpan?> UnlessStuckAsync(TRecord record, string clusterNamespace, string resourceUid, string stage, TimeSpan withoutWarning, string says)
    {
        // Time in which nobody could look at the cluster does not count against Stork.
        var progressAt = FactsOf(record).Deadline - limits.StageTimeout;
        var quiet = Now - (progressAt > _followedSince ? progressAt : _followedSince!.Value);
        if (quiet < limits.CheckInterval)
        {
            await ExplainAsync(_outage.Length > 0 ? _outage : says);
            return limits.CheckInterval;
        }

        var warning = StoreTexts.OfStork(await BackupOnCluster.WarningAsync(Cluster(record), clusterNamespace, resourceUid));
        await DoubtLocationAsync(record, warning);
        if (quiet >= withoutWarning || (warning.Length > 0 && quiet >= limits.StuckTimeout))
            return await GiveUpAsync($"Stork made no progress in stage '{stage}' for {quiet:hh\\:mm\\:ss}{(warning.Length > 0 ? $": {warning}" : _outage.Length > 0 ? $": {_outage}" : "")}");
        await ExplainAsync(warning.Length > 0 ? warning : _outage.Length > 0 ? _outage : says);
        return limits.CheckInterval;
    }

    /// <summary>
    /// Removes resources on the cluster, on which Stork puts a finalizer. Nothing is waited for when the cluster's object is gone. What
    /// stays is asked for less and less often – the watch tells when it goes – and the object says what holds it up.
    /// </summary>
    /// <param name="cluster">Where they are.</param>
    /// <param name="remove">Asks for the removal; returns what is left, null for nothing.</param>
    /// <returns>When to ask again; null when nothing is left.</returns>
    protected async Task<TimeSpan?> WaitsForRemovalAsync(IClusterGrain cluster, Func<Task<string?>> remove)
    {
        if (await BackupOnCluster.FactsAsync(cluster) is not { } facts || await remove() is not { } left)
        {
            _removingSince = null;
            return null;
        }

        _removingSince ??= Now;
        var waited = Now - _removingSince.Value;
        if (waited >= limits.StuckTimeout || _hasTrouble || !facts.Online)
        {
            _hasTrouble = false;
            await ExplainAsync($"waiting for Stork on cluster [{facts.Name}] to remove {left}: {(facts.Online ? "look whether Stork runs there, and at the resource's events" : $"the cluster is offline: {facts.Reason}")}");
        }

        var pause = waited / 10;
        return pause < limits.DeletePollInterval ? limits.DeletePollInterval : pause > limits.CheckInterval ? limits.CheckInterval : pause;
    }

    /// <summary>What Stork was working on is out of sight: its resource went, or its cluster.</summary>
    protected virtual Task<TimeSpan?> LostAsync(TRecord record, string reason) => GiveUpAsync(reason);

    /// <summary>The cluster is being removed: what waits or runs there is ended. Asking again is harmless.</summary>
    /// <param name="cancel">The rule.</param>
    /// <returns>True once nothing of it is left on the cluster.</returns>
    protected async Task<bool> CancelAsync(Func<TRecord, TRecord> cancel)
    {
        if (Record is null)
        {
            DeactivateOnIdle();
            return true;
        }

        if (_isPlacing)
            return false; // Its resource may be on its way: once it is there, or could not be made, it can be cancelled. The cluster asks again.
        if (WantsRoom(Record))
            await AmendAsync(cancel);
        if (!IsUnfinished(Record))
            return true;
        Go();
        return HasLeftCluster;
    }

    /// <summary>The step that places: nothing is cancelled in the middle of it, else a resource would be made for what has ended.</summary>
    protected async Task<TimeSpan?> PlacingAsync(Func<Task<TimeSpan?>> place)
    {
        _isPlacing = true;
        try
        {
            return await place();
        }
        finally
        {
            _isPlacing = false;
        }
    }

    /// <summary>Nothing of it is left on its cluster, although it is not finished: its objects are still being removed, say.</summary>
    protected bool HasLeftCluster { get; set; }

    protected async Task<TimeSpan?> ReleaseAsync(TRecord record)
    {
        IsAdmitted = false;
        await BackupOnCluster.ReleaseAsync(Cluster(record), WorkOf(record));
        return null;
    }

    protected async Task<TimeSpan?> GiveUpAsync(string reason)
    {
        LogEnd(await AmendAsync(current => Failed(current, reason)));
        return TimeSpan.Zero;
    }

    /// <summary>Who created the work: it may use later what its creator may use.</summary>
    protected Caller CreatorOf(TRecord record)
    {
        var work = FactsOf(record);
        return new() { UserId = AccessRules.OwnerOf(MetadataOf(record)), UserName = work.CreatedBy, IsSuperAdmin = work.BySuperAdmin };
    }

    /// <summary>Asks the store of the work's location; a refusal that speaks against the location has it validated again.</summary>
    protected async Task<T> ThroughStoreAsync<T>(TRecord record, Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (DomainException e) when (e.InnerException is ObjectStoreException { IsAboutTheLocation: true })
        {
            await DoubtLocationAsync(record, e.Message);
            throw;
        }
    }

    /// <summary>Has the location validated again when Stork, or a store, wrote that it refuses keys, rights or the bucket.</summary>
    protected async Task DoubtLocationAsync(TRecord record, string reason)
    {
        if (StoreTexts.CauseIn(reason) is not (StoreFailure.InvalidAccessKey or StoreFailure.SignatureMismatch or StoreFailure.AccessDenied or StoreFailure.BucketNotFound))
            return;
        try
        {
            await Location(record).DoubtAsync(OutsideText.OneLine(reason));
        }
        catch (DomainException)
        {
            // The location says itself what is wrong with it, when it can.
        }
    }

    protected IClusterGrain Cluster(TRecord record) => GrainFactory.Cluster(new ObjectKey(Key.OrgId, FactsOf(record).ClusterUid));

    protected IBackupLocationGrain Location(TRecord record) => GrainFactory.BackupLocation(new ObjectKey(Key.OrgId, FactsOf(record).LocationUid));

    protected ClusterWork WorkOf(TRecord record) => new() { Kind = _kind, Key = Key, Owner = AccessRules.OwnerOf(MetadataOf(record)) };

    // One hiccup is not worth a write.
    private Task ExplainAsync(DomainException refusal, int attempts)
    {
        if (attempts < 2 || Record is null)
            return Task.CompletedTask;
        _hasTrouble = true;
        return ExplainAsync(refusal.Message);
    }

    private async Task ExplainAsync(string reason) => await AmendAsync(current => Explained(current, reason));

    /// <summary>What the shell reads of a record.</summary>
    protected readonly record struct WorkFacts(string ClusterName, string ClusterUid, string LocationUid, DateTimeOffset Deadline, string Reason, string CreatedBy, bool BySuperAdmin);
}
