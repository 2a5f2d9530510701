using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MongoDB.Bson;
using MongoDB.Driver;
using Orleans;
using Orleans.Messaging;
using Orleans.Storage;
using PxBackup.Persistence.Clustering;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.MongoDB.Clustering;
using PxBackup.Persistence.MongoDB.GrainState;
using PxBackup.Persistence.MongoDB.Reminders;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>A database of its own for the tests of a class, through the product's own client, and one that nobody serves.</summary>
public sealed class MongoTablesFixture : IAsyncLifetime
{
    private ServiceProvider? services, unreachable;

    public IMongoDatabase Database => services!.GetRequiredService<IMongoDatabase>();

    public IMongoDatabase Unreachable => unreachable!.GetRequiredService<IMongoDatabase>();

    public ValueTask InitializeAsync()
    {
        services = Connect(MongoAddress.Required());
        // Port 1 answers with a refusal; the timeout only keeps the test short.
        unreachable = Connect("mongodb://127.0.0.1:1/?replicaSet=rs0");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await Database.Client.DropDatabaseAsync(Database.DatabaseNamespace.DatabaseName);
        await services!.DisposeAsync();
        await unreachable!.DisposeAsync();
    }

    private static ServiceProvider Connect(string address) => new ServiceCollection()
        .AddMongoDatabase(new MongoOptions { ConnectionString = address, Database = Given.Id(), ServerSelectionTimeout = TimeSpan.FromSeconds(2) })
        .BuildServiceProvider();
}
