using System.Globalization;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Servers;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The driver's exceptions in words: which server, what is wrong, what helps. Never with the password.</summary>
public static class MongoFailures
{
    private const int Unauthorized = 13, AuthenticationFailed = 18, MaxTimeExpired = 50, NotWritablePrimary = 10107, NotReplicaSetMember = 123, OutOfDisk = 14031, WriteConflict = 112;

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

    /// <summary>The failure as one line with its cure.</summary>
    /// <param name="failure">What the driver threw.</param>
    /// <param name="client">Its client, for the servers' names and states.</param>
    /// <param name="doing">What was tried, such as <c>writing cluster/default/uid</c>; begins the line.</param>
    public static RecordStoreException Explain(Exception failure, IMongoClient client, string doing) =>
        new($"MongoDB at {PlaceOf(client)}: {doing} failed: {CauseOf(failure, client.Cluster.Description)}", failure);

    /// <summary>The servers' addresses, as they may be shown.</summary>
    public static string PlaceOf(IMongoClient client) =>
        string.Join(',', client.Settings.Servers.Select(server => string.Create(CultureInfo.InvariantCulture, $"{server.Host}:{server.Port}")));

    private static string CauseOf(Exception failure, ClusterDescription cluster) => failure switch
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
        MongoCommandException { Code: Unauthorized } => "the user may not do this; give it the role readWrite on the database",
        MongoCommandException { Code: NotReplicaSetMember } => "the server is not a member of a replica set; initiate one (docs/operations/mongodb.md)",
        MongoCommandException { Code: OutOfDisk } => "the server's disk is full; free space, nothing that was accepted is lost",
        MongoWriteConcernException concern => $"the write was not confirmed by a majority ({concern.Message}); check the replica set's members",
        _ when IsWriteConflict(failure) => "other writers were faster each time; ask again",
        NullReferenceException => "no connection could be opened; check user and password in Mongo:ConnectionString (percent-encoded) and its authSource",
        TimeoutException when Selection(cluster) is { } known => known,
        TimeoutException => "no answer in time; check the network and the server's load",
        MongoConnectionException => $"the connection broke ({Innermost(failure).Message}); ask again",
        _ => failure.Message,
    };

    /// <summary>Why no server could be chosen.</summary>
    private static string? Selection(ClusterDescription cluster)
    {
        var servers = cluster.Servers;
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
        var why = heartbeats.Length > 0 ? $" ({Innermost(heartbeats[0]).Message})" : "";
        return $"no server can be reached{why}; check that it runs, the host names and ports, the replicaSet name, and the network";
    }

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
