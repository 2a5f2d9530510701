namespace PxBackup.Stork;

/// <summary>Limits and times of cluster connections. All of them hold per cluster.</summary>
public sealed class ClusterConnectionOptions
{
    /// <summary>Name resolution, TCP and TLS together: a healthy cluster needs well under a second, a distant one a few.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>One call, its answer's body included. API servers themselves give up after 60 s.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>HTTP/2 pings find a dead path within this time and <see cref="PingTimeout"/>.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Wait for a ping's answer.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Largest answer to a call, bytes: a page of 500 resources of 128 KiB each.</summary>
    public long MaxResponseBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Longest line of a watch, bytes: etcd's 1.5 MiB for an object, escaped and with its managedFields.</summary>
    public int MaxWatchLineBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Objects per page of a list.</summary>
    public int PageSize { get; set; } = 500;

    /// <summary>Shortest life of one watch request; the server is asked to end it after a random time between this and <see cref="WatchMaximum"/>.</summary>
    public TimeSpan WatchMinimum { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>Longest life of one watch request.</summary>
    public TimeSpan WatchMaximum { get; set; } = TimeSpan.FromSeconds(600);

    /// <summary>No line, not even a bookmark (about one a minute), for this long: the watch is taken for dead and resumed.</summary>
    public TimeSpan WatchSilence { get; set; } = TimeSpan.FromSeconds(180);

    /// <summary>A full list at least this often (±20 %), as part of the constant work, so that nothing missed stays missed.</summary>
    public TimeSpan RelistInterval { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>First back-off after a failure: the wait is random between 0 and this, doubled with each further failure.</summary>
    public TimeSpan BackoffBase { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest back-off.</summary>
    public TimeSpan BackoffMaximum { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest Retry-After that is honoured; a server that asks for more is asked again then.</summary>
    public TimeSpan RetryAfterMaximum { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Oldest Stork that is let through. What is driven here was recorded on 24.x; raise it to hold a fleet to a newer one.</summary>
    public Version MinimumStorkVersion { get; set; } = new(2, 0);
}
