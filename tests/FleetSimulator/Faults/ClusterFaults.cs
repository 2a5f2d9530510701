using System.Collections.Concurrent;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>How the cluster's API server meets connections.</summary>
public enum ApiServerMode
{
    /// <summary>It answers.</summary>
    Up,

    /// <summary>Connections are cut at once, open ones too.</summary>
    Refusing,

    /// <summary>Connections are accepted and never answered; open requests hang.</summary>
    Silent,
}

/// <summary>Everything that can be made to go wrong with one cluster, on command. Thread-safe; nothing is wrong at first.</summary>
public sealed class ClusterFaults
{
    private readonly Lock _gate = new();
    private List<RequestFault>? _requests;
    private List<AccessDenial>? _denials;
    private List<WatchConnection>? _watches;
    private List<WatchFlood>? _floods;
    private List<ObjectRewrite>? _rewrites;
    private ConcurrentDictionary<string, string>? _failingVolumes;
    private TaskCompletionSource? _up;
    private TaskCompletionSource? _heard;

    /// <summary>How the API server meets connections.</summary>
    public ApiServerMode Mode { get; private set; }

    /// <summary>Added to every answer.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Bytes after which each watch is cut (in the middle of a line, most likely); null for never.</summary>
    public long? CutWatchesAfterBytes { get; set; }

    /// <summary>Commands of rules fail in every pod, as when no kubelet answers.</summary>
    public bool RuleCommandsFail { get; set; }

    /// <summary>The upload of metadata.json, the commit mark, fails after the other files.</summary>
    public bool MetadataUploadFails { get; set; }

    /// <summary>PersistentVolumeClaims (<c>namespace/name</c>, or <c>*</c> for all) whose backup or restore fails, and why.</summary>
    public IDictionary<string, string> FailingVolumes => _failingVolumes ??= new(StringComparer.Ordinal);

    internal bool WatchesSilent => _heard is not null;

    internal event Action? ConnectionsCut;

    /// <summary>Changes how the API server meets connections.</summary>
    public void SetMode(ApiServerMode mode)
    {
        TaskCompletionSource? resumed;
        lock (_gate)
        {
            Mode = mode;
            resumed = _up;
            _up = mode == ApiServerMode.Silent ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        }

        resumed?.TrySetResult();
        if (mode == ApiServerMode.Refusing) CutConnections();
    }

    /// <summary>Cuts every open connection of the cluster.</summary>
    public void CutConnections() => ConnectionsCut?.Invoke();

    /// <summary>Adds a fault to requests; the first that takes a request decides.</summary>
    public void Add(RequestFault fault)
    {
        lock (_gate) (_requests ??= []).Add(fault);
    }

    /// <summary>Takes a fault back.</summary>
    public void Remove(RequestFault fault)
    {
        lock (_gate) _requests?.Remove(fault);
    }

    /// <summary>Takes a right away from the cluster's token.</summary>
    public void Deny(AccessDenial denial)
    {
        lock (_gate) (_denials ??= []).Add(denial);
    }

    /// <summary>Floods the watches of a resource, open ones too.</summary>
    public void Add(WatchFlood flood)
    {
        WatchConnection[] open;
        lock (_gate)
        {
            (_floods ??= []).Add(flood);
            open = _watches?.ToArray() ?? [];
        }

        foreach (var watch in open) watch.Wake();
    }

    /// <summary>Lies about objects from now on.</summary>
    public void Add(ObjectRewrite rewrite)
    {
        lock (_gate) (_rewrites ??= []).Add(rewrite);
    }

    /// <summary>What the open watches watch, one entry each: the resource as <c>applicationbackups.stork.libopenstorage.org</c>.</summary>
    public IReadOnlyList<string> OpenWatches
    {
        get { lock (_gate) return _watches is null ? [] : [.. _watches.Select(watch => watch.Resource)]; }
    }

    /// <summary>Ends every open watch: abruptly (a cut connection or stream) or as a server ends one at its time-out. Returns how many there were.</summary>
    public int CutWatches(bool abruptly = true)
    {
        WatchConnection[] open;
        lock (_gate) open = _watches?.ToArray() ?? [];
        foreach (var watch in open) watch.Cut(abruptly);
        return open.Length;
    }

    /// <summary>Makes every watch silent (no events, no bookmarks, no end), or lets them speak again, with all they missed.</summary>
    public void SilenceWatches(bool silent)
    {
        TaskCompletionSource? heard;
        lock (_gate)
        {
            heard = _heard;
            _heard = silent ? heard ?? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        }

        if (!silent) heard?.TrySetResult();
    }

    /// <summary>Back to a healthy cluster. Stork is not started again by this.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _requests = null;
            _denials = null;
            _floods = null;
            _rewrites = null;
        }

        Latency = TimeSpan.Zero;
        CutWatchesAfterBytes = null;
        RuleCommandsFail = false;
        MetadataUploadFails = false;
        _failingVolumes?.Clear();
        SilenceWatches(false);
        SetMode(ApiServerMode.Up);
    }

    internal string? FailureOfVolume(string ns, string name) =>
        _failingVolumes is null ? null : _failingVolumes.TryGetValue($"{ns}/{name}", out var reason) || _failingVolumes.TryGetValue("*", out reason) ? reason : null;

    internal bool Denies(string verb, string group, string resource, string ns)
    {
        lock (_gate) return _denials?.Exists(d => d.Covers(verb, group, resource, ns)) == true;
    }

    internal RequestFault? Take(string method, bool watch, string path)
    {
        if (_requests is null) return null;
        lock (_gate)
        {
            var fault = _requests?.Find(f => f.Takes(method, watch, path));
            if (fault is not null) fault.Taken++;
            return fault;
        }
    }

    internal byte[] Rewritten(ResourceType type, string name, byte[] json)
    {
        if (_rewrites is null) return json;
        lock (_gate) return _rewrites?.Aggregate(json, (text, rewrite) => rewrite.Apply(type, name, text)) ?? json;
    }

    internal byte[]? NextOfFlood(ResourceType type, string ns, long version)
    {
        if (_floods is null) return null;
        WatchFlood[] floods;
        lock (_gate) floods = _floods?.ToArray() ?? [];
        foreach (var flood in floods)
        {
            if (flood.Next(type, ns, version) is { } line) return line;
        }

        return null;
    }

    internal Task UntilUp() => _up?.Task ?? Task.CompletedTask;

    internal Task UntilHeard() => _heard?.Task ?? Task.CompletedTask;

    internal WatchConnection WatchStarted(string resource, Action wake)
    {
        var watch = new WatchConnection(this, resource, wake);
        lock (_gate) (_watches ??= []).Add(watch);
        return watch;
    }

    internal void WatchEnded(WatchConnection watch)
    {
        lock (_gate) _watches?.Remove(watch);
    }
}
