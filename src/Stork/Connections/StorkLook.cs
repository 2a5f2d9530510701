namespace PxBackup.Stork;

/// <summary>What can be seen of Stork's program at one moment. Whether it works is told by two looks: <see cref="LeaseMark"/> changes while it does.</summary>
public sealed record StorkLook
{
    /// <summary>Namespace in which it was looked for.</summary>
    public required string Namespace { get; init; }

    /// <summary>
    /// Holder, renewal and version of Stork's lease: Stork renews it every two seconds. Only compared, since the cluster's clock is not ours. Null when
    /// there is no lease (Stork runs without leader election), or when it may not be read.
    /// </summary>
    public string? LeaseMark { get; init; }

    /// <summary>Stork's Deployment; null when it was not looked at, is not there (Stork may run otherwise) or may not be read.</summary>
    public StorkDeployment? Deployment { get; init; }

    /// <summary>The rights that the account lacks for a full look, such as <c>get leases.coordination.k8s.io stork in namespace kube-system</c>.</summary>
    public IReadOnlyList<string> Denied { get; init; } = [];
}

/// <summary>Stork's Deployment, as far as it tells whether Stork can run.</summary>
public sealed record StorkDeployment
{
    /// <summary>Replicas that are asked for.</summary>
    public required int Wanted { get; init; }

    /// <summary>Replicas that are ready.</summary>
    public required int Ready { get; init; }

    /// <summary>Its command line has <c>--leader-elect=false</c>: a lease that is there is a left-over.</summary>
    public bool WithoutLeaderElection { get; init; }
}
