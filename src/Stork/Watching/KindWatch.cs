using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Lists and watches one kind for as long as it is wanted: list → watch from the list's version → resume from the last version seen → list
/// again when that is too old, runs backwards, or from time to time.</summary>
internal sealed partial class KindWatch(
    StorkKind kind, WatchRequest request, ClusterConnection connection, ObserverGate gate, RateBudget budget, Random random, ILogger<ClusterConnection> logger)
{
    // Resuming that fails this often in a row may be the version's fault, whatever the server says: then a list is the way out.
    private const int MaxResumes = 3;

    // A watch that the server ends sooner is followed by a back-off: it must not become a busy loop.
    private static readonly TimeSpan ShortestWatch = TimeSpan.FromSeconds(1);

    // An event of that many bytes costs as much again: decoding is what a flood takes.
    private const double BytesPerEvent = 16 * 1024;

    private static readonly TimeSpan SlowLogInterval = TimeSpan.FromMinutes(1);

    private readonly ClusterHttp _http = connection.Http;
    private readonly ClusterConnectionOptions _options = connection.Http.Options;
    private readonly TimeProvider _time = connection.Http.Time;
    private readonly Backoff _backoff = new(connection.Http.Options, random);
    private string? _version;
    private DateTimeOffset _relistAt;
    private bool _accepted;
    private bool _productive;
    private bool _lasted;
    private int _gone;
    private long? _toldSlowAt;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(cancellationToken).ConfigureAwait(false);
            }
            // A connection may break in the very moment in which it is not wanted any more.
            catch (Exception e) when (cancellationToken.IsCancellationRequested && IsFailure(e))
            {
                return;
            }
        }
    }

    private async Task RoundAsync(CancellationToken cancellationToken)
    {
        (_accepted, _productive, _lasted) = (false, false, false);
        Exception? failure = null;
        try
        {
            if (_version is null || _time.GetUtcNow() >= _relistAt)
                await ListAsync(cancellationToken).ConfigureAwait(false);
            await WatchAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && IsFailure(e))
        {
            failure = e;
        }

        if (_productive || _lasted)
        {
            _backoff.Reset();
            _gone = 0;
        }

        if (failure is null && _lasted)
            return;
        await RecoverAsync(failure, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells the failure, drops the version when it is no good, and waits.</summary>
    private async Task RecoverAsync(Exception? failure, CancellationToken cancellationToken)
    {
        var api = failure as ApiException;
        if (NeedsList(failure) || _backoff.Failures >= MaxResumes)
            _version = null;
        var first = _backoff.Failures == 0;
        // A version that is too old is not the cluster's failure, unless the version of a fresh list is.
        var stale = api is { IsGone: true } && _gone++ == 0;
        var wait = _backoff.Next(api?.RetryAfter);
        if (stale)
            return;
        // A watch that broke is resumed before anybody is told: most come back at once.
        if (failure is not (null or ObserverException) && !(first && _accepted))
        {
            Log.Lost(logger, kind, failure.Message);
            await TellLostAsync(failure, cancellationToken).ConfigureAwait(false);
        }
        else if (failure is ObserverException)
        {
            Log.ObserverFailed(logger, kind, failure.InnerException!);
        }

        await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
    }

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        var type = kind == StorkKind.ApplicationBackup ? ResourceType.ApplicationBackup : ResourceType.ApplicationRestore;
        _version = null;   // Should the observer fail, the picture was not delivered: list again.
        // Page by page: what a cluster lists is never held as a whole.
        _version = await new ListReader<ResourceProjection>(_http, type.Path(request.Namespace), ClusterConnection.Query("labelSelector", request.LabelSelector),
            ResourceProjectionConverter.PageOf(kind, request.UidLabel), _options.MaxWatchListBytes).ReadAsync(async (items, first, bytes, token) =>
            {
                await gate.ListedAsync(kind, items, first, token).ConfigureAwait(false);
                await PaceAsync(items.Count, bytes, token).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
        // ±20 %, so that a fleet that was started together does not list together for ever.
        _relistAt = _time.GetUtcNow() + (_options.RelistInterval * (0.8 + (0.4 * random.NextDouble())));
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        using var response = await _http.OpenAsync(Path(), cancellationToken).ConfigureAwait(false);
        _accepted = true;
        await gate.WatchingAsync(kind, cancellationToken).ConfigureAwait(false);
        using var watchdog = new Watchdog(_time, _options.WatchSilence, cancellationToken);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var lines = new WatchLines(stream, _options.MaxWatchLineBytes);
        try
        {
            watchdog.Wait();
            while (_version is not null && await lines.MoveNextAsync(watchdog.Token).ConfigureAwait(false))
            {
                watchdog.Rest();
                var bytes = lines.Current.Length;
                await ObserveAsync(WatchEvent.Decode(lines.Current, kind, request.UidLabel), cancellationToken).ConfigureAwait(false);
                await PaceAsync(1, bytes, cancellationToken).ConfigureAwait(false);
                watchdog.Wait();
            }
        }
        catch (OperationCanceledException) when (watchdog.Barked && !cancellationToken.IsCancellationRequested)
        {
            Log.Silent(logger, kind, _options.WatchSilence);
        }
        finally
        {
            _lasted = _time.GetElapsedTime(started) >= ShortestWatch;
        }

        if (lines.WasCut)
            throw new ClusterException(ClusterFailure.ConnectionLost, "The watch was cut inside a line.", "Nothing, if it comes back by itself.");
    }

    /// <summary>Above its budget a cluster is read more slowly: what it sends waits in its own connection.</summary>
    private async Task PaceAsync(int events, long bytes, CancellationToken cancellationToken)
    {
        var wait = budget.Spend(Math.Max(1, events) + (bytes / BytesPerEvent));
        if (wait <= TimeSpan.Zero)
            return;
        gate.Slowed(wait);
        if (_toldSlowAt is not { } at || _time.GetElapsedTime(at) >= SlowLogInterval)
        {
            _toldSlowAt = _time.GetTimestamp();
            Log.Slowed(logger, kind, _options.EventsPerSecond);
        }

        await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
    }

    private async Task ObserveAsync(WatchEvent line, CancellationToken cancellationToken)
    {
        if (line.Type == WatchEventType.Error)
        {
            var code = line.Object.Code is >= 400 and < 600 ? line.Object.Code : 500;
            throw new ApiException((HttpStatusCode)code, "", line.Object.Message);
        }

        _productive = true;
        if (line.Object.ResourceVersion.Length == 0)
            return;   // Neither an object nor a bookmark; a newer server may say more than is known here.
        if (IsBackwards(line.Object.ResourceVersion))
        {
            Log.Backwards(logger, kind, _version, line.Object.ResourceVersion);
            _version = null;
            return;
        }

        if (line.Type == WatchEventType.Deleted)
            await gate.DeletedAsync(line.Object.ToProjection(), cancellationToken).ConfigureAwait(false);
        else if (line.Type is WatchEventType.Added or WatchEventType.Modified)
            await gate.ChangedAsync(line.Object.ToProjection(), cancellationToken).ConfigureAwait(false);
        _version = line.Object.ResourceVersion;
    }

    /// <summary>Versions are numbers in every known API server; one that went down means that its store was put back to an earlier day.</summary>
    private bool IsBackwards(string version) =>
        ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var now)
        && ulong.TryParse(_version, NumberStyles.None, CultureInfo.InvariantCulture, out var before)
        && now < before;

    private string Path()
    {
        var type = kind == StorkKind.ApplicationBackup ? ResourceType.ApplicationBackup : ResourceType.ApplicationRestore;
        var seconds = _options.WatchMinimum + ((_options.WatchMaximum - _options.WatchMinimum) * random.NextDouble());
        return $"{type.Path(request.Namespace)}?watch=true&allowWatchBookmarks=true&timeoutSeconds={(int)seconds.TotalSeconds}"
            + ClusterConnection.Query("resourceVersion", _version) + ClusterConnection.Query("labelSelector", request.LabelSelector);
    }

    private async Task TellLostAsync(Exception failure, CancellationToken cancellationToken)
    {
        try
        {
            await gate.LostAsync(kind, AsCluster(failure), cancellationToken).ConfigureAwait(false);
        }
        catch (ObserverException e)
        {
            // The gate remembers that this state was not told; the next round tells it.
            Log.ObserverFailed(logger, kind, e.InnerException!);
        }
    }

    /// <summary>Failures of the cluster and of the observer; anything else is a mistake in this library and must be seen.</summary>
    private static bool IsFailure(Exception e) =>
        e is ApiException or ClusterException or ObserverException or JsonException or IOException or HttpRequestException or OperationCanceledException;

    private static bool NeedsList(Exception? failure) => failure switch
    {
#if SEEDED_BUGS
        ApiException { IsGone: true } when SeededBugs.Is("no-list-after-410") => false,
#endif
        ApiException api => !api.IsRetryable && !api.IsUnauthorized && !api.IsForbidden,
        ObserverException or JsonException => true,
        _ => false,
    };

    private static ClusterException AsCluster(Exception failure) => failure switch
    {
        ClusterException cluster => cluster,
        ApiException api => ClusterProber.AsCluster(api, "watch Stork's resources"),
        _ => ClusterHttp.Translate(failure) ?? new ClusterException(ClusterFailure.ApiUnavailable, failure.Message, "Look at the API server.", failure),
    };

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Watch of {Kind} lost: {Reason}")]
        public static partial void Lost(ILogger logger, StorkKind kind, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "Watch of {Kind} was silent for {Silence}; resuming")]
        public static partial void Silent(ILogger logger, StorkKind kind, TimeSpan silence);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Versions of {Kind} ran backwards, from {Before} to {Now}; listing again")]
        public static partial void Backwards(ILogger logger, StorkKind kind, string? before, string now);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The cluster sends more than {EventsPerSecond} events of {Kind} a second: it is read more slowly")]
        public static partial void Slowed(ILogger logger, StorkKind kind, int eventsPerSecond);

        [LoggerMessage(Level = LogLevel.Error, Message = "The observer of {Kind} failed; listing again")]
        public static partial void ObserverFailed(ILogger logger, StorkKind kind, Exception exception);
    }
}
