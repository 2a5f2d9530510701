using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Interfaces.Organizations;
using PxBackup.Grains.Interfaces.Restores;

namespace PxBackup.Tests.Simulation;

/// <summary>References to grains as one silo (or a client: none) holds them.</summary>
internal sealed class SimGrains(Installation home, Silo? from) : IGrainFactory
{
    private static readonly GrainType BackupType = GrainType.Create("backup");
    private static readonly GrainType RestoreType = GrainType.Create("restore");
    private static readonly GrainType ClusterType = GrainType.Create("cluster");

    public static GrainId IdOf(ObjectKind kind, string key) =>
        GrainId.Create(kind == ObjectKind.Backup ? BackupType : kind == ObjectKind.Restore ? RestoreType : ClusterType, IdSpan.Create(key));

    public static ObjectKind KindOf(GrainId grain) => grain.Type == BackupType ? ObjectKind.Backup : grain.Type == RestoreType ? ObjectKind.Restore : ObjectKind.Cluster;

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey => (TGrainInterface)Grain(typeof(TGrainInterface), primaryKey);

    public TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithGuidKey => throw new NotSupportedException();

    public TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithIntegerKey => throw new NotSupportedException();

    public TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithGuidCompoundKey => throw new NotSupportedException();

    public TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithIntegerCompoundKey => throw new NotSupportedException();

    public TGrainObserverInterface CreateObjectReference<TGrainObserverInterface>(IGrainObserver obj)
        where TGrainObserverInterface : IGrainObserver => throw new NotSupportedException();

    public void DeleteObjectReference<TGrainObserverInterface>(IGrainObserver obj)
        where TGrainObserverInterface : IGrainObserver => throw new NotSupportedException();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey) => throw new NotSupportedException();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey) => throw new NotSupportedException();

    public IGrain GetGrain(Type grainInterfaceType, string grainPrimaryKey) => throw new NotSupportedException();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey, string keyExtension) => throw new NotSupportedException();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey, string keyExtension) => throw new NotSupportedException();

    public TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
        where TGrainInterface : IAddressable => throw new NotSupportedException();

    public IAddressable GetGrain(GrainId grainId) => throw new NotSupportedException();

    public IAddressable GetGrain(GrainId grainId, GrainInterfaceType interfaceType) => throw new NotSupportedException();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey, string? grainClassNamePrefix = null) => throw new NotSupportedException();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey) => throw new NotSupportedException();

    private object Grain(Type type, string key) =>
        type == typeof(IBackupGrain) ? new BackupProxy(home, from, IdOf(ObjectKind.Backup, key))
        : type == typeof(IRestoreGrain) ? new RestoreProxy(home, from, IdOf(ObjectKind.Restore, key))
        : type == typeof(IClusterGrain) ? new ClusterProxy(home, from, IdOf(ObjectKind.Cluster, key))
        : type == typeof(IBackupLocationGrain) ? new LocationProxy(home, from)
        : type == typeof(IOrganizationGrain) ? new OrganizationProxy()
        : throw new NotSupportedException($"no grain {type}");
}

/// <summary>Calls to one grain.</summary>
internal abstract class Proxy<TGrain>(Installation home, Silo? from, GrainId to)
{
    protected Installation Home => home;

    protected Silo? From => from;

    public Task<ResolvedObject> ResolveAsync(string name, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    protected Task<T> CallAsync<T>(CallKind kind, string what, Func<TGrain, Task<T>> call) => home.CallAsync(from, to, kind, what, call);

    protected Task CallAsync(CallKind kind, string what, Func<TGrain, Task> call) => home.CallAsync<TGrain, bool>(from, to, kind, what, async grain =>
    {
        await call(grain);
        return true;
    });
}

internal sealed class BackupProxy(Installation home, Silo? from, GrainId to) : Proxy<IBackupGrain>(home, from, to), IBackupGrain
{
    public Task<BackupObject> CreateAsync(BackupCreateRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Create", async grain =>
    {
        var answer = await grain.CreateAsync(request, caller, CancellationToken.None);
        Home.Truth.Accepted(ObjectKind.Backup, answer.Metadata.Uid);
        return answer;
    });

