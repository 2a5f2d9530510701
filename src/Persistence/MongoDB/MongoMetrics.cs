using System.Diagnostics.Metrics;
using MongoDB.Driver.Core.Configuration;
using MongoDB.Driver.Core.Events;

namespace PxBackup.Persistence.MongoDB;

/// <summary>The driver's own figures: the pool, and how long commands take.</summary>
internal sealed class MongoMetrics
{
    /// <summary>Commands that get a tag of their own; the others count as <c>other</c>, so that the set stays closed.</summary>
    private static readonly HashSet<string> Named = ["find", "getMore", "insert", "update", "delete", "findAndModify", "aggregate", "count", "createIndexes"];

    private readonly Histogram<double> commands;
    private readonly UpDownCounter<long> open;
    private readonly UpDownCounter<long> used;
    private readonly Histogram<double> waits;
    private readonly Counter<long> refusedWaits;

    public MongoMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("PxBackup.Mongo");
        commands = meter.CreateHistogram<double>("px.mongo.command.duration", "s", "How long commands took, by command and outcome.");
        open = meter.CreateUpDownCounter<long>("px.mongo.pool.open", "{connection}", "Open connections.");
        used = meter.CreateUpDownCounter<long>("px.mongo.pool.used", "{connection}", "Connections in use.");
        waits = meter.CreateHistogram<double>("px.mongo.pool.wait", "s", "How long operations waited for a connection.");
        refusedWaits = meter.CreateCounter<long>("px.mongo.pool.refused", "{operation}", "Operations that got no connection.");
    }

    /// <summary>Hears the driver's events.</summary>
    public void Subscribe(ClusterBuilder cluster) => cluster
        .Subscribe<CommandSucceededEvent>(told => Record(told.CommandName, told.Duration, "ok"))
        .Subscribe<CommandFailedEvent>(told => Record(told.CommandName, told.Duration, "failed"))
        .Subscribe<ConnectionPoolAddedConnectionEvent>(_ => open.Add(1))
        .Subscribe<ConnectionPoolRemovedConnectionEvent>(_ => open.Add(-1))
        .Subscribe<ConnectionPoolCheckedInConnectionEvent>(_ => used.Add(-1))
        .Subscribe<ConnectionPoolCheckedOutConnectionEvent>(told =>
        {
            used.Add(1);
            waits.Record(told.Duration.TotalSeconds);
        })
        .Subscribe<ConnectionPoolCheckingOutConnectionFailedEvent>(_ => refusedWaits.Add(1));

    private void Record(string command, TimeSpan duration, string outcome) =>
        commands.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("command", Named.Contains(command) ? command : "other"), new KeyValuePair<string, object?>("outcome", outcome));
}
