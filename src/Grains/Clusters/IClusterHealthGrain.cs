namespace PxBackup.Grains.Clusters;

/// <summary>How a cluster's session, which runs beside the grain, reports to it. Implemented by the cluster's grain.</summary>
[Alias("px.IClusterHealthGrain"), GrainInterfaceType("px.IClusterHealthGrain")]
internal interface IClusterHealthGrain : IGrainWithStringKey
{
    /// <summary>The cluster was reached or lost, or what is known of it changed. Repeats are harmless.</summary>
    [Alias("Report")]
    Task ReportAsync(ClusterHealth health);
}

/// <summary>A cluster as last seen.</summary>
[GenerateSerializer, Immutable, Alias("px.ClusterHealth")]
internal sealed record ClusterHealth
{
    /// <summary>Which connection saw it: reports of a session that was replaced do not count.</summary>
    [Id(0)]
    public required long Revision { get; init; }

    /// <summary>It answers, the rights are there and so is Stork.</summary>
    [Id(1)]
    public required bool Online { get; init; }

    /// <summary>Cause and cure when it is not online.</summary>
    [Id(2)]
    public string Reason { get; init; } = "";

    /// <summary>Empty when not known.</summary>
    [Id(3)]
    public string KubernetesVersion { get; init; } = "";

    /// <summary>Empty when not known.</summary>
    [Id(4)]
    public string StorkVersion { get; init; } = "";

    /// <summary>Empty when not known.</summary>
    [Id(5)]
    public string AdminNamespace { get; init; } = "";

    /// <summary>Uid of namespace kube-system; empty when not known.</summary>
    [Id(6)]
    public string ClusterUid { get; init; } = "";

    /// <summary>What was seen of Stork's program.</summary>
    [Id(7)]
    public StorkState Stork { get; init; }
}