    public Task UpdateAsync(BackupUpdateRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Update", grain => grain.UpdateAsync(request, caller, CancellationToken.None));

    public Task<Immutable<BackupObject>> InspectAsync(BackupInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        CallAsync(CallKind.Interleaved, "Inspect", grain => grain.InspectAsync(request, caller, CancellationToken.None));

    public Task DeleteAsync(BackupDeleteRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Delete", async grain =>
    {
        await grain.DeleteAsync(request, caller, CancellationToken.None);
        Home.Truth.DeletionAccepted(ObjectKind.Backup, request.Uid);
    });

    public Task ForgetAsync(Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Forget", grain => grain.ForgetAsync(caller, CancellationToken.None));

    public Task<Immutable<BackupObject>> UseAsync(Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Interleaved, "Use", grain => grain.UseAsync(caller, CancellationToken.None));

    public Task<bool> CancelAsync(string reason, CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Cancel", grain => grain.CancelAsync(reason, CancellationToken.None));

    public Task FilesMissingAsync(string missing, CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "FilesMissing", grain => grain.FilesMissingAsync(missing, CancellationToken.None));

    public Task<bool> AdmittedAsync(CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Admitted", grain => grain.AdmittedAsync(CancellationToken.None));

    public Task ObserveAsync(StorkReport report, CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Observe", grain => grain.ObserveAsync(report, CancellationToken.None));

    public Task WakeAsync(CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Wake", grain => grain.WakeAsync(CancellationToken.None));
}

internal sealed class RestoreProxy(Installation home, Silo? from, GrainId to) : Proxy<IRestoreGrain>(home, from, to), IRestoreGrain
{
    public Task<RestoreObject> CreateAsync(RestoreCreateRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Create", async grain =>
    {
        var answer = await grain.CreateAsync(request, caller, CancellationToken.None);
        Home.Truth.Accepted(ObjectKind.Restore, answer.Metadata.Uid);
        return answer;
    });

    public Task UpdateAsync(RestoreUpdateRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Update", grain => grain.UpdateAsync(request, caller, CancellationToken.None));

    public Task<Immutable<RestoreObject>> InspectAsync(RestoreInspectRequest request, Caller caller, CancellationToken cancellationToken) =>
        CallAsync(CallKind.Interleaved, "Inspect", grain => grain.InspectAsync(request, caller, CancellationToken.None));

    public Task DeleteAsync(RestoreDeleteRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Delete", async grain =>
    {
        await grain.DeleteAsync(request, caller, CancellationToken.None);
        Home.Truth.DeletionAccepted(ObjectKind.Restore, request.Uid);
    });

    public Task<bool> CancelAsync(string reason, CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Cancel", grain => grain.CancelAsync(reason, CancellationToken.None));

    public Task<bool> AdmittedAsync(CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Admitted", grain => grain.AdmittedAsync(CancellationToken.None));

    public Task ObserveAsync(StorkReport report, CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Observe", grain => grain.ObserveAsync(report, CancellationToken.None));

    public Task WakeAsync(CancellationToken cancellationToken) => CallAsync(CallKind.Repeatable, "Wake", grain => grain.WakeAsync(CancellationToken.None));
}

internal sealed class ClusterProxy(Installation home, Silo? from, GrainId to) : Proxy<IClusterGrain>(home, from, to), IClusterGrain, IClusterHealthGrain
{
    public Task<ClusterObject> CreateAsync(ClusterCreateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task UpdateAsync(ClusterUpdateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<ClusterObject> InspectAsync(ClusterInspectRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<ResourceTypeResponse> ResourceTypesAsync(Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteAsync(ClusterDeleteRequest request, Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Once, "Delete", grain => grain.DeleteAsync(request, caller, CancellationToken.None));

    public Task<ClusterFacts> FactsAsync(Caller caller, CancellationToken cancellationToken) => CallAsync(CallKind.Interleaved, "Facts", grain => grain.FactsAsync(caller, CancellationToken.None));

    public Task EnqueueAsync(ClusterWork work, CancellationToken cancellationToken) => CallAsync(CallKind.Interleaved, "Enqueue", grain => grain.EnqueueAsync(work, CancellationToken.None));

    public Task ReleaseAsync(ClusterWork work, CancellationToken cancellationToken) => CallAsync(CallKind.Interleaved, "Release", grain => grain.ReleaseAsync(work, CancellationToken.None));

    public Task<ClusterReply> CallAsync(ClusterCall call, CancellationToken cancellationToken) =>
        CallAsync(CallKind.InterleavedOnce, Home.World.Tracing ? $"{call.Verb} {call.Resource} {call.Name}" : "Call", grain =>
        {
            if (call.Verb == ClusterVerb.Adopt && From is { Evicted: true } or { Dead: true })
                Home.Truth.StaleNames.Add(call.Name);
            return grain.CallAsync(call, CancellationToken.None);
        });

    public Task WakeAsync(CancellationToken cancellationToken) => CallAsync(CallKind.Interleaved, "Wake", grain => grain.WakeAsync(CancellationToken.None));

    public Task ReportAsync(ClusterHealth health) => CallAsync(CallKind.Repeatable, "Report", grain => ((IClusterHealthGrain)grain).ReportAsync(health));
}

/// <summary>The backup location: it is there and opens, or fails for a moment.</summary>
internal sealed class LocationProxy(Installation home, Silo? from) : IBackupLocationGrain
{
    public Task<ResolvedObject> ResolveAsync(string name, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OpenLocation> UseAsync(Caller caller, CancellationToken cancellationToken) => home.EffectAsync(from!, "open the location", home.Truth.LocationPort, write: false, () => Scene.Location);

    public Task WakeAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task ToBePlacedAsync(string clusterUid, string clusterNamespace, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task DoubtAsync(string why, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<BackupLocationObject> CreateAsync(BackupLocationCreateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task UpdateAsync(BackupLocationUpdateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<BackupLocationObject> InspectAsync(BackupLocationInspectRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteAsync(BackupLocationDeleteRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ValidateAsync(BackupLocationValidateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>The organization exists.</summary>
internal sealed class OrganizationProxy : IOrganizationGrain
{
    public Task EnsureAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task CreateAsync(OrganizationCreateRequest request, Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OrganizationObject> InspectAsync(Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteAsync(Caller caller, CancellationToken cancellationToken) => throw new NotSupportedException();
}
