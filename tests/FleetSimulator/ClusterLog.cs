using System.Diagnostics;
using System.Text.Json;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator;

/// <summary>One write that really happened in a cluster.</summary>
/// <param name="Index">Position in the cluster's log, from 1.</param>
/// <param name="Ticks">When, in <see cref="Stopwatch"/> ticks of this machine (a monotonic clock that all processes of it share).</param>
/// <param name="Nanoseconds">When, in nanoseconds since 1970 UTC (the wall clock at start plus the monotonic clock since).</param>
/// <param name="Verb">create, update, patch or delete.</param>
/// <param name="Resource">Such as <c>applicationbackups.stork.libopenstorage.org</c>.</param>
/// <param name="Namespace">Empty for cluster-scoped objects.</param>
/// <param name="Name">Object's name.</param>
/// <param name="Uid">Object's uid.</param>
/// <param name="Version">Resource version that the write got.</param>
/// <param name="Change">ADDED, MODIFIED or DELETED, as a watch shows it.</param>
/// <param name="Caller"><c>stork</c>, the user of the token or certificate, or <c>human</c>.</param>
/// <param name="Stage">status.stage after the write, when the object has one.</param>
/// <param name="Status">status.status after the write, when the object has one.</param>
public sealed record ClusterLogEntry(
    long Index, long Ticks, long Nanoseconds, string Verb, string Resource, string Namespace, string Name, string Uid, long Version, string Change, string Caller, string? Stage, string? Status);

/// <summary>Ground truth: every write to one cluster, in order.</summary>
public sealed class ClusterLog
{
    // Kubernetes' own times have whole seconds: too coarse to measure latencies against.
    private static readonly long StartTicks = Stopwatch.GetTimestamp();
    private static readonly long StartNanoseconds = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    private readonly Lock _gate = new();
    private List<ClusterLogEntry>? _entries;

    /// <summary>Number of writes so far.</summary>
    public long Count
    {
        get { lock (_gate) return _entries?.Count ?? 0; }
    }

    /// <summary>The writes after the given index (0 for all).</summary>
    public IReadOnlyList<ClusterLogEntry> Since(long index = 0)
    {
        lock (_gate) return _entries is null ? [] : [.. _entries.Skip((int)Math.Max(0, index))];
    }

    internal void Add(Change change, string verb, TimeProvider clock)
    {
        var ticks = clock.GetTimestamp();
        var (stage, status) = StageOf(change);
        var after = change.After;
        lock (_gate)
        {
            _entries ??= [];
            _entries.Add(new ClusterLogEntry(_entries.Count + 1, ticks, StartNanoseconds + (long)Stopwatch.GetElapsedTime(StartTicks, ticks).TotalNanoseconds, verb, change.Type.GroupResource,
                after.Namespace, after.Name, after.Uid, change.Version, change.Kind, change.Caller, stage, status));
        }
    }

    private static (string? Stage, string? Status) StageOf(Change change)
    {
        if (!change.Type.Custom) return (null, null);
        using var document = JsonDocument.Parse(change.After.Json);
        if (!document.RootElement.TryGetProperty("status", out var status) || status.ValueKind != JsonValueKind.Object) return (null, null);
        return (Text("stage"), Text("status"));

        string? Text(string name) => status.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
