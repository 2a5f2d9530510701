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

    /// <summary>Largest page of a list, bytes: 500 resources of 32 KiB each. A larger page is asked for again in smaller ones.</summary>
    public long MaxResponseBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Largest answer about one object, bytes: etcd takes 1.5 MiB, and some of them are read at once.</summary>
    public long MaxObjectBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Most objects of one list, over all its pages: five times the namespaces that Kubernetes is tested with.</summary>
    public int MaxListItems { get; set; } = 50_000;

    /// <summary>Most bytes of one list that is kept (namespaces, Events), over all its pages: 50,000 namespaces of 1.3 KiB.</summary>
    public long MaxListBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Most bytes of the watch's own list, of which only projections are kept: 20,000 backups of 100 KiB.</summary>
    public long MaxWatchListBytes { get; set; } = 2L * 1024 * 1024 * 1024;

    /// <summary>One list with all its pages. Ten minutes: a list that is read at <see cref="EventsPerSecond"/> ends before.</summary>
    public TimeSpan ListTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Events and listed resources of a cluster that are read per second once <see cref="EventBurst"/> is spent; 16 KiB of them count as
    /// one more. Ten backups at once make fewer than ten a second. Who sends more is read more slowly: only that cluster waits.
    /// </summary>
    public int EventsPerSecond { get; set; } = 1000;

    /// <summary>Events and listed resources that are read at once: a list of some thousand backups is no flood.</summary>
    public int EventBurst { get; set; } = 10_000;

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
