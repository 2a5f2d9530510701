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
    private static readonly TimeSpan DeletionStep = TimeSpan.FromSeconds(5);
    private readonly AdmissionQueue _queue = new(options.Value.WorkAtOnce);
    private readonly SemaphoreSlim _oneSession = new(1, 1);
    private ClusterSession? _session;
    private bool _removing;

    /// <summary>Who works there and who waits, for tests.</summary>
    internal AdmissionQueue Queue => _queue;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
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
            if (Record is null)
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
        LogRegistered(Logger, Key, record.Cluster.ClusterInfo.Status.Status);
        await OpenSessionAsync();
        return Shown(record, caller, includeSecrets: false);
    }

    public async Task UpdateAsync(ClusterUpdateRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var record = Visible(caller, request.Metadata.Name, Level.Write);
        RefuseLeaving(record);
        var health = request.Kubeconfig.Length > 0 ? await CheckAsync(request.Kubeconfig, cancellationToken) : null;
        await AmendAsync(current => ClusterRules.Update(current, request, health, Time.GetUtcNow()));
        await OpenSessionAsync();
    }

    public Task<ClusterObject> InspectAsync(ClusterInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        Task.FromResult(Shown(Visible(caller, request.Name), caller, request.IncludeSecrets));

    public async Task DeleteAsync(ClusterDeleteRequest request, Caller caller, CancellationToken cancellationToken)
    {
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
            var kinds = await Session(record).Connection.ListBackupKindsAsync(cancellationToken);
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
        try
        {
            return await ClusterCalls.ExecuteAsync(Session(record).Connection, call, cancellationToken);
        }
        catch (Exception e) when (e is ClusterException or ApiException)
        {
            throw ClusterErrors.ToDomain($"cluster [{record.Cluster.Metadata.Name}]", e);
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
            LogStatus(Logger, Key, after.Status, after.Reason);
        if (_session is { } session && session.AdminNamespace != record.AdminNamespace)
            await OpenSessionAsync();
        AdmitMore();
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
            return ClusterRules.Healthy(0, await connection.ProbeAsync(timeout.Token));
        }
        catch (KubeconfigException e)
        {
            throw DomainException.InvalidField("kubeconfig", e.Message);
        }
        catch (ClusterException e) when (e.Cause == ClusterFailure.StorkMissing)
        {
            // The cluster itself is fine: it is registered as Offline and comes Online by itself once Stork is installed.
            return new ClusterHealth { Revision = 0, Online = false, Reason = ClusterErrors.Describe(e) };
        }
        catch (Exception e) when (e is ClusterException or ApiException || timeout.IsCancellationRequested)
        {
            throw ClusterErrors.ToDomain(what, e);
        }
    }

    private IClusterConnection Open(string kubeconfig)
    {
        var endpoint = KubeconfigParser.ParseBase64(kubeconfig);
        return endpoint.User.AwsIam is null
            ? connections.Open(endpoint)
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

        if (_session is { } session && session.Revision == record.Revision && session.AdminNamespace == record.AdminNamespace)
            return;
        await CloseSessionAsync();
        try
        {
            _session = new ClusterSession(
                Key, record.Revision, record.AdminNamespace, Open(record.Cluster.ClusterInfo.Kubeconfig), this.AsReference<IClusterHealthGrain>(), GrainFactory,
                options.Value, gate, () => _queue.HasWork, Time, Logger);
            _session.Start();
        }
        catch (Exception e) when (e is KubeconfigException or DomainException)
        {
            // It was accepted once; a stricter release may refuse it. The object stays and says why.
            LogRefused(Logger, Key, e.Message);
            await AmendAsync(current => ClusterRules.Report(current, new ClusterHealth { Revision = current.Revision, Online = false, Reason = e.Message }, Time.GetUtcNow()));
        }
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
            LogNotTold(Logger, work.Kind, work.Key, e);
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
        try
        {
            while (Record is { Deleting: true } record)
            {
                var waiting = await RemoveDependentsAsync(record);
                if (waiting.Length == 0)
                {
                    await RemoveAsync();
                    await OpenSessionAsync(); // Without a record: closes it.
                    LogRemoved(Logger, Key);
                    await WakeWorkAsync();
                    DeactivateOnIdle();
                    return;
                }

                await AmendAsync(current => ClusterRules.DeletionWaits(current, waiting, Time.GetUtcNow(), DeletionStep));
                await Task.Delay(DeletionStep, Time, CancellationToken.None);
            }
        }
        catch (Exception e)
        {
            // The record says Deleting and is due: the sweep goes on.
            LogRemovalStopped(Logger, Key, e);
        }
        finally
        {
            _removing = false;
        }
    }

    private async Task<string> RemoveDependentsAsync(ClusterRecord record)
    {
        var info = record.Cluster.ClusterInfo;
        var owner = AccessRules.OwnerOf(record.Cluster.Metadata);
        var restores = info.DeleteRestores ? await DependentsAsync<RestoreRecord>(ObjectKind.Restore, owner: null) : [];
        foreach (var restore in restores)
            await UnlessGoneAsync(GrainFactory.Restore(restore.ToObjectKey()).DeleteAsync(new RestoreDeleteRequest { OrgId = restore.OrgId, Uid = restore.Uid }, Caller.System));
        var backups = info.DeleteBackups ? await DependentsAsync<BackupRecord>(ObjectKind.Backup, record.DeleteEverybodysBackups ? null : owner) : [];
        foreach (var backup in backups)
            await UnlessGoneAsync(GrainFactory.Backup(backup.ToObjectKey()).DeleteAsync(new BackupDeleteRequest { OrgId = backup.OrgId, Uid = backup.Uid }, Caller.System));
        return restores.Count + backups.Count == 0 ? "" : $"waiting until {restores.Count} restores and {backups.Count} backups are deleted";
    }

    private static async Task UnlessGoneAsync(Task deletion)
    {
        try
        {
            await deletion;
        }
        catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
        {
            // It went since it was listed: what was wanted.
        }
    }

    private async Task<IReadOnlyList<RecordKey>> DependentsAsync<T>(ObjectKind kind, string? owner)
        where T : class, Google.Protobuf.IMessage<T>, new()
    {
        const int batch = 100;
        var page = await Store.QueryAsync<T>(new RecordQuery { Kind = kind, OrgId = Key.OrgId, References = [[Key.Uid]], Owners = owner is null ? null : [owner], Limit = batch }, CancellationToken.None);
        return [.. page.Items.Select(item => item.Key)];
    }

    private async Task WakeWorkAsync()
    {
        // What still counted on the cluster learns that it is gone.
        foreach (var work in _queue.Running.ToArray())
            await (work.Kind == ObjectKind.Backup ? GrainFactory.Backup(work.Key).WakeAsync() : GrainFactory.Restore(work.Key).WakeAsync());
    }

    [LoggerMessage(LogLevel.Information, "Cluster {Cluster} is registered as {Status}")]
    private static partial void LogRegistered(ILogger logger, ObjectKey cluster, ClusterInfo.Types.StatusInfo.Types.Status status);

    [LoggerMessage(LogLevel.Information, "Cluster {Cluster} is {Status}: {Reason}")]
    private static partial void LogStatus(ILogger logger, ObjectKey cluster, ClusterInfo.Types.StatusInfo.Types.Status status, string reason);

    [LoggerMessage(LogLevel.Warning, "The stored kubeconfig of cluster {Cluster} is refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, ObjectKey cluster, string reason);

    [LoggerMessage(LogLevel.Warning, "{Kind} {Key} was not told that it has room")]
    private static partial void LogNotTold(ILogger logger, ObjectKind kind, ObjectKey key, Exception exception);

    [LoggerMessage(LogLevel.Information, "Cluster {Cluster} is removed")]
    private static partial void LogRemoved(ILogger logger, ObjectKey cluster);

    [LoggerMessage(LogLevel.Warning, "The removal of cluster {Cluster} stopped; it goes on at the next sweep")]
    private static partial void LogRemovalStopped(ILogger logger, ObjectKey cluster, Exception exception);
}
