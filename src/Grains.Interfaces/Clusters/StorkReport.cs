namespace PxBackup.Grains.Interfaces.Clusters;

/// <summary>
/// What a watch says of one ApplicationBackup or ApplicationRestore: Stork's own words, translated only inside the
/// feature that receives them. Level-triggered: repeats and gaps are normal.
/// </summary>
[GenerateSerializer, Immutable, Alias("px.StorkReport")]
public sealed record StorkReport
{
    /// <summary>Kubernetes uid of the resource.</summary>
    [Id(0)]
    public required string ResourceUid { get; init; }

    /// <summary>Stork's stage; empty before it starts.</summary>
    [Id(1)]
    public string Stage { get; init; } = "";

    /// <summary>Stork's status; empty before it starts.</summary>
    [Id(2)]
    public string Status { get; init; } = "";

    /// <summary>Stork's reason, cut to a bounded length.</summary>
    [Id(3)]
    public string Reason { get; init; } = "";

    /// <summary>Resources collected or to be restored.</summary>
    [Id(4)]
    public long ResourceCount { get; init; }

    /// <summary>Resources restored so far.</summary>
    [Id(5)]
    public long RestoredCount { get; init; }

    /// <summary>Volumes taken or restored.</summary>
    [Id(6)]
    public long VolumeCount { get; init; }

    /// <summary>Bytes.</summary>
    [Id(7)]
    public long TotalSize { get; init; }

    /// <summary>Stork's lastUpdateTimestamp, as text: only compared for change.</summary>
    [Id(8)]
    public string LastUpdate { get; init; } = "";

    /// <summary>The resource is gone from the cluster.</summary>
    [Id(9)]
    public bool Gone { get; init; }

    /// <summary>Uid of the cluster that it is on; empty when the reporter knows that the receiver knows.</summary>
    [Id(10)]
    public string ClusterUid { get; init; } = "";

    /// <summary>Its namespace.</summary>
    [Id(11)]
    public string Namespace { get; init; } = "";

    /// <summary>Its name.</summary>
    [Id(12)]
    public string Name { get; init; } = "";

    /// <summary>Stage Final is reached: nothing will change any more.</summary>
    public bool IsFinal => Stage == "Final";
}
