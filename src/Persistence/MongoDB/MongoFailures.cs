using System.Globalization;
using System.Net;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Servers;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The driver's exceptions in words: which server, what is wrong, what helps. Never with the password.</summary>
public static class MongoFailures
{
    private const int Unauthorized = 13, AtlasError = 8000, AuthenticationFailed = 18, MaxTimeExpired = 50, NotWritablePrimary = 10107, NotReplicaSetMember = 123, OutOfDisk = 14031, WriteConflict = 112;
    private const int TooLarge = 10334, TooLargeAfterUpdate = 17419, TooLargeAfterUpdate2 = 17420;

    /// <summary>Whether an exception comes from the driver or the network below it, so that <see cref="Explain"/> has words for it.</summary>
    public static bool IsOfDriver(Exception failure) =>
        failure is MongoException or TimeoutException or IOException or System.Net.Sockets.SocketException or ObjectDisposedException
        // A read that finds the pool closed by a refused login of another connection ends so (driver 3.14).
        or NullReferenceException { Source: "MongoDB.Driver" };

    /// <summary>Whether a write met an index's uniqueness.</summary>
    public static bool IsDuplicateKey(Exception failure) => failure switch
    {
        MongoWriteException { WriteError.Category: ServerErrorCategory.DuplicateKey } => true,
        MongoDuplicateKeyException => true,
        MongoCommandException { Code: 11000 or 11001 } => true,
        _ => false,
    };

    /// <summary>Whether a write lost against another one: the server has done nothing of it.</summary>
    public static bool IsWriteConflict(Exception failure) => failure switch
    {
        MongoWriteException { WriteError.Code: WriteConflict } => true,
        MongoBulkWriteException bulk => bulk.WriteErrors.Any(error => error.Code == WriteConflict),
        MongoCommandException { Code: WriteConflict } => true,
        _ => false,
    };

