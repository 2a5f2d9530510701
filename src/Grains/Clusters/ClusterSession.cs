using Microsoft.Extensions.Logging;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Stork;

namespace PxBackup.Grains.Clusters;

/// <summary>
/// A cluster's connection with its watch and its checks. Runs beside the grain, not on its turn, and reports to it: a sick
/// cluster can hold up no other (DESIGN D5).
/// </summary>
internal sealed partial class ClusterSession : IClusterObserver, IAsyncDisposable
{
    private static readonly TimeSpan ListPause = TimeSpan.FromSeconds(1);
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
    private volatile TaskCompletionSource _checkSoon = new();
    private readonly StorkPulse _stork;
    private bool _storkSilent;
    private bool _deniedTold;
    private DateTimeOffset _checkedAt;
    private readonly ObservationPump _pump;
    private readonly ReportGate _reports;
    private readonly ClusterMetrics _metrics;
    private readonly string _adminNamespace;
    private Task _work = Task.CompletedTask;

    public ClusterSession(
        ObjectKey key, long revision, string adminNamespace, string identity, bool storkSilent, IClusterConnection connection, IClusterHealthGrain grain, IGrainFactory grains,
        IRecordStore store, ClusterMetrics metrics, ClusterOptions options, ConnectGate gate, Func<bool> isUrgent, TimeProvider time, ILogger logger)
    {
        (_key, Revision, _adminNamespace, Identity, _storkSilent, Connection, _grain) = (key, revision, adminNamespace, identity, storkSilent, connection, grain);
        (_options, _gate, _isUrgent, _time, _logger) = (options, gate, isUrgent, time, logger);
        Number = gate.Random.NextInt64();
        _stork = new StorkPulse(options.StorkSilence);
        _metrics = metrics;
        _pump = new ObservationPump(grains, options, time, logger, _stop.Token);
        _reports = new ReportGate(key, store, _pump, options, metrics, time, logger, _stop.Token);
    }

    /// <summary>The connection; its calls have their own time-outs.</summary>
    public IClusterConnection Connection { get; }

    /// <summary>Revision of the cluster's record that this session was opened for.</summary>
    public long Revision { get; }

    /// <summary>Tells this session's reports from those of any other.</summary>
    public long Number { get; }

    /// <summary>The namespace that is watched.</summary>
    public string AdminNamespace => _adminNamespace;

    /// <summary>The cluster that the connection is held to: uid of its namespace kube-system; empty when it is not known.</summary>
    public string Identity { get; }

    /// <summary>A call of work failed: the cluster is checked at once, and where its sign-in was refused it is told to be offline before.</summary>
    public void Suspect(Exception failure)
    {
        if (failure is ApiException { IsUnauthorized: true })
            _ = BesideAsync(() => ReportRefusedAsync(failure));
        if (failure is ClusterException or ApiException { IsUnauthorized: true } or ApiException { IsForbidden: true } or ApiException { IsUnknownType: true })
            CheckSoon();
    }

    /// <summary>A call succeeded that was not expected to, or the like: look again before long.</summary>
    public void CheckSoon() => _checkSoon.TrySetResult();

