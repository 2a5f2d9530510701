using MongoDB.Bson;
using MongoDB.Driver;
using Xunit;

namespace PxBackup.Tests.Adapters.Peers;

/// <summary>A server of its own that is killed: what it has acknowledged stays, and its clients find it again.</summary>
public sealed class A_killed_DocumentDB
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keeps_what_it_has_acknowledged_and_is_found_again_by_its_clients()
    {
        Assert.SkipWhen(DocumentDbFixture.Elsewhere is not null, "MONGO_URI names another server: our own is not used");
        await using var server = await DocumentDbServer.StartAsync();
        var gateway = await server.GatewayAsync("--set", "rs0");
        using var client = new MongoClient(gateway.ConnectionString + "&serverSelectionTimeoutMS=5000");
        var things = client.GetDatabase("killed").GetCollection<BsonDocument>("things");
        await things.InsertOneAsync(new BsonDocument("_id", -1), null, Cancellation);
        var acknowledged = 0;
        using var enough = new CancellationTokenSource();

        var writing = WriteAsync();
        while (Volatile.Read(ref acknowledged) < 200) await Task.Delay(5, Cancellation);
        await server.KillAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => writing);
        await Assert.ThrowsAnyAsync<Exception>(() => things.Find("{}").AnyAsync(Cancellation));
        await server.RestartAsync();
        await EventuallyAsync();

        var kept = await things.Find("{ _id: { $gte: 0 } }").Sort("{ _id: 1 }").ToListAsync(Cancellation);
        Assert.Equal(Enumerable.Range(0, kept.Count), kept.Select(document => document["_id"].AsInt32));
        Assert.InRange(kept.Count, acknowledged, acknowledged + 1); // the one without an answer may be there

        async Task WriteAsync()
        {
            for (var i = 0; ; i++)
            {
                await things.InsertOneAsync(new BsonDocument("_id", i), null, Cancellation);
                Volatile.Write(ref acknowledged, i + 1);
            }
        }

        async Task EventuallyAsync()
        {
            for (var until = DateTime.UtcNow.AddSeconds(30); ;)
                try
                {
                    await things.InsertOneAsync(new BsonDocument("_id", -2), null, Cancellation);
                    return;
                }
                catch (Exception failure) when (failure is MongoConnectionException or TimeoutException && DateTime.UtcNow < until)
                {
                    // It is on its way.
                }
        }
    }
}
