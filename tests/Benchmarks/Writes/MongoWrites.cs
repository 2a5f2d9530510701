using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Benchmarks.Inspect;
using PxBackup.Grains.Backups;

namespace PxBackup.Benchmarks.Writes;

/// <summary>
/// Accepted <c>Backup/Create</c> on MongoDB against the bare driver's insert of one document with majority and journal, in turns on the same
/// server (goal P3: 60 % of its rate, p99 at most twice, one write before the answer, at most three for a whole backup besides stage
/// changes). Needs <c>MONGO_URI</c>. Arguments: writes per repetition (default 1000), repetitions (default 3).
/// </summary>
internal static class MongoWrites
{
    private const int Clusters = 8;

    public static async Task RunAsync(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0]) : 1_000;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        using var scratch = new Scratch();
        await using var database = new ScratchDatabase(BenchStore.MongoUri);
        using var mongo = new MongoClient(BenchStore.MongoUri);
        var bare = database.Of(mongo).GetCollection<BsonDocument>("bare").WithWriteConcern(WriteConcern.WMajority.With(journal: true));
        await using var store = await BenchStore.OpenAsync("mongodb", scratch.Folder("store"));
        await using var fleet = await Fleet.StartAsync(Clusters, storkSpeed: 0.01);
        await using var product = await Product.StartAsync(scratch.Folder("data"), database.Settings);
        await product.SignInAsync();
        var clusters = await fleet.RegisterAsync(product, 1, Clusters);
        var location = await fleet.LocationAsync(product);
        var client = new Backup.BackupClient(product.Channel);
        var results = new Results("write-mongodb", "what", "workers", "/s", "× bare driver", "p50 ms", "p99 ms", "× bare p99", "server CPU µs");
        var made = 0;
        await Load.CountAsync(count, 8, null, Create);
        foreach (var workers in (int[])[1, 8, 64])
        {
            List<LoadResult> floor = [], stored = [], accepted = [];
            for (var i = 0; i < repetitions; i++)
            {
                floor.Add(await Load.CountAsync(count, workers, null, _ => bare.InsertOneAsync(new BsonDocument { { "_id", Guid.NewGuid().ToString() }, { "b", new byte[1024] } })));
                stored.Add(await Load.CountAsync(count, workers, null, Insert));
                accepted.Add(await Load.CountAsync(count, workers, product.Server, Create));
            }

            var (rate, tail) = (Samples.Of(floor, run => run.PerSecond).Median, Samples.Of(floor, run => run.P99).Median);
            Row("bare driver, insert of 1 KiB, majority and journal", floor, cpu: false);
            Row("record store, insert of the same record", stored, cpu: false);
            Row("Backup/Create accepted, gRPC", accepted, cpu: true);

            void Row(string what, List<LoadResult> runs, bool cpu)
            {
                var perSecond = Samples.Of(runs, run => run.PerSecond);
                var p99 = Samples.Of(runs, run => run.P99);
                results.Row(what, workers, perSecond, perSecond.Median / rate, Samples.Of(runs, run => run.P50), p99, p99.Median / tail, cpu ? Samples.Of(runs, run => run.CpuMicroseconds) : "");
            }
        }

        // Writes per accepted backup: what the server's own driver counted, while Stork stands still.
        var before = await MongoCommands.OfAsync(product);
        const int counted = 200;
        await Load.CountAsync(counted, 8, null, Create);
        var after = await MongoCommands.OfAsync(product);
        results.Print(
            $"{count} writes a repetition, {repetitions} in turns, {Clusters} clusters, all over one connection; median (least–most)",
            $"{(after.Writes - before.Writes) / (double)counted:f2} write commands per accepted backup (counters that lists keep in the background included), {(after.Others - before.Others) / (double)counted:f2} other commands");

        async Task Create(int i)
        {
            var number = Interlocked.Increment(ref made);
            await client.CreateAsync(Fleet.BackupOf(clusters[number % Clusters], location, $"backup-{number}"), product.Headers);
        }

        Task Insert(int i)
        {
            var uid = Guid.NewGuid().ToString();
            var backup = SampleBackup.Of(Fleet.Org, uid, $"backup-{i}-{uid}", "owner");
            backup.BackupInfo.Volumes.Clear();
            backup.BackupInfo.Resources.Clear();
            var record = new BackupRecord { Backup = backup, Phase = BackupRecord.Types.Phase.Accepted };
            return store.Records.InsertAsync(new RecordKey(ObjectKind.Backup, Fleet.Org, uid), record, BackupRules.IndexOf(record));
        }
    }
}
