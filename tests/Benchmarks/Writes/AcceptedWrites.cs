using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Benchmarks.Inspect;
using PxBackup.Benchmarks.Running;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Sqlite;

namespace PxBackup.Benchmarks.Writes;

/// <summary>
/// Accepted <c>Backup/Create</c> against an insert into the bare store and into bare SQLite, in turns on the same disk (goal P3: at least
/// 60 % of the store's rate, p99 at most twice). Stork stands still, so that what is accepted waits. Arguments: writes per
/// repetition (default 1000), repetitions (default 3).
/// </summary>
internal static class AcceptedWrites
{
    private const int Clusters = 8;

    public static async Task RunAsync(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0]) : 1_000;
        var repetitions = args.Length > 1 ? int.Parse(args[1]) : 3;
        using var scratch = new Scratch();
        await using var fleet = await Fleet.StartAsync(Clusters, storkSpeed: 0.01);
        await using var product = await Product.StartAsync(scratch.Folder("data"));
        await product.SignInAsync();
        var clusters = await fleet.RegisterAsync(product, 1, Clusters);
        var location = await fleet.LocationAsync(product);
        using var bare = new BareSqlite(scratch.Folder("bare.db"));
        using var store = SqliteRecordStore.Open(new SqliteOptions { Directory = scratch.Folder("store") }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        var client = new Backup.BackupClient(product.Channel);
        var made = 0;
        var results = new Results("write", "what", "workers", "/s", "× bare store", "p50 ms", "p99 ms", "server CPU µs");
        await Load.CountAsync(count, 8, null, Create);
        foreach (var workers in (int[])[1, 8, 64])
        {
            List<LoadResult> floor = [], stored = [], accepted = [];
            for (var i = 0; i < repetitions; i++)
            {
                floor.Add(await Load.CountAsync(count, workers, null, bare.InsertAsync));
                stored.Add(await Load.CountAsync(count, workers, null, Insert));
                accepted.Add(await Load.CountAsync(count, workers, product.Server, Create));
            }

            var reference = Samples.Of(stored, run => run.PerSecond).Median;
            Row("bare SQLite, 1 KiB, FULL, a commit each", floor, cpu: false);
            Row("bare store, insert of the same record", stored, cpu: false);
            Row("Backup/Create accepted, gRPC", accepted, cpu: true);

            void Row(string what, List<LoadResult> runs, bool cpu)
            {
                var rate = Samples.Of(runs, run => run.PerSecond);
                results.Row(what, workers, rate, rate.Median / reference, Samples.Of(runs, run => run.P50), Samples.Of(runs, run => run.P99), cpu ? Samples.Of(runs, run => run.CpuMicroseconds) : "");
            }
        }

        var kept = (await client.EnumerateAsync(new BackupEnumerateRequest { OrgId = Fleet.Org, EnumerateOptions = new EnumerateOptions { MaxObjects = 1 } }, product.Headers)).TotalCount;
        if ((long)kept != made)
            throw new InvalidOperationException($"{made} backups were accepted and the list has {kept}");
        results.Print($"{count} writes a repetition, {repetitions} in turns, {Clusters} clusters, all over one connection; median (least–most)", $"accepted {made}, in the list {kept}");

        async Task Create(int i)
        {
            var number = Interlocked.Increment(ref made);
            await client.CreateAsync(Fleet.BackupOf(clusters[number % Clusters], location, $"backup-{number}"), product.Headers);
        }

        Task Insert(int i)
        {
            var uid = Guid.NewGuid().ToString();
            var record = new BackupRecord { Backup = NewBackup(uid, i), Phase = BackupRecord.Types.Phase.Accepted };
            return store.InsertAsync(new RecordKey(ObjectKind.Backup, Fleet.Org, uid), record, BackupRules.IndexOf(record));
        }
    }

    // What a backup is when it has just been accepted: nothing of the outcome yet.
    private static BackupObject NewBackup(string uid, int number)
    {
        var backup = SampleBackup.Of(Fleet.Org, uid, $"backup-{number}-{uid}", "owner");
        backup.BackupInfo.Volumes.Clear();
        backup.BackupInfo.Resources.Clear();
        return backup;
    }

    /// <summary>The floor below the store: one table, one connection, a commit and a flush for each write; writers take turns.</summary>
    private sealed class BareSqlite : IDisposable
    {
        private readonly SqliteConnection _connection;
        private readonly SqliteCommand _insert;
        private readonly SqliteParameter _key;
        private readonly SemaphoreSlim _turn = new(1, 1);

        public BareSqlite(string file)
        {
            _connection = new SqliteConnection($"Data Source={file};Pooling=False");
            _connection.Open();
            using var make = _connection.CreateCommand();
            make.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(k TEXT PRIMARY KEY, b BLOB)";
            make.ExecuteNonQuery();
            _insert = _connection.CreateCommand();
            _insert.CommandText = "INSERT INTO t VALUES($k, $b)";
            _key = _insert.Parameters.Add("$k", SqliteType.Text);
            _insert.Parameters.Add("$b", SqliteType.Blob).Value = new byte[1024];
        }

        public async Task InsertAsync(int i)
        {
            await _turn.WaitAsync();
            try
            {
                _key.Value = Guid.NewGuid().ToString();
                _insert.ExecuteNonQuery();
            }
            finally
            {
                _turn.Release();
            }
        }

        public void Dispose()
        {
            _insert.Dispose();
            _connection.Dispose();
            _turn.Dispose();
        }
    }
}
