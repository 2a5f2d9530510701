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
    private const ConfigureAwaitOptions Quietly = ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext;
    private readonly ObjectKey _key;
    private readonly IClusterHealthGrain _grain;
    private readonly ClusterOptions _options;
    private readonly ConnectGate _gate;
    private readonly Func<bool> _isUrgent;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private volatile TaskCompletionSource _checkNow = new();
    private readonly ObservationPump _pump;
    private readonly string _adminNamespace;
    private Task _work = Task.CompletedTask;

    public ClusterSession(
        ObjectKey key, long revision, string adminNamespace, IClusterConnection connection, IClusterHealthGrain grain, IGrainFactory grains,
        ClusterOptions options, ConnectGate gate, Func<bool> isUrgent, TimeProvider time, ILogger logger)
    {
        (_key, Revision, _adminNamespace, Connection, _grain) = (key, revision, adminNamespace, connection, grain);
        (_options, _gate, _isUrgent, _time, _logger) = (options, gate, isUrgent, time, logger);
        Number = gate.Random.NextInt64();
        _pump = new ObservationPump(grains, time, logger, _stop.Token);
    }

    /// <summary>The connection; its calls have their own time-outs.</summary>
    public IClusterConnection Connection { get; }

    /// <summary>Revision of the cluster's record that this session was opened for.</summary>
    public long Revision { get; }

    /// <summary>Tells this session's reports from those of any other.</summary>
    public long Number { get; }

    /// <summary>The namespace that is watched.</summary>
    public string AdminNamespace => _adminNamespace;

    /// <summary>Starts checking and watching; returns at once.</summary>
    public void Start()
    {
        // Off the grain's scheduler: nothing here may take the grain's turn.
        _work = BesideAsync(() => Task.WhenAll(WatchAsync(), CheckAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        await BesideAsync(() =>
        {
            _stop.Cancel();
            return Task.CompletedTask;
        });
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
            _checkNow.TrySetResult();
        else
            await ReportAsync(new ClusterHealth { Revision = Number, Online = false, Reason = $"{state.Cause}: {state.Message.TrimEnd('.')}. {state.Cure}" });
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
                await Task.Delay(Jittered(_options.RecheckInterval), _time, _stop.Token).ConfigureAwait(Quietly);
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
                await Task.Delay(Jittered(_options.RecheckInterval), _time, _stop.Token).ConfigureAwait(Quietly);
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
            health = ClusterRules.Healthy(Number, await Connection.ProbeAsync(timeout.Token));
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            health = new ClusterHealth { Revision = Number, Online = false, Reason = ClusterErrors.Describe(e) };
        }

        await ReportAsync(health);
        return health.Online;
    }

    // A report can end this very session (the admin namespace changed): the grain then waits for it, and it must not wait for the grain.
    private Task ReportAsync(ClusterHealth health) => _grain.ReportAsync(health).WaitAsync(_stop.Token);

    private async Task WaitForNextAsync(TimeSpan interval)
    {
        await ((Task)_checkNow.Task.WaitAsync(Jittered(interval), _time, _stop.Token)).ConfigureAwait(Quietly);
        _stop.Token.ThrowIfCancellationRequested();
        if (_checkNow.Task.IsCompleted)
            _checkNow = new TaskCompletionSource(); // What is asked for from here on is not answered by the check that begins now.
    }

    private TimeSpan Jittered(TimeSpan interval) => interval * (0.8 + (0.4 * _gate.Random.NextDouble()));

    private Task BesideAsync(Func<Task> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _gate.Scheduler).Unwrap();

    [LoggerMessage(LogLevel.Error, "The watch of cluster {Cluster} broke and starts again")]
    private static partial void LogWatchBroke(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The state of cluster {Cluster} could not be reported; it is reported again")]
    private static partial void LogReportFailed(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The session of cluster {Cluster} is slow to stop; it is left behind")]
    private static partial void LogSlowStop(ILogger logger, ObjectKey cluster);
}
