using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MongoDB.Bson;
using MongoDB.Driver;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using PxBackup.Persistence.Clustering;
using PxBackup.Persistence.MongoDB;
using PxBackup.Persistence.MongoDB.Clustering;
using PxBackup.Persistence.MongoDB.Reminders;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>Orleans itself with its tables in MongoDB and in SQLite.</summary>
public sealed class ClusterTests(MongoTablesFixture mongo) : IClassFixture<MongoTablesFixture>
{
    /// <summary>Detection takes about 2 s, the take-over of reminders some more; this is for machines that do ten other things.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private static readonly string[] Keys = [.. Enumerable.Range(0, 16).Select(n => $"org/{n}")];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_silos_and_a_client_find_each_other_and_all_reminders_tick_on_when_one_silo_crashes()
    {
        var cluster = Given.Id();
        await using var first = await StartAsync("first", cluster);
        await using var second = await StartAsync("second", cluster);
        using var client = await ConnectAsync(cluster);
        var grains = Keys.Select(key => client.Services.GetRequiredService<IGrainFactory>().GetGrain<ITickGrain>(key)).ToList();
        await Task.WhenAll(grains.Select(grain => grain.StartAsync()));
        var before = await UntilAsync("every reminder ticks", () => CountsAsync(grains), counts => counts.All(count => count.Ticks > 0));
        Assert.Equal(["first", "second"], before.Select(count => count.Silo).Distinct().Order());

        await second.CrashAsync();

        var after = await UntilAsync("every reminder ticks twice more on the first silo", () => CountsAsync(grains), counts =>
            counts.Zip(before).All(pair => pair.First.Silo == "first" && pair.First.Ticks >= pair.Second.Ticks + 2));
        Assert.Equal(Keys.Length, after.Count);
        var members = (await new MongoMembershipTable(mongo.Database, Tables.Cluster(cluster)).ReadAllAsync(Stop)).Members.Select(member => member.Item1).ToList();
        Assert.Equal(["first:Active", "second:Dead"], members.Select(member => $"{member.SiloName}:{member.Status}").Order());
        Assert.NotEmpty(members.Single(member => member.SiloName == "second").SuspectTimes!);

        await Task.WhenAll(grains.Select(grain => grain.StopAsync()));
        Assert.Equal(0, await mongo.Database.GetCollection<BsonDocument>(MongoReminderTable.Collection).CountDocumentsAsync(new BsonDocument("_id.service", cluster), null, Stop));
    }

    [Fact]
    public async Task A_silo_that_stops_in_order_says_so_in_the_table()
    {
        var cluster = Given.Id();
        await using (await StartAsync("only", cluster))
        {
            var gateways = await GatewaysAsync(cluster);
            Assert.Single(gateways);
        }

        var member = (await new MongoMembershipTable(mongo.Database, Tables.Cluster(cluster)).ReadAllAsync(Stop)).Members.Single().Item1;
        Assert.Equal(SiloStatus.Dead, member.Status);
        Assert.Empty(await GatewaysAsync(cluster));
    }

    [Fact]
    public async Task A_silo_without_a_database_says_at_its_start_what_is_missing()
    {
        var failure = await Assert.ThrowsAnyAsync<OrleansConfigurationException>(() =>
            TestSilo.StartAsync("none", Given.Id(), _ => { }, silo => silo.UseMongoClustering()));

        Assert.Contains("AddMongoDatabase", failure.Message);
    }

    [Fact]
    public async Task A_storage_with_a_prefix_that_no_collection_can_have_ends_the_start()
    {
        var failure = await Assert.ThrowsAnyAsync<OptionsValidationException>(() => TestSilo.StartAsync(
            "none", Given.Id(), services => services.AddMongoDatabase(mongo.Options), silo => silo.UseMongoClustering().AddMongoGrainStorage("odd", storage => storage.CollectionPrefix = "$odd")));

        Assert.Contains("'odd'", failure.Message);
    }

    [Fact]
    public async Task A_reminder_in_SQLite_ticks_on_after_a_restart()
    {
        using var directory = new TemporaryDirectory();
        var cluster = Given.Id();
        int before;
        await using (var silo = await StartSqliteAsync(cluster, directory.Path))
        {
            var grain = silo.Grains.GetGrain<ITickGrain>("org/1");
            await grain.StartAsync();
            before = (await UntilAsync("the reminder ticks", grain.CountAsync, count => count.Ticks > 0)).Ticks;
        }

        await using var restarted = await StartSqliteAsync(cluster, directory.Path);
        var after = await UntilAsync("the reminder ticks again", restarted.Grains.GetGrain<ITickGrain>("org/1").CountAsync, count => count.Ticks > before);

        Assert.True(after.Ticks > before);
    }

    private static async Task<IReadOnlyList<TickCount>> CountsAsync(IEnumerable<ITickGrain> grains) => await Task.WhenAll(grains.Select(grain => grain.CountAsync()));

    /// <summary>Asks until the answer is right; a call that meets the crash may fail, and is made again.</summary>
    private static async Task<T> UntilAsync<T>(string what, Func<Task<T>> ask, Predicate<T> isRight)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        for (Exception? last = null; ;)
        {
            try
            {
                if (await ask() is { } answer && isRight(answer))
                    return answer;
            }
            catch (Exception failure) when (failure is OrleansException or TimeoutException or SiloUnavailableException)
            {
                last = failure;
            }

            if (TimeProvider.System.GetElapsedTime(deadline) > Patience)
                throw new TimeoutException($"within {Patience} not: {what}", last);
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Stop);
        }
    }

    private static Task<TestSilo> StartSqliteAsync(string cluster, string directory) => TestSilo.StartAsync(
        "only", cluster,
        services => services.AddSqliteRecords(new SqliteOptions { Directory = directory }),
        silo => silo.UseSqliteClustering().UseSqliteReminders().AddSqliteGrainStorage("Default"));

    private Task<TestSilo> StartAsync(string name, string cluster) => TestSilo.StartAsync(
        name, cluster, services => services.AddMongoDatabase(mongo.Options), silo => silo.UseMongoClustering().UseMongoReminders().AddMongoGrainStorage("Default"));

    private Task<IList<Uri>> GatewaysAsync(string cluster) =>
        new MembershipGateways(new MongoMembershipTable(mongo.Database, Tables.Cluster(cluster)), Tables.Gateways).GetGatewaysAsync(Stop);

    private async Task<IHost> ConnectAsync(string cluster)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddMongoDatabase(mongo.Options);
        builder.UseOrleansClient(client => client.UseMongoClustering().Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, cluster)));
        var host = builder.Build();
        await host.StartAsync(Stop);
        return host;
    }
}
