using System.ComponentModel.DataAnnotations;

namespace PxBackup.Persistence.Sqlite;

/// <summary>How the records of one machine rest in SQLite.</summary>
public sealed class SqliteOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Sqlite";

    /// <summary>
    /// Where the database, its lock and the secrets live; made with mode 0700. It belongs on a local disk: SQLite's
    /// write-ahead log does not work over network file systems.
    /// </summary>
    [Required]
    public string Directory { get; set; } = "";

    /// <summary>When a write counts as accepted. Default <see cref="SqliteSynchronous.Full"/>: an accepted backup must survive a power cut.</summary>
    [EnumDataType(typeof(SqliteSynchronous))]
    public SqliteSynchronous Synchronous { get; set; } = SqliteSynchronous.Full;

    /// <summary>
    /// Read connections for lists, and as many again for single records, so that long lists cannot hold up an Inspect.
    /// Default 4: more only compete for the cores of one machine. 1 to 64.
    /// </summary>
    [Range(1, 64)]
    public int Readers { get; set; } = 4;

    /// <summary>How often expired tombstones are removed. Default 1 hour: they are kept for days, so the exact hour does not matter.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromHours(1);
}

/// <summary>What SQLite does before a commit returns.</summary>
public enum SqliteSynchronous
{
    /// <summary>The log is forced to the disk at every commit: an accepted write survives power loss.</summary>
    Full = 0,

    /// <summary>
    /// The log is forced only at checkpoints: an accepted write survives the end of the process, the last ones may be
    /// lost with the power. About ten times as many writes per second; for tests and trials.
    /// </summary>
    Normal = 1,
}
