using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using PxBackup.Grains.Restores;
using PxBackup.Stork;
using Level = PxBackup.Api.Ownership.Types.AccessType;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace PxBackup.Grains.Clusters;

/// <summary>One application cluster. Owns the session (connection, watch, checks), the admission queue and the removal.</summary>
[KeepAlive, GrainType("cluster")]
internal sealed partial class ClusterGrain(
    IClusterConnectionFactory connections, ConnectGate gate, IOptions<ClusterOptions> options)
    : RecordGrain<ClusterRecord>(ObjectKind.Cluster), IClusterGrain, IClusterHealthGrain, IIncomingGrainCallFilter
{
    /// <summary>How often a removal looks at what it waits for: a few indexed counts.</summary>
    private static readonly TimeSpan DeletionStep = TimeSpan.FromSeconds(5);

    /// <summary>How often it looks whether Stork has let go of what was taken away; 0.2–0.3 s when all is well.</summary>
    private static readonly TimeSpan ClearingStep = TimeSpan.FromSeconds(1);

    /// <summary>Resources of ours that are taken away at once: Stork has ten workers.</summary>
    private const int AwayAtOnce = 8;

    private readonly AdmissionQueue _queue = new(options.Value.WorkAtOnce);
    private readonly SemaphoreSlim _oneSession = new(1, 1);
    private ClusterSession? _session;
    private readonly Dictionary<(int, string, string, string), Task> _goingAway = [];
    private readonly HashSet<(int, string, string, string)> _notAway = [];
    private bool _removing;
    private bool _tidying;
    private bool _isTidy;
    private List<PlacedResource>? _clearing;
    private bool _telling;
    private bool _tellAgain;

    /// <summary>Who works there and who waits, for tests.</summary>
    internal AdmissionQueue Queue => _queue;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        if (!IsUnreadable)
            await OpenSessionAsync();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => await CloseSessionAsync();

    public override void Dispose()
    {
        _oneSession.Dispose();
        base.Dispose();
    }

    /// <summary>A cluster that does not exist keeps no activation: any uid may be asked for.</summary>
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        finally
        {
            if (IsUnreadable || Record is null)
                DeactivateOnIdle();
        }
    }

    public async Task<ClusterObject> CreateAsync(ClusterCreateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (Record is { } there)
        {
            var isCallers = AccessRules.OwnerOf(there.Cluster.Metadata) == caller.UserId;
            return isCallers && there.RequestHash == RequestHash.Of(request) && there.Cluster.ClusterInfo.Kubeconfig == request.Kubeconfig
                ? Shown(there, caller, includeSecrets: false)
                : throw RequestHash.Taken(ObjectKind.Cluster, Key, isCallers);
        }

        await RefuseTakenNameAsync(request.Metadata.Name, caller, cancellationToken);
        var health = await CheckAsync(request.Kubeconfig, cancellationToken);
        var record = await ChangeAsync(_ => ClusterRules.Create(request, Key, health, caller, Time.GetUtcNow()));
        record = await TellSameClusterAsync(record);
        LogRegistered(Logger, request.Metadata.Name, Key, record.Cluster.ClusterInfo.Status.Status);
        await OpenSessionAsync();
        return Shown(record, caller, includeSecrets: false);
    }

    public async Task UpdateAsync(ClusterUpdateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var record = Visible(caller, request.Metadata.Name, Level.Write);
        RefuseLeaving(record);
        var health = request.Kubeconfig.Length > 0 ? await CheckAsync(request.Kubeconfig, cancellationToken) : null;
        record = await AmendAsync(current => ClusterRules.Update(current, request, health, Time.GetUtcNow()));
        if (health is not null)
            await TellSameClusterAsync(record);
        await OpenSessionAsync();
    }

    public Task<ClusterObject> InspectAsync(ClusterInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(Shown(Visible(caller, request.Name), caller, request.IncludeSecrets));

    public async Task DeleteAsync(ClusterDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (await RemoveUnreadableAsync(request.Name, caller))
            return;
        _ = Visible(caller, request.Name, Level.Write);
        if (request.DeleteAllClusterBackups && !caller.IsSuperAdmin)
            throw new DomainException(ErrorReason.PermissionDenied, "delete_all_cluster_backups: only a super administrator may delete the backups of every user of a cluster");
        await AmendAsync(current => ClusterRules.Delete(current, request, caller, Time.GetUtcNow()));
        StartRemoval();
    }

    public async Task<ResourceTypeResponse> ResourceTypesAsync(Caller caller, CancellationToken cancellationToken)
    {
        var record = Visible(caller, "");
        try
        {
            var kinds = await OnClusterAsync(record, (connection, token) => connection.ListBackupKindsAsync(token), cancellationToken);
            return new ResourceTypeResponse { ResourceTypes = { kinds } };
        }
        catch (Exception e) when (e is ClusterException or ApiException)
        {
            throw ClusterErrors.ToDomain($"failed to list the resource types of cluster [{record.Cluster.Metadata.Name}]", e);
        }
    }

    public Task<ClusterFacts> FactsAsync(Caller caller, CancellationToken cancellationToken) => Task.FromResult(ClusterRules.FactsOf(Visible(caller, "")));

    public Task EnqueueAsync(ClusterWork work, CancellationToken cancellationToken)
    {
        _ = Visible(Caller.System, "");
        _queue.Add(work);
        _session?.Know(work.Key.Uid);
        if (_queue.IsRunning(work) && !work.Running)
            Tell(work); // It was told before and asks again: the first word was lost.
        AdmitMore();
        return Task.CompletedTask;
    }

    public Task ReleaseAsync(ClusterWork work, CancellationToken cancellationToken)
    {
#if SEEDED_BUGS
        if (SeededBugs.Is("room-not-released"))
            return Task.CompletedTask;
#endif
        _queue.Remove(work);
        AdmitMore();
        return Task.CompletedTask;
    }

    public async Task<ClusterReply> CallAsync(ClusterCall call, CancellationToken cancellationToken)
    {
        var record = Visible(Caller.System, "");
        var places = call.Verb is ClusterVerb.Adopt or ClusterVerb.Apply;
        if (_clearing is not null && places)
            throw new DomainException(ErrorReason.WrongState, $"cluster [{record.Cluster.Metadata.Name}] is being removed: nothing is placed there any more");
        record = await AmendAsync(current => ClusterRules.Noted(current, call));
        if (places && _goingAway.GetValueOrDefault(((int)call.Resource, call.Namespace, call.Name, call.Uid)) is { } going)
            await going; // What an earlier registration left there is just being taken away: it would take this with it. Taking away itself looks and patches.
        return await ExecuteAsync(record, call, cancellationToken);
    }

    private async Task<ClusterReply> ExecuteAsync(ClusterRecord record, ClusterCall call, CancellationToken cancellationToken)
    {
        try
        {
            return await OnClusterAsync(record, (connection, token) => ClusterCalls.ExecuteAsync(connection, call, token), cancellationToken);
        }
        catch (Exception e) when (e is ClusterException or ApiException)
        {
            throw ClusterErrors.ToDomainOfWork($"cluster [{record.Cluster.Metadata.Name}]", e);
        }
    }

    public async Task WakeAsync(CancellationToken cancellationToken)
    {
        await OpenSessionAsync();
        if (Record is { Deleting: true })
            StartRemoval();
        // Room that somebody forgot to give back (its silo died in between) must not be lost for ever.
        foreach (var work in _queue.Running.ToArray())
            Tell(work);
        AdmitMore();
    }

    public async Task ReportAsync(ClusterHealth health)
    {
        // A silo that was taken for dead may still have a session of its own for the same revision: what it lost is not lost here.
        if (Record is null || _session?.Number != health.Revision)
            return;
        health = health with { Revision = _session.Revision };
        var before = Record.Cluster.ClusterInfo.Status;
        var record = await AmendAsync(current => ClusterRules.Report(current, health, Time.GetUtcNow()));
        var after = record.Cluster.ClusterInfo.Status;
        if (before.Status != after.Status)
            LogStatus(Logger, Name, Key, after.Status, after.Reason);
        if (record is { SameAs.Length: > 0, Deleting: false } && health.Online)
            await TellSameClusterAsync(record); // The other one may have gone meanwhile.
        if (_session is { } session && !IsOf(session, record))
            await OpenSessionAsync();
        AdmitMore();
        if (!before.Equals(after))
            TellWork();
        if (health.Online)
            StartTidying();
        else
            _isTidy = false;
    }

    protected override RecordIndex IndexOf(ClusterRecord record) => ClusterRules.IndexOf(record);

    protected override Metadata MetadataOf(ClusterRecord record) => record.Cluster.Metadata;

    protected override async Task<string> StateOfAsync(RecordKey holder)
    {
        var other = await Store.FindAsync<ClusterRecord>(holder, CancellationToken.None);
        return other is null ? "" : $" with status: {other.Body.Cluster.ClusterInfo.Status.Status}";
    }

    private static ClusterObject Shown(ClusterRecord record, Caller caller, bool includeSecrets)
    {
        var shown = record.Cluster.Clone();
        if (!includeSecrets || !AccessRules.MaySeeSecrets(shown.Metadata, caller))
            SecretFields.Blank(shown);
        return shown;
    }

    private static void RefuseLeaving(ClusterRecord record)
    {
        if (record.Deleting)
            throw new DomainException(ErrorReason.WrongState, $"cluster [{record.Cluster.Metadata.Name}] is being removed");
    }

    private async Task RefuseTakenNameAsync(string name, Caller caller, CancellationToken cancellationToken)
    {
        // Before the cluster is examined, which takes time; the store has the last word when the record is written.
        var taken = await Store.QueryAsync<ClusterRecord>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = Key.OrgId, Name = name, Owners = [caller.UserId], Limit = 1 }, cancellationToken).OrUnavailableAsync();
        if (taken.Items is [var holder])
            throw new DomainException(ErrorReason.AlreadyExists, $"cluster [{name}] already exists with status: {holder.Body.Cluster.ClusterInfo.Status.Status}");
    }

    private async Task<ClusterHealth> CheckAsync(string kubeconfig, CancellationToken cancellationToken)
    {
        const string what = "failed to validate access to the cluster";
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.Value.CheckTimeout);
        try
        {
            await using var connection = Open(kubeconfig);
            var probe = await connection.ProbeAsync(timeout.Token);
            var health = ClusterRules.Healthy(0, probe);
            return StorkPulse.AtFirstSight(probe.Stork) is { } silent ? health.WithoutStork(silent) : health;
        }
        catch (KubeconfigException e)
        {
            throw DomainException.InvalidField("kubeconfig", e.Message);
        }
        catch (ClusterException e) when (e.Cause == ClusterFailure.StorkMissing)
        {
            // The cluster itself is fine: it is registered as Offline and comes Online by itself once Stork is installed.
            return ClusterRules.Unhealthy(0, e);
        }
        catch (Exception e) when (e is ClusterException or ApiException || timeout.IsCancellationRequested)
        {
            throw ClusterErrors.ToDomain(what, e is ClusterException or ApiException ? e : ClusterErrors.Late(options.Value.CheckTimeout, e));
        }
    }

    /// <summary>All that a request or a step asks of the cluster, within <see cref="ClusterOptions.CallTimeout"/>. What a call learns of the cluster, its session learns.</summary>
    private async Task<T> OnClusterAsync<T>(ClusterRecord record, Func<IClusterConnection, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        var session = Session(record);
        using var timeout = new CancellationTokenSource(options.Value.CallTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var answer = await call(session.Connection, either.Token);
            if (record is { StorkSilent: false, Cluster.ClusterInfo.Status.Status: ClusterInfo.Types.StatusInfo.Types.Status.Offline })
                session.CheckSoon(); // It answers again: nobody should have to wait for the next check.
            return answer;
        }
        catch (Exception e) when (e is ClusterException or ApiException || (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested))
        {
            var failure = e is ClusterException or ApiException ? e : ClusterErrors.Late(options.Value.CallTimeout, e);
            session.Suspect(failure);
            if (ReferenceEquals(failure, e))
                throw;
            throw failure;
        }
        catch (ObjectDisposedException e)
        {
            throw new ClusterException(ClusterFailure.ConnectionLost, "its connection was replaced meanwhile.", "Nothing, it is tried again.", e);
        }
    }

    private IClusterConnection Open(string kubeconfig, string identity = "")
    {
        var endpoint = KubeconfigParser.ParseBase64(kubeconfig);
        return endpoint.User.AwsIam is null
            ? connections.Open(endpoint, identity: identity.Length > 0 ? identity : null)
            : throw new DomainException(ErrorReason.Unimplemented, "kubeconfig: sign-in by an AWS identity (EKS) is not built in this release; use a kubeconfig with a service account's token or a client certificate");
    }

    private async Task OpenSessionAsync()
    {
        // Calls interleave, and closing takes a while: two of them must not both open one.
        await _oneSession.WaitAsync();
        try
        {
            await RenewSessionAsync();
        }
        finally
        {
            _oneSession.Release();
        }
    }

    private async Task RenewSessionAsync()
    {
        if (Record is not { } record)
        {
            await CloseSessionAsync();
            return;
        }

        if (_session is { } session && IsOf(session, record))
            return;
        await CloseSessionAsync();
        try
        {
            _session = new ClusterSession(
                Key, record.Revision, record.AdminNamespace, IdentityOf(record), record.StorkSilent, Open(record.Cluster.ClusterInfo.Kubeconfig, IdentityOf(record)), this.AsReference<IClusterHealthGrain>(), GrainFactory,
                Store, new ClusterMetrics(ServiceProvider.GetService<IMeterFactory>()), options.Value, gate, () => _queue.HasWork, Time, Logger);
            foreach (var work in _queue.All)
                _session.Know(work.Key.Uid);
            _session.Start();
        }
        catch (Exception e) when (e is KubeconfigException or DomainException)
        {
            // It was accepted once; a stricter release may refuse it. The object stays and says why.
            LogRefused(Logger, Name, Key, e.Message);
            await AmendAsync(current => ClusterRules.Report(current, new ClusterHealth { Revision = current.Revision, Online = false, Reason = e.Message }, Time.GetUtcNow()));
        }
    }

    private static bool IsOf(ClusterSession session, ClusterRecord record) =>
        session.Revision == record.Revision && session.AdminNamespace == record.AdminNamespace && session.Identity == IdentityOf(record);

    private static string IdentityOf(ClusterRecord record) => record.Cluster.ClusterInfo.ApplicationClusterUuid;

    /// <summary>Looks whether the owner has registered the same cluster before; of anybody else's registrations nothing is said.</summary>
    private async Task<ClusterRecord> TellSameClusterAsync(ClusterRecord record)
    {
        if (IdentityOf(record).Length == 0)
            return record;
        try
        {
            return await SameClusterAsync(record);
        }
        catch (DomainException e) when (e.Reason == ErrorReason.StoreUnavailable)
        {
            return record; // A hint is worth no failure.
        }
    }

    private async Task<ClusterRecord> SameClusterAsync(ClusterRecord record)
    {
        var same = await Store.QueryAsync<ClusterRecord>(new RecordQuery
        {
            Kind = ObjectKind.Cluster,
            OrgId = Key.OrgId,
            References = [[IdentityOf(record)]],
            Owners = [AccessRules.OwnerOf(record.Cluster.Metadata)],
            Limit = 2,
        }, CancellationToken.None).OrUnavailableAsync();
        var other = same.Items.FirstOrDefault(item => item.Key.Uid != Key.Uid && IdentityOf(item.Body) == IdentityOf(record))?.Body.Cluster.Metadata.Name ?? "";
        return await AmendAsync(current => ClusterRules.SameAs(current, other, Time.GetUtcNow()));
    }

    private async Task CloseSessionAsync()
    {
        if (_session is not { } session)
            return;
        _session = null;
        await session.DisposeAsync();
    }

    private ClusterSession Session(ClusterRecord record) => _session
        ?? throw new DomainException(ErrorReason.Unreachable, $"cluster [{record.Cluster.Metadata.Name}] is not connected: {record.Cluster.ClusterInfo.Status.Reason}");

    private void AdmitMore()
    {
        // An offline cluster admits nothing: what waits keeps its place.
        if (Record is not { Deleting: false } record || !ClusterRules.FactsOf(record).Online)
            return;
        foreach (var work in _queue.Admit())
            Tell(work);
    }

    /// <summary>The state of the cluster changed: whoever waits or runs there says so in its own reason, one after the other.</summary>
    private void TellWork()
    {
        if (_telling)
            _tellAgain = true;
        else
            TellWorkAsync().Ignore();
    }

    private async Task TellWorkAsync()
    {
        _telling = true;
        try
        {
            do
            {
                _tellAgain = false;
                foreach (var work in _queue.All)
                {
                    if (_tellAgain)
                        break; // It changed again: from the beginning.
                    try
                    {
                        await (work.Kind == ObjectKind.Backup ? GrainFactory.Backup(work.Key).WakeAsync() : GrainFactory.Restore(work.Key).WakeAsync());
                    }
                    catch (Exception e)
                    {
                        LogNotTold(Logger, work.Kind, work.Key, Name, Key, e);
                    }
                }
            }
            while (_tellAgain);
        }
        finally
        {
            _telling = false;
        }
    }

    private void Tell(ClusterWork work) => TellAsync(work).Ignore();

    private async Task TellAsync(ClusterWork work)
    {
        try
        {
            if (await (work.Kind == ObjectKind.Backup ? GrainFactory.Backup(work.Key).AdmittedAsync() : GrainFactory.Restore(work.Key).AdmittedAsync()))
                return;
            _queue.Remove(work);
            AdmitMore();
        }
        catch (Exception e)
        {
            // Its own sweep asks again; until then its room stays reserved.
            LogNotTold(Logger, work.Kind, work.Key, Name, Key, e);
        }
    }

    private void StartRemoval()
    {
        if (_removing)
            return;
        _removing = true;
        RemovalAsync().Ignore();
    }

    private async Task RemovalAsync()
    {
        DateTimeOffset? alone = null; // Since when nothing but the cluster itself holds the removal up.
        try
        {
            while (Record is { Deleting: true })
            {
                var removal = new ClusterRemoval(Key, GrainFactory, Store);
                var (toGo, stillThere) = await removal.EndWorkAsync(Record);
                var waiting = toGo + stillThere > 0 ? $"waiting until {toGo} restores and backups are deleted and {stillThere} have ended on the cluster" : "";
                if (waiting.Length == 0)
                    waiting = await ClearAsync(removal, Record);
                if (toGo == 0)
                    alone ??= Time.GetUtcNow();
                if (waiting.Length == 0)
                {
                    await EndAsync(removal, Record);
                    return;
                }

                var until = ClusterRules.WaitsUntil(Record, options.Value);
                if ((until ?? alone + options.Value.LetGoTimeout) <= Time.GetUtcNow())
                {
                    await LetGoAsync(removal, Record, until is null ? waiting : "it cannot be reached");
                    return;
                }

                await AmendAsync(current => ClusterRules.DeletionWaits(current, until is { } at ? $"{waiting}; the cluster cannot be reached: at {at:u} it is removed all the same, and what was placed there stays" : waiting, Time.GetUtcNow(), DeletionStep));
                await Task.Delay(_clearing is null || until is not null ? DeletionStep : ClearingStep, Time, CancellationToken.None);
            }
        }
        catch (Exception e)
        {
            // The record says Deleting and is due: the sweep goes on.
            LogRemovalStopped(Logger, Name, Key, e);
        }
        finally
        {
            _removing = false;
        }
    }

    /// <summary>Takes away what we have placed there; what is left of it in words, nothing when all of it has gone.</summary>
    private async Task<string> ClearAsync(ClusterRemoval removal, ClusterRecord record)
    {
        if (_clearing is null)
        {
            var used = await removal.UsedByOthersAsync(record);
            var all = await removal.ResourcesAsync(record);
            _clearing = [.. all.Where(one => !used.Contains(Named(one)))];
            await FailPoint.HitAsync("cluster.before-clearing", Logger);
        }

        if (record.UnreachableSince is null)
            _clearing = await TakeAwayAsync(record, _clearing, unlessInUse: false);
        return _clearing.Count == 0 ? "" : $"removing what was placed there: {ClusterRules.Describe(_clearing)}";
    }

    /// <summary>Takes resources away, one kind after the other.</summary>
    /// <returns>What is left: Stork has not let go of it, or the cluster did not do it.</returns>
    private async Task<List<PlacedResource>> TakeAwayAsync(ClusterRecord record, IReadOnlyCollection<PlacedResource> resources, bool unlessInUse)
    {
        var left = new List<PlacedResource>();
        foreach (var kind in resources.GroupBy(ClusterRules.OrderOf).OrderBy(kind => kind.Key))
        {
            if (left.Count > 0)
            {
                left.AddRange(kind); // Stork needs it to let go of the others.
                continue;
            }

            await Parallel.ForEachAsync(kind, new ParallelOptions { MaxDegreeOfParallelism = AwayAtOnce, TaskScheduler = TaskScheduler.Current }, async (resource, stop) =>
            {
                if (!await IsAwayAsync(record, resource, unlessInUse, stop))
                    left.Add(resource);
            });
        }

        return left;
    }

    private async Task<bool> IsAwayAsync(ClusterRecord record, PlacedResource resource, bool unlessInUse, CancellationToken stop)
    {
        var name = Named(resource);
        if (unlessInUse && Record is { } now && now.Placed.Any(one => !one.Unwanted && Named(one) == name))
            return true;
        var gone = new TaskCompletionSource();
        _goingAway[name] = gone.Task;
        try
        {
            var removal = ClusterRules.Removal(resource);
            if (resource.WithData)
                await BackupOnCluster.LetDataGoAsync(GrainFactory.Cluster(Key), removal, uid: ""); // Only from the folder that is the backup's.
            if (await ExecuteAsync(record, removal, stop) is not { Found: true, Foreign: false })
                return true;
            LogTakenAway(Logger, record.Cluster.Metadata.Name, Key, removal.Resource, resource.Namespace, resource.Name, resource.Uid);
            return await ExecuteAsync(record, removal with { Verb = ClusterVerb.Find }, stop) is not { Found: true, Foreign: false };
        }
        catch (DomainException e)
        {
            if (_notAway.Add(name)) // Once: it is tried again and again.
                LogNotTakenAway(Logger, record.Cluster.Metadata.Name, Key, (ClusterResource)resource.Kind, resource.Namespace, resource.Name, e.Message);
            return false;
        }
        finally
        {
            _goingAway.Remove(name);
            gone.SetResult();
        }
    }

    /// <summary>Nothing of ours is left there, or it is kept in mind: the record goes.</summary>
    private async Task EndAsync(ClusterRemoval removal, ClusterRecord record)
    {
        await FailPoint.HitAsync("cluster.before-record-delete", Logger);
        var unfinished = await removal.UnfinishedAsync();
        await RemoveAsync();
        await OpenSessionAsync(); // Without a record: closes it.
        LogRemoved(Logger, record.Cluster.Metadata.Name, Key);
        foreach (var (kind, work) in unfinished)
            await (kind == ObjectKind.Backup ? GrainFactory.Backup(work).WakeAsync() : GrainFactory.Restore(work).WakeAsync()); // Learns that the cluster is gone.
        DeactivateOnIdle();
    }

    private async Task LetGoAsync(ClusterRemoval removal, ClusterRecord record, string why)
    {
        var left = _clearing ?? await removal.ResourcesAsync(record);
        await LeftOvers.RememberAsync(Store, Key.OrgId, record, left, Time.GetUtcNow());
        await FailPoint.HitAsync("cluster.after-left-overs", Logger);
        LogLetGo(Logger, record.Cluster.Metadata.Name, Key, record.Cluster.ClusterInfo.ApplicationClusterUuid, why, ClusterRules.Describe(left));
        await EndAsync(removal, record);
    }

    private void StartTidying()
    {
        if (_tidying || Record is not { Deleting: false })
            return;
        _tidying = true;
        TidyAsync().Ignore();
    }

    /// <summary>Takes away what is to be gone: what a deleted location left there or an older snapshot of the cluster brought back, and what an earlier registration left.</summary>
    private async Task TidyAsync()
    {
        try
        {
            if (Record is not { } record)
                return;
            await TakeAwayAsync(record, [.. record.Placed.Where(one => one.Unwanted)], unlessInUse: true);
            for (var tries = 1; !_isTidy && tries <= 12; tries++)
            {
                if (await LeftOvers.FindAsync(Store, Key.OrgId, record) is not { } known)
                {
                    _isTidy = true;
                    return;
                }

                var rest = await TakeAwayAsync(record, known.Body.Resources, unlessInUse: true);
                await FailPoint.HitAsync("cluster.before-left-overs-forgotten", Logger);
                await LeftOvers.KeepAsync(Store, known, rest);
                LogLeftOvers(Logger, record.Cluster.Metadata.Name, Key, known.Body.ClusterName, known.Body.ClusterUid, known.Body.Resources.Count - rest.Count, ClusterRules.Describe(rest));
                if (rest.Count > 0)
                    await Task.Delay(DeletionStep, Time, CancellationToken.None);
            }
        }
        catch (Exception e)
        {
            LogNotTidy(Logger, Record?.Cluster.Metadata.Name ?? "", Key, e); // The next check looks again.
        }
        finally
        {
            _tidying = false;
        }
    }

    private string Name => Record?.Cluster.Metadata.Name ?? "";

    private static (int, string, string, string) Named(PlacedResource resource) => (resource.Kind, resource.Namespace, resource.Name, resource.Uid);

    [LoggerMessage(LogLevel.Information, "Cluster [{Name}] {Cluster} is registered as {Status}")]
    private static partial void LogRegistered(ILogger logger, string name, ObjectKey cluster, ClusterInfo.Types.StatusInfo.Types.Status status);

    [LoggerMessage(LogLevel.Information, "Cluster [{Name}] {Cluster} is {Status}: {Reason}")]
    private static partial void LogStatus(ILogger logger, string name, ObjectKey cluster, ClusterInfo.Types.StatusInfo.Types.Status status, string reason);

    [LoggerMessage(LogLevel.Warning, "The stored kubeconfig of cluster [{Name}] {Cluster} is refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string name, ObjectKey cluster, string reason);

    [LoggerMessage(LogLevel.Warning, "{Kind} {Key} was not told of its room on cluster [{Name}] {Cluster}, or of its state")]
    private static partial void LogNotTold(ILogger logger, ObjectKind kind, ObjectKey key, string name, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Information, "Cluster [{Name}] {Cluster} is removed")]
    private static partial void LogRemoved(ILogger logger, string name, ObjectKey cluster);

    [LoggerMessage(LogLevel.Warning, "The removal of cluster [{Name}] {Cluster} stopped; it goes on at the next sweep")]
    private static partial void LogRemovalStopped(ILogger logger, string name, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Information, "Cluster [{Name}] {Cluster}: {Kind} {Namespace}/{Resource} of {Uid} is taken away")]
    private static partial void LogTakenAway(ILogger logger, string name, ObjectKey cluster, ClusterResource kind, string @namespace, string resource, string uid);

    [LoggerMessage(LogLevel.Warning, "Cluster [{Name}] {Cluster}: {Kind} {Namespace}/{Resource} is not taken away yet: {Reason}")]
    private static partial void LogNotTakenAway(ILogger logger, string name, ObjectKey cluster, ClusterResource kind, string @namespace, string resource, string reason);

    [LoggerMessage(LogLevel.Warning, "Cluster [{Name}] {Cluster} with identity {Identity} is let go ({Reason}); left there, and removed when its owner adds it again: {LeftOvers}")]
    private static partial void LogLetGo(ILogger logger, string name, ObjectKey cluster, string identity, string reason, string leftOvers);

    [LoggerMessage(LogLevel.Information, "Cluster [{Name}] {Cluster} is the one that was let go as [{Former}] {FormerUid}: {Removed} resources that it had kept are removed, {LeftOvers} left")]
    private static partial void LogLeftOvers(ILogger logger, string name, ObjectKey cluster, string former, string formerUid, int removed, string leftOvers);

    [LoggerMessage(LogLevel.Warning, "Cluster [{Name}] {Cluster} could not be looked through for what is to be gone; the next check does it")]
    private static partial void LogNotTidy(ILogger logger, string name, ObjectKey cluster, Exception exception);
}
