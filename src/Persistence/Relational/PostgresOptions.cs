using System.ComponentModel.DataAnnotations;

namespace PxBackup.Persistence.Relational;

/// <summary>Where PostgreSQL is and how it is spoken to. What decides correctness (isolation, synchronous commit) is not an option.</summary>
public sealed class PostgresOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Postgres";

    /// <summary>
    /// An ADO.NET connection string, such as <c>Host=db;Username=pxbackup;Password=…;Database=pxbackup;SSL Mode=VerifyFull</c>; several
    /// hosts separated by commas, the writable one is found. Pool, timeouts and search path in it do not count: they are
    /// set from this class.
    /// </summary>
    [Required]
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// The schema that holds everything of this installation; made when it is missing. Default <c>pxbackup</c>: two installations in
    /// one database need two names.
    /// </summary>
    [Required, RegularExpression("^[a-z_][a-z0-9_]{0,62}$", ErrorMessage = "Postgres:Schema must be 1 to 63 lower-case letters, digits or '_', not beginning with a digit")]
    public string Schema { get; set; } = "pxbackup";

    /// <summary>
    /// Connections for records per process at most. Default 24: each is a process of the server; with those for Orleans three silos
    /// take 84 of the server's default 100. A write holds one for about a flush of the disk (1 to 5 ms), so 24 carry several
    /// thousand a second. 1 to 1,000.
    /// </summary>
    [Range(1, 1_000)]
    public int MaxPool { get; set; } = 24;

    /// <summary>
    /// Connections for Orleans' own tables per process at most. Default 4, apart from the others, so that no amount of
    /// requests holds up the reports that say a silo is alive. 1 to 100.
    /// </summary>
    [Range(1, 100)]
    public int MaxOrleansPool { get; set; } = 4;

    /// <summary>
    /// To get a connection: a free one of the pool, or a new one with TLS. Default 10 s: opening takes milliseconds, and who
    /// waits longer for a free one meets an overloaded server. 1 s to 5 min, whole seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// For the answer to one statement. Default 15 s: half of what a grain call may take, so that it can still say what happened.
    /// After it the outcome of a write is unknown. 1 s to 10 min, whole seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Pause after which a connection that waits for nothing is asked whether it lives. Default 30 s: firewalls forget quiet ones
    /// after minutes. Whole seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often expired tombstones are removed. Default 1 hour: they are kept for days, so the exact hour does not matter.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How often the counters' steps are added up. Default 5 s: at 1,000 writes a second a total then reads 15,000 small rows at most
    /// (3 ms). Not before something was counted.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan FoldInterval { get; set; } = TimeSpan.FromSeconds(5);
}
