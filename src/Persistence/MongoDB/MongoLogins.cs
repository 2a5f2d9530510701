using MongoDB.Driver;
using MongoDB.Driver.Core.Configuration;
using MongoDB.Driver.Core.Events;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Remembers that the server refuses the login. The driver tells it only to the operation that opened the connection; when the pool
/// opened it by itself, operations end with a timeout, a paused pool or worse, and their messages lead elsewhere.
/// </summary>
public sealed class MongoLogins
{
    private volatile MongoAuthenticationException? refused;

    /// <summary>The last refusal; null when an operation has got a connection since, or there was none.</summary>
    public MongoAuthenticationException? Refused => refused;

    /// <summary>Hears the driver's events.</summary>
    internal void Subscribe(ClusterBuilder cluster) => cluster
        .Subscribe<ConnectionOpeningFailedEvent>(told =>
        {
            if (MongoFailures.Find<MongoAuthenticationException>(told.Exception) is { } failure)
                refused = failure;
        })
        .Subscribe<ConnectionPoolCheckedOutConnectionEvent>(_ => refused = null);
}
