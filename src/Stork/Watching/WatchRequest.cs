namespace PxBackup.Stork;

/// <summary>What to watch on a cluster.</summary>
public sealed record WatchRequest
{
    /// <summary>Namespace of the resources: the cluster's admin namespace (<see cref="ClusterProbe.AdminNamespace"/>).</summary>
    public required string Namespace { get; init; }

    /// <summary>Label selector in Kubernetes' syntax, such as <c>app.kubernetes.io/managed-by=px-backup</c>; null for everything.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>Name of the label whose value goes to <see cref="ResourceProjection.OwnerUid"/>.</summary>
    public string? UidLabel { get; init; }

    /// <summary>Kinds; both unless said otherwise.</summary>
    public IReadOnlyList<StorkKind> Kinds { get; init; } = [StorkKind.ApplicationBackup, StorkKind.ApplicationRestore];
}

/// <summary>Where <see cref="IClusterConnection.WatchAsync"/> reports to. Calls of one watch never overlap, whatever the kind. An exception
/// out of a method makes the loop list again after a back-off: nothing is lost, everything is level-triggered.</summary>
public interface IClusterObserver
{
    /// <summary>
    /// What there is of one kind, page by page: comes first, after a 410, and from time to time. A list that begins again or breaks off tells
    /// some of it twice.
    /// </summary>
    Task OnListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, CancellationToken cancellationToken);

    /// <summary>A resource is new or changed. Repeats and gaps are normal.</summary>
    Task OnChangedAsync(ResourceProjection resource, CancellationToken cancellationToken);

    /// <summary>A resource is gone; this is its last state.</summary>
    Task OnDeletedAsync(ResourceProjection resource, CancellationToken cancellationToken);

    /// <summary>The cluster answers, or no longer does. Only changes are told: the first call comes with the first answer or the first failure.</summary>
    Task OnConnectionStateAsync(ConnectionState state, CancellationToken cancellationToken);

    /// <summary>The cluster sends more than <see cref="ClusterConnectionOptions.EventsPerSecond"/>: its watch is not read for so long. Comes out of turn and must be quick.</summary>
    void OnSlowed(TimeSpan wait)
    {
    }
}

/// <summary>Whether a watched cluster answers.</summary>
public sealed record ConnectionState
{
    /// <summary>Every watched kind is being watched. Told as soon as the API server has accepted the watches, before any event.</summary>
    public required bool Connected { get; init; }

    /// <summary>Why not; null when connected.</summary>
    public ClusterFailure? Cause { get; init; }

    /// <summary>The failure in words; empty when connected.</summary>
    public string Message { get; init; } = "";

    /// <summary>What to do about it; empty when connected.</summary>
    public string Cure { get; init; } = "";
}