    /// <summary>Work of this cluster: what the cluster reports about it goes through without a look-up.</summary>
    public void Know(string uid) => _reports.Know(uid);

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
        _pump.Dispose();
        _stop.Dispose();
    }

    async Task IClusterObserver.OnListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, CancellationToken cancellationToken)
    {
        // A list is finite, and what it tells comes again only in half an hour: it waits for the look-ups, where an event is dropped.
        foreach (var resource in resources)
        {
            while (!Post(resource, gone: false))
                await Task.Delay(ListPause, _time, cancellationToken);
        }
    }

    Task IClusterObserver.OnChangedAsync(ResourceProjection resource, CancellationToken cancellationToken)
    {
        _ = Post(resource, gone: false);
        return Task.CompletedTask;
    }

    Task IClusterObserver.OnDeletedAsync(ResourceProjection resource, CancellationToken cancellationToken)
    {
        _ = Post(resource, gone: true);
        return Task.CompletedTask;
    }

    void IClusterObserver.OnSlowed(TimeSpan wait) => _metrics.Slowed(wait);

    async Task IClusterObserver.OnConnectionStateAsync(ConnectionState state, CancellationToken cancellationToken)
    {
        if (state.Connected)
            _checkNow.TrySetResult();
        else
            await ReportAsync(new ClusterHealth { Revision = Number, Online = false, Reason = OutsideText.OneLine($"{state.Cause}: {state.Message.TrimEnd('.')}. {state.Cure}") });
    }

    /// <returns>False: too much is being looked up already.</returns>
    private bool Post(ResourceProjection resource, bool gone)
    {
        // Without our uid it is not for anybody here: a resource that a person labelled by hand, say. Nor does a hash find its way.
        if (resource.OwnerUid.Length == 0 || StorkLabels.IsHash(resource.OwnerUid))
            return true;
        if (ReportReading.Read(resource, _key.Uid, _adminNamespace, gone) is { } report)
            return _reports.Post(resource.Kind == StorkKind.ApplicationBackup ? ObjectKind.Backup : ObjectKind.Restore, resource.OwnerUid, report);
        _reports.Refuse();
        return true;
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
                await WaitForNextAsync(healthy);
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
        await _gate.EnterAsync(_isUrgent, _stop.Token);
        _checkedAt = _time.GetUtcNow();
        using var timeout = new CancellationTokenSource(_options.CheckTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, timeout.Token);
        try
        {
            var probe = await Connection.ProbeAsync(either.Token);
            health = Judged(ClusterRules.Healthy(Number, probe), probe.Stork);
            if (Identity.Length > 0 && health.ClusterUid.Length > 0 && health.ClusterUid != Identity)
                health = health with { Online = false }; // The rule tells why.
            if (health.Online && health.Reason.Length == 0)
                health = health with { Reason = _reports.Complaint() };
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            health = ClusterRules.Unhealthy(Number, e is OperationCanceledException && timeout.IsCancellationRequested ? ClusterErrors.Late(_options.CheckTimeout, e) : e);
        }

        await ReportAsync(health);
        if (health.Stork != StorkState.Unproven)
            _storkSilent = health.Stork == StorkState.Silent;
        return health.Online;
    }

    private ClusterHealth Judged(ClusterHealth health, StorkLook? look)
    {
        if (look is null)
            return health;
        if (look.Denied.Count > 0 && !_deniedTold)
        {
            _deniedTold = true;
            LogNotSeen(_logger, _key, string.Join(", ", look.Denied));
        }

        var state = _stork.See(look, _time.GetUtcNow());
        return state == StorkState.Silent ? health.WithoutStork(_stork.Cause!) : health with { Stork = state };
    }

    /// <summary>One small read: is Stork's program what it was said to be, and does the API server answer at all?</summary>
    private async Task<bool> IsAsToldAsync()
    {
        using var timeout = new CancellationTokenSource(_options.PulseTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, timeout.Token);
        try
        {
            var state = _stork.See(await Connection.LookAtStorkAsync(withDeployment: false, either.Token), _time.GetUtcNow());
            return state == StorkState.Unproven || (state == StorkState.Silent) == _storkSilent;
        }
        catch (Exception e) when (e is ClusterException or ApiException || timeout.IsCancellationRequested)
        {
            return false; // The check tells the cause.
        }
    }

    private Task ReportRefusedAsync(Exception failure) => ReportAsync(ClusterRules.Unhealthy(Number, failure));

    // A report can end this very session (the admin namespace changed): the grain then waits for it, and it must not wait for the grain.
    private Task ReportAsync(ClusterHealth health) => _grain.ReportAsync(health).WaitAsync(_stop.Token);

    /// <summary>Returns when the next check is due: by time, because somebody asked for it, or because a look at Stork showed a change.</summary>
    private async Task WaitForNextAsync(bool healthy)
    {
        var due = _time.GetUtcNow() + Jittered(healthy ? _options.CheckInterval : _options.RecheckInterval);
        do
        {
            var left = due - _time.GetUtcNow();
            if (await WaitAsync(healthy ? Shorter(left, UntilNextLook()) : left))
                return;
        }
        while (_time.GetUtcNow() < due && (!healthy || await IsAsToldAsync()));
    }

    private TimeSpan UntilNextLook()
    {
        var pause = Jittered(_options.PulseInterval);
        // Not later than the moment in which silence would be certain.
        return _stork.SilentAt is { } silentAt && silentAt - _time.GetUtcNow() is var left && left > TimeSpan.Zero ? Shorter(pause, left) : pause;
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    // Timers know whole milliseconds: what is cut off would make the wait end before its time, and the loop around it turn without waiting.
    private static TimeSpan WholeMilliseconds(TimeSpan pause) => TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds));

    /// <summary>Waits; true when a check was asked for meanwhile.</summary>
    private async Task<bool> WaitAsync(TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
            await ((Task)Task.WhenAny(_checkNow.Task, _checkSoon.Task).WaitAsync(WholeMilliseconds(pause), _time, _stop.Token)).ConfigureAwait(Quietly);
        _stop.Token.ThrowIfCancellationRequested();
        var asked = _checkNow.Task.IsCompleted;
        if (!asked && _checkSoon.Task.IsCompleted)
        {
            // A thousand calls that fail together ask for one check, and none asks for more than one in so long.
            asked = true;
            var early = _checkedAt + _options.SuspicionInterval - _time.GetUtcNow();
            if (early > TimeSpan.Zero)
                await ((Task)_checkNow.Task.WaitAsync(WholeMilliseconds(early), _time, _stop.Token)).ConfigureAwait(Quietly);
            _stop.Token.ThrowIfCancellationRequested();
        }

        // What is asked for from here on is not answered by the check that begins now.
        if (_checkNow.Task.IsCompleted)
            _checkNow = new TaskCompletionSource();
        if (asked && _checkSoon.Task.IsCompleted)
            _checkSoon = new TaskCompletionSource();
        return asked;
    }

    private TimeSpan Jittered(TimeSpan interval) => interval * (0.8 + (0.4 * _gate.Random.NextDouble()));

    private Task BesideAsync(Func<Task> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _gate.Scheduler).Unwrap();

    [LoggerMessage(LogLevel.Error, "The watch of cluster {Cluster} broke and starts again")]
    private static partial void LogWatchBroke(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The state of cluster {Cluster} could not be reported; it is reported again")]
    private static partial void LogReportFailed(ILogger logger, ObjectKey cluster, Exception exception);

    [LoggerMessage(LogLevel.Information, "Whether Stork works on cluster {Cluster} can be seen in part only: its account lacks the rights {Rights}")]
    private static partial void LogNotSeen(ILogger logger, ObjectKey cluster, string rights);

    [LoggerMessage(LogLevel.Warning, "The session of cluster {Cluster} is slow to stop; it is left behind")]
    private static partial void LogSlowStop(ILogger logger, ObjectKey cluster);
}
