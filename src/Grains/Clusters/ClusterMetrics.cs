using System.Diagnostics.Metrics;

namespace PxBackup.Grains.Clusters;

/// <summary>What clusters send beyond what is theirs to send. Without names of clusters: the log and the cluster's status have them.</summary>
internal sealed class ClusterMetrics
{
    private readonly Counter<long>? _dropped;
    private readonly Counter<double>? _slowed;

    public ClusterMetrics(IMeterFactory? meters)
    {
        var meter = meters?.Create("PxBackup.Clusters");
        _dropped = meter?.CreateCounter<long>("px.clusters.reports.dropped", "{report}", "Reports of clusters that were dropped: unknown (belongs to nothing of that cluster), waiting (too many to look up), malformed.");
        _slowed = meter?.CreateCounter<double>("px.clusters.reading.slowed", "s", "How long watches of clusters that send too much were not read.");
    }

    public void Dropped(string why) => _dropped?.Add(1, new KeyValuePair<string, object?>("why", why));

    public void Slowed(TimeSpan wait) => _slowed?.Add(wait.TotalSeconds);
}
