using System.ComponentModel.DataAnnotations;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Where MongoDB is and how it is spoken to. What decides correctness (write and read concern, compression) is not an option.</summary>
public sealed class MongoOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Mongo";

    /// <summary>
    /// A <c>mongodb://</c> or <c>mongodb+srv://</c> address of a replica set with user, password and <c>replicaSet</c>. Options in it that
    /// this class or the product sets (concerns, read preference, compressors, pool, timeouts) do not count.
    /// </summary>
    [Required]
    public string ConnectionString { get; set; } = "";

    /// <summary>The database of this installation. Default <c>pxbackup</c>; two installations on one server need two names.</summary>
    [Required, RegularExpression("^[A-Za-z0-9_-]{1,38}$", ErrorMessage = "Mongo:Database must be 1 to 38 letters, digits, '_' or '-' (MongoDB's own limit with collection names)")]
    public string Database { get; set; } = "pxbackup";

    /// <summary>PEM file with the certificate authorities that may sign the server's certificate; turns TLS on. Empty: the system's, if the address asks for TLS.</summary>
    public string CaFile { get; set; } = "";

    /// <summary>PEM file with this client's certificate and key, for servers that ask for one (x.509). Empty: none.</summary>
    public string ClientCertificateFile { get; set; } = "";

    /// <summary>
    /// Lets a server that is not a replica set be used. Default false: one server loses accepted backups with its disk, and
    /// the fleet is down while it restarts. For trials and tests.
    /// </summary>
    public bool AllowStandalone { get; set; }

    /// <summary>
    /// Connections per process at most. Default 64: a write takes about 5 ms with majority and journal, so 64 carry
    /// 12,000 a second, and ten processes stay under 1,000 connections (1 MB of the server's memory each). 1 to 1,000.
    /// </summary>
    [Range(1, 1_000)]
    public int MaxPool { get; set; } = 64;

    /// <summary>Connections kept open. Default 4: the first requests after a quiet time need no new TLS hand-shake. 0 to 1,000.</summary>
    [Range(0, 1_000)]
    public int MinPool { get; set; } = 4;

    /// <summary>To open a connection, TLS included; also how long a server may be silent before it counts as gone. Default 5 s: a round trip takes milliseconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// To find a primary. Default 15 s: longer than an election takes (10 s until the old primary counts as lost, plus the
    /// vote), so a failover delays requests and fails none; shorter than the 30 s that a grain call may take.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ServerSelectionTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>For the answer of one command. Default 20 s: twice <see cref="CommandTimeout"/>, after which the server gives up reads by itself and says so.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")]
    public TimeSpan SocketTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long the server may work on one list; one and a half times that for a single record, whose read waits for an election (10 s). Default
    /// 10 s: only a lost majority or a missing index takes longer. A write waits for the majority until <see cref="SocketTimeout"/>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Waiting for a free connection of the pool. Default 10 s: then the server is overloaded, and waiting longer makes it worse.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan WaitQueueTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
