using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// A cluster's connection with its watch and its checks. Runs beside the grain, not on its turn, and reports to it: a sick
/// cluster can hold up no other (DESIGN D5).
/// </summary>
internal sealed partial class ClusterSession : IClusterObserver, IAsyncDisposable
{
    private readonly ObjectKey _key;
    private readonly IClusterHealthGrain _grain;
    private readonly ClusterOptions _options;
    private readonly ConnectGate _gate;
    private readonly Func<bool> _isUrgent;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _checkNow = new(0);
    private readonly ObservationPump _pump;
    private readonly string _adminNamespace;
    private Task _work = Task.CompletedTask;

    public ClusterSession(
        ObjectKey key, long revision, string adminNamespace, IClusterConnection connection, IClusterHealthGrain grain, IGrainFactory grains,
        ClusterOptions options, ConnectGate gate, Func<bool> isUrgent, TimeProvider time, ILogger logger)
    {
        (_key, Revision, _adminNamespace, Connection, _grain) = (key, revision, adminNamespace, connection, grain);
        (_options, _gate, _isUrgent, _time, _logger) = (options, gate, isUrgent, time, logger);
        _pump = new ObservationPump(grains, time, logger, _stop.Token);
    }

    /// <summary>The connection; its calls have their own time-outs.</summary>
    public IClusterConnection Connection { get; }

    /// <summary>Revision of the cluster's record that this session was opened for.</summary>
    public long Revision { get; }

    /// <summary>The namespace that is watched.</summary>
    public string AdminNamespace => _adminNamespace;

    /// <summary>Starts checking and watching; returns at once.</summary>
    public void Start()
    {
        // Off the grain's scheduler: nothing here may take the grain's turn.
        _work = Task.Run(() => Task.WhenAll(WatchAsync(), CheckAsync()), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _work.WaitAsync(TimeSpan.FromSeconds(5), _time);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            LogSlowStop(_logger, _key);
        }

        await Connection.DisposeAsync();
        _stop.Dispose();
        _checkNow.Dispose();
    }

    Task IClusterObserver.OnListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, CancellationToken cancellationToken)
    {
        foreach (var resource in resources)
            Post(resource, gone: false);
        return Task.CompletedTask;
    }

    Task IClusterObserver.OnChangedAsync(ResourceProjection resource, CancellationToken cancellationToken)
    {
        Post(resource, gone: false);
        return Task.CompletedTask;
    }

    Task IClusterObserver.OnDeletedAsync(ResourceProjection resource, CancellationToken cancellationToken)
    {
        Post(resource, gone: true);
        return Task.CompletedTask;
    }

    async Task IClusterObserver.OnConnectionStateAsync(ConnectionState state, CancellationToken cancellationToken)
    {
        if (state.Connected)
            _checkNow.Release();
        else
            await ReportAsync(new ClusterHealth { Revision = Revision, Online = false, Reason = $"{state.Cause}: {state.Message.TrimEnd('.')}. {state.Cure}" });
    }

    private void Post(ResourceProjection resource, bool gone)
    {
        // Without our uid it is not for anybody here: a resource that a person labelled by hand, say.
        if (resource.OwnerUid.Length == 0)
            return;
        _pump.Post(resource.Kind == StorkKind.ApplicationBackup ? ObjectKind.Backup : ObjectKind.Restore, new ObjectKey(_key.OrgId, resource.OwnerUid), new StorkReport
        {
            ResourceUid = resource.Uid,
            ClusterUid = _key.Uid,
            Namespace = resource.Namespace,
            Name = resource.Name,
            Stage = resource.Stage,
            Status = resource.Status,
            Reason = resource.Reason,
            ResourceCount = resource.ResourceCount,
            RestoredCount = resource.RestoredResourceCount,
            VolumeCount = resource.VolumeCount,
            TotalSize = (long)Math.Min(resource.TotalSize, long.MaxValue),
            LastUpdate = resource.LastUpdate?.ToString("O") ?? "",
            Gone = gone,
        });
    }

    private async Task WatchAsync()
    {
        var request = new WatchRequest { Namespace = _adminNamespace, LabelSelector = StorkLabels.Selector, UidLabel = StorkLabels.Uid };
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _gate.EnterAsync(_isUrgent, _stop.Token);
                await Connection.WatchAsync(request, this, _stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // The watch handles every failure of the cluster itself: this is a defect, and it must not end the watching.
                LogWatchBroke(_logger, _key, e);
                await Task.Delay(Jittered(_options.RecheckInterval), _time, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task CheckAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var healthy = await CheckOnceAsync();
                await WaitForNextAsync(healthy ? _options.CheckInterval : _options.RecheckInterval);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogReportFailed(_logger, _key, e);
                await Task.Delay(Jittered(_options.RecheckInterval), _time, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task<bool> CheckOnceAsync()
    {
        ClusterHealth health;
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            await _gate.EnterAsync(_isUrgent, _stop.Token);
            timeout.CancelAfter(_options.CheckTimeout);
            health = ClusterRules.Healthy(Revision, await Connection.ProbeAsync(timeout.Token));
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            health = new ClusterHealth { Revision = Revision, Online = false, Reason = ClusterErrors.Describe(e) };
        }

        await ReportAsync(health);
        return health.Online;
    }

    // A report can end this very session (the admin namespace changed): the grain then waits for it, and it must not wait for the grain.
    private Task ReportAsync(ClusterHealth health) => _grain.ReportAsync(health).WaitAsync(_stop.Token);

    private async Task WaitForNextAsync(TimeSpan interval)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var early = _checkNow.WaitAsync(wait.Token);
        await Task.WhenAny(early, Task.Delay(Jittered(interval), _time, wait.Token));
        await wait.CancelAsync();
        _stop.Token.ThrowIfCancellationRequested();
    }

    private static TimeSpan Jittered(TimeSpan interval) => interval * (0.8 + (0.4 * Random.Shared.NextDouble()));

    [LoggerMessage(LogLevel.Error, "The watch of cluster {Cluster} broke and starts again")]
    private static partial void LogWatchBroke(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The state of cluster {Cluster} could not be reported; it is reported again")]
    private static partial void LogReportFailed(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The session of cluster {Cluster} is slow to stop; it is left behind")]
    private static partial void LogSlowStop(ILogger logger, ObjectKey cluster);
}
