using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Sqlite;

namespace PxBackup.Benchmarks;

/// <summary>
/// The record store beside its floor: accepted writes against bare SQLite on the same disk in the same run, reads by key,
/// and pages of long lists. Arguments: numbers of rows for the lists (default 10000 100000 1000000). Prints a Markdown table.
/// </summary>
public static class RecordStoreFloor
{
    private const string Org = "bench";
    private const int PageSize = 50;

    private static readonly DateTimeOffset Start = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Measures and prints.</summary>
    public static async Task RunAsync(string[] args)
    {
        int[] sizes = args.Length > 0 ? [.. args.Select(int.Parse)] : [10_000, 100_000, 1_000_000];
        var directory = Directory.CreateTempSubdirectory("pxbackup-bench-").FullName;
        try
        {
            Console.WriteLine("| what | writers | /s | p50 ms | p99 ms |\n|---|---|---|---|---|");
            foreach (var writers in (int[])[1, 8, 64])
            {
                Print($"bare SQLite, insert of 1 KiB, FULL, a commit each", writers, await BareAsync(Path.Combine(directory, $"bare{writers}.db"), writers));
                using var store = Open(Path.Combine(directory, $"store{writers}"));
                var keys = new List<RecordKey>();
                Print("store, insert", writers, await MeasureAsync(writers, 3_000, i => InsertAsync(store, keys, i)));
                Print("store, update of status", writers, await MeasureAsync(writers, 3_000, i => store.UpdateAsync(keys[i], 1, Body(i), Index(i) with { Status = "Success" })));
                Print("store, read by key", writers, await MeasureAsync(writers, 20_000, i => store.FindAsync<BackupObject>(keys[i % keys.Count], CancellationToken.None)));
            }

            Console.WriteLine("\n| list | rows | total | page 1 ms (p50) | middle page ms | last page ms |\n|---|---|---|---|---|---|");
            foreach (var size in sizes)
                await ListsAsync(Path.Combine(directory, $"list{size}"), size);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static SqliteRecordStore Open(string directory, SqliteSynchronous synchronous = SqliteSynchronous.Full) => SqliteRecordStore.Open(
        new SqliteOptions { Directory = directory, Synchronous = synchronous }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);

    private static Task<long> InsertAsync(SqliteRecordStore store, List<RecordKey> keys, int i)
    {
        var key = new RecordKey(ObjectKind.Backup, Org, Guid.NewGuid().ToString());
        lock (keys)
        {
            while (keys.Count <= i)
                keys.Add(default);
            keys[i] = key;
        }

        return store.InsertAsync(key, Body(i), Index(i));
    }

    private static BackupObject Body(int i) => new()
    {
        Metadata = new Metadata { Name = $"backup-{i}" },
        BackupInfo = new BackupInfo { BackupPath = new string('x', 900) },
    };

    /// <summary>Backups of 20 users, one every five minutes.</summary>
    private static RecordIndex Index(int i) => new()
    {
        Name = $"backup-{i * 7919L % 1_000_003:d7}-{i}",
        Owner = $"user{i % 20}",
        CreatedAt = Start.AddMinutes(5 * i),
        UpdatedAt = Start.AddMinutes((5 * i) + 3),
        Status = i % 10 == 0 ? "Failed" : "Success",
        Type = "Namespace",
        ClusterName = $"cluster-{i % 200}",
        ClusterUid = $"c-{i % 200}",
        Size = i * 1_000_003L % 999_983,
        Labels = new Dictionary<string, string> { ["tier"] = $"t{i % 1000}" },
        References = [$"c-{i % 200}", "location-1"],
        Readers = [$"u:user{i % 20}"],
    };

    private static async Task ListsAsync(string directory, int rows)
    {
        using var store = Open(directory, SqliteSynchronous.Normal);
        var watch = Stopwatch.StartNew();
        var waiting = new List<Task>();
        for (var i = 0; i < rows; i++)
        {
            waiting.Add(store.InsertAsync(new RecordKey(ObjectKind.Backup, Org, Guid.NewGuid().ToString()), Body(i), Index(i)));
            if (waiting.Count == 1024)
            {
                await Task.WhenAll(waiting);
                waiting.Clear();
            }
        }

        await Task.WhenAll(waiting);
        Console.Error.WriteLine($"{rows} rows in {watch.Elapsed.TotalSeconds:f1} s, {new FileInfo(Path.Combine(directory, "records.db")).Length >> 20} MiB");
        var all = new RecordQuery { Kind = ObjectKind.Backup, OrgId = Org, Limit = PageSize };
        await ListAsync(store, rows, "everything, newest first", all);
        await ListAsync(store, rows, "one of 20 users, newest first", all with { Readers = ["u:user7"] });
        await ListAsync(store, rows, "three of 20 users, newest first", all with { Readers = ["u:user7", "u:user8", "u:user9"] });
        await ListAsync(store, rows, "everything, by name", all with { SortBy = RecordSort.Name, Descending = false });
        await ListAsync(store, rows, "one user, by name", all with { SortBy = RecordSort.Name, Readers = ["u:user7"] });
        await ListAsync(store, rows, "status Failed", all with { Statuses = ["Failed"] });
        await ListAsync(store, rows, "part of the name", all with { NameContains = "-77" });
        await ListAsync(store, rows, "one label (1 of 1000)", all with { Labels = new Dictionary<string, string> { ["tier"] = "t5" } });
        await ListAsync(store, rows, "one cluster (1 of 200)", all with { References = [["c-5"]] });
    }

    private static async Task ListAsync(SqliteRecordStore store, int rows, string what, RecordQuery query)
    {
        var total = await store.CountAsync(query, CancellationToken.None);
        var lastPage = (total - 1) / PageSize * PageSize;
        var first = await MedianAsync(store, query);
        var middle = await MedianAsync(store, query with { Offset = lastPage / 2 });
        var last = await MedianAsync(store, query with { Offset = lastPage });
        Console.WriteLine($"| {what} | {rows:n0} | {total:n0} | {first:f2} | {middle:f2} | {last:f2} |");
    }

    private static async Task<double> MedianAsync(SqliteRecordStore store, RecordQuery query)
    {
        var times = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await store.QueryAsync<BackupObject>(query, CancellationToken.None);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.Sort();
        return times[times.Count / 2];
    }

    /// <summary>The floor: one table, one connection, a commit for each write; several writers take turns.</summary>
    private static async Task<double[]> BareAsync(string file, int writers)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var make = connection.CreateCommand();
        make.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(k TEXT PRIMARY KEY, b BLOB)";
        make.ExecuteNonQuery();
        using var insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO t VALUES($k, $b)";
        var key = insert.Parameters.Add("$k", SqliteType.Text);
        insert.Parameters.Add("$b", SqliteType.Blob).Value = new byte[1024];
        using var turn = new SemaphoreSlim(1, 1);
        return await MeasureAsync(writers, 3_000, async i =>
        {
            await turn.WaitAsync();
            try
            {
                key.Value = $"key-{i}";
                insert.ExecuteNonQuery();
            }
            finally
            {
                turn.Release();
            }
        });
    }

    /// <summary>Runs the operation so many times; its latencies in ms, sorted, and as the last entry the rate per second.</summary>
    private static async Task<double[]> MeasureAsync(int writers, int count, Func<int, Task> operation)
    {
        var times = new double[count];
        var next = -1;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
            {
                var began = Stopwatch.GetTimestamp();
                await operation(i);
                times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            }
        })));
        var rate = count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Array.Sort(times);
        return [.. times, rate];
    }

    private static void Print(string what, int writers, double[] times)
    {
        var count = times.Length - 1;
        Console.WriteLine($"| {what} | {writers} | {times[^1]:n0} | {times[count / 2]:f3} | {times[count * 99 / 100]:f3} |");
    }
}