    /// <summary>Whether a document would have become larger than the server can hold: nothing of the write was done.</summary>
    public static bool IsTooLarge(Exception failure) => failure switch
    {
        MongoCommandException { Code: TooLarge or TooLargeAfterUpdate or TooLargeAfterUpdate2 } => true,
        MongoWriteException { WriteError.Code: TooLarge or TooLargeAfterUpdate or TooLargeAfterUpdate2 } => true,
        // The driver's own check, before anything is sent.
        FormatException or MongoException or BsonSerializationException =>
            failure.Message.Contains("MaxDocumentSize", StringComparison.OrdinalIgnoreCase) || failure.Message.Contains("maximum BSON", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    /// <summary>The failure as one line with its cure.</summary>
    /// <param name="failure">What the driver threw.</param>
    /// <param name="client">Its client, for the servers' names and states.</param>
    /// <param name="doing">What was tried, such as <c>writing cluster/default/uid</c>; begins the line.</param>
    public static RecordStoreException Explain(Exception failure, IMongoClient client, string doing)
    {
        var message = $"MongoDB at {PlaceOf(client)}: {doing} failed: {CauseOf(failure, client.Cluster.Description, client.Settings.Servers)}";
        return failure is MongoCommandException { Code: OutOfDisk } or MongoWriteException { WriteError.Code: OutOfDisk }
            ? new StoreFullException(message, failure)
            : new RecordStoreException(message, failure);
    }

    /// <summary>The servers' addresses, as they may be shown.</summary>
    public static string PlaceOf(IMongoClient client) =>
        string.Join(',', client.Settings.Servers.Select(server => string.Create(CultureInfo.InvariantCulture, $"{server.Host}:{server.Port}")));

    private static string CauseOf(Exception failure, ClusterDescription cluster, IEnumerable<MongoServerAddress> seeds) => failure switch
    {
        _ when Find<MongoAuthenticationException>(failure) is not null =>
            "user or password is refused; check both in Mongo:ConnectionString (percent-encoded) and its authSource",
        MongoIncompatibleDriverException => $"the server is too old ({failure.Message}); it must be 5.0 or later",
        MongoWaitQueueFullException => "too many operations wait for a connection; raise Mongo:MaxPool or look for slow queries on the server",
        MongoExecutionTimeoutException or MongoCommandException { Code: MaxTimeExpired } =>
            "the server did not finish in time; a majority of its members is missing, or it is overloaded",
        MongoNotPrimaryException or MongoNodeIsRecoveringException or MongoCommandException { Code: NotWritablePrimary } =>
            "the server is not the primary (read-only); a failover may be under way, ask again",
        MongoCommandException { Code: AuthenticationFailed } => "user or password is refused; check both in Mongo:ConnectionString",
        MongoCommandException { Code: Unauthorized } unnamed when unnamed.Message.Contains("requires authentication", StringComparison.Ordinal) =>
            "the server wants a login; put user and password into Mongo:ConnectionString (mongodb://user:password@…)",
        MongoCommandException { Code: Unauthorized or AtlasError } or MongoWriteException { WriteError.Code: Unauthorized or AtlasError } =>
            "the user may not do this; give it the role readWrite on the database",
        MongoCommandException { Code: NotReplicaSetMember } => "the server is not a member of a replica set; initiate one (docs/operations/mongodb.md)",
        MongoCommandException { Code: OutOfDisk } => "the server's disk is full; free space, nothing that was accepted is lost",
        MongoWriteConcernException concern => $"the write was not confirmed by a majority ({concern.Message}); check the replica set's members",
        MongoWriteException { WriteError: null, WriteConcernError: { } concern } => $"the write was not confirmed by a majority ({concern.Message}); check the replica set's members",
        _ when IsWriteConflict(failure) => "other writers were faster each time; ask again",
        NullReferenceException => "no connection could be opened; check user and password in Mongo:ConnectionString (percent-encoded) and its authSource",
        TimeoutException when Selection(cluster, seeds) is { } known => known,
        TimeoutException => "no answer in time; check the network and the server's load",
        MongoConnectionException => $"the connection broke ({Innermost(failure).Message}); ask again",
        _ => failure.Message,
    };

    /// <summary>Why no server could be chosen.</summary>
    private static string? Selection(ClusterDescription cluster, IEnumerable<MongoServerAddress> seeds)
    {
        var servers = cluster.Servers;
        // The driver leaves out who does not belong to the set that the address names.
        if (servers.Count == 0)
        {
            return "none of the named servers is a member of the replica set that the address asks for: it is a single server, or of a set with another name; "
                + "check replicaSet in Mongo:ConnectionString and rs.status() on the server (for a trial on a single server: Mongo:AllowStandalone=true, one host and no replicaSet)";
        }

        if (servers.Any(server => server.Type is ServerType.Standalone or ServerType.ReplicaSetPrimary or ServerType.ShardRouter))
            return null;
        if (servers.FirstOrDefault(server => server.State == ServerState.Connected) is { } connected)
        {
            return connected.Type == ServerType.ReplicaSetGhost
                ? "the server waits for its replica set; initiate it (rs.initiate, docs/operations/mongodb.md)"
                : "there is no primary (the members that answer are read-only); a majority of the replica set's members must run and reach each other";
        }

        var heartbeats = servers.Select(server => server.HeartbeatException).OfType<Exception>().ToArray();
        if (heartbeats.FirstOrDefault(heartbeat => Find<MongoIncompatibleDriverException>(heartbeat) is not null) is { } old)
            return $"the server is too old ({Innermost(old).Message}); it must be 5.0 or later";
        if (heartbeats.Select(Find<System.Security.Authentication.AuthenticationException>).FirstOrDefault(found => found is not null) is { } tls)
            return $"the TLS hand-shake failed ({Innermost(tls).Message}); check Mongo:CaFile and that the certificate names the host";
        var failed = servers.FirstOrDefault(server => server.HeartbeatException is not null);
        var why = failed is null ? "" : $" ({NameOf(failed.EndPoint)}: {Innermost(failed.HeartbeatException).Message})";
        // Once it knows the set, the driver asks the members by the names that they have for each other.
        var foreign = failed is not null && !seeds.Select(seed => $"{seed.Host}:{seed.Port}").Contains(NameOf(failed.EndPoint), StringComparer.OrdinalIgnoreCase)
            ? $"; {NameOf(failed.EndPoint)} is how the replica set names its member (rs.conf()), and that name must resolve and answer from here"
            : "";
        return $"no server can be reached{why}{foreign}; check that it runs, the host names and ports, the replicaSet name, and the network";
    }

    private static string NameOf(EndPoint endPoint) => endPoint is DnsEndPoint name ? $"{name.Host}:{name.Port}" : endPoint.ToString() ?? "";

    /// <summary>The exception of this type in the chain of causes.</summary>
    internal static T? Find<T>(Exception? failure)
        where T : Exception
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is T found)
                return found;
        }

        return null;
    }

    private static Exception Innermost(Exception failure) => failure.GetBaseException();
}
