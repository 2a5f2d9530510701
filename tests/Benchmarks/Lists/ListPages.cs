using System.Diagnostics;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Benchmarks.Lists;

/// <summary>
/// Pages of 50 out of many backups, as lists ask for them (goal P8: p99 at 1,000,000 at most 1.3 times that at 10,000, page 20,000 at most
/// 1.2 times page 1). Arguments: store (<c>sqlite</c>, <c>mongodb</c> with <c>MONGO_URI</c>, <c>postgresql</c> with
/// <c>POSTGRES_URI</c>), numbers of backups (default 10000 100000 1000000).
/// </summary>
internal static class ListPages
{
    private const string Org = "bench";
    private const int PageSize = 50;
    private const int Writers = 64;
    private const int Repetitions = 200;

    private static readonly DateTimeOffset Begin = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task RunAsync(string[] args)
    {
        var kind = args.Length > 0 ? args[0] : "sqlite";
        int[] sizes = args.Length > 1 ? [.. args.Skip(1).Select(int.Parse)] : [10_000, 100_000, 1_000_000];
        using var scratch = new Scratch();
        await using var store = await BenchStore.OpenAsync(kind, scratch.Folder("store"));
        var results = new Results($"lists-{kind}", "list", "backups", "total", "page 1 p50 ms", "page 1 p99 ms", "last page (at most 20,000) p50 ms", "p99 ms", "count p50 ms");
        var notes = new List<string> { $"{kind}, pages of {PageSize}, {Repetitions} of each in turns, one caller; 500 clusters, 40 owners" };
        var filled = 0;
        foreach (var size in sizes)
        {
            var since = Stopwatch.GetTimestamp();
            await FillAsync(store.Records, filled, size);
            var took = Stopwatch.GetElapsedTime(since);
            notes.Add($"{filled:n0} to {size:n0}: {(size - filled) / took.TotalSeconds:n0} inserts a second with {Writers} writers");
            filled = size;
            await SettleAsync(store.Records, size);
            var all = new RecordQuery { Kind = ObjectKind.Backup, OrgId = Org, Limit = PageSize };
            await RowAsync("everything, newest first", all);
            await RowAsync("one owner of 40, newest first", all with { Readers = ["u:user7"] });
            await RowAsync("everything, by name", all with { SortBy = RecordSort.Name, Descending = false });
            await RowAsync("one cluster of 500", all with { References = [["c-5"]] });
            await RowAsync("status Failed (1 of 10)", all with { Statuses = ["Failed"] });

            async Task RowAsync(string what, RecordQuery query)
            {
                var total = await store.Records.CountAsync(query, CancellationToken.None);
                var last = Math.Min(total - 1, 20_000L * PageSize - 1) / PageSize * PageSize;
                List<double> first = [], deep = [], counts = [];
                // A slow list is measured less often: what takes a second is known after ten.
                var repetitions = await TimeAsync(() => store.Records.QueryAsync<BackupObject>(query with { Offset = last }, CancellationToken.None)) > 100 ? 10 : Repetitions;
                for (var i = 0; i < repetitions; i++)
                {
                    first.Add(await TimeAsync(() => store.Records.QueryAsync<BackupObject>(query, CancellationToken.None)));
                    deep.Add(await TimeAsync(() => store.Records.QueryAsync<BackupObject>(query with { Offset = last }, CancellationToken.None)));
                    if (i % 10 == 0)
                        counts.Add(await TimeAsync(() => store.Records.CountAsync(query, CancellationToken.None)));
                }

                results.Row(what, size, total, At(first, 0.5), At(first, 0.99), At(deep, 0.5), At(deep, 0.99), At(counts, 0.5));
            }
        }

        results.Print([.. notes]);
    }

    private static async Task FillAsync(IRecordStore store, int from, int to)
    {
        var next = from - 1;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < to; i = Interlocked.Increment(ref next))
            {
                await store.InsertAsync(new RecordKey(ObjectKind.Backup, Org, Guid.NewGuid().ToString()), Body(i), Index(i));
                if (i % 100_000 == 0)
                    Console.Error.WriteLine($"{i:n0} of {to:n0}");
            }
        })));
    }

    // What a store does in the background after many writes is not what is measured.
    private static async Task SettleAsync(IRecordStore store, int size)
    {
        var query = new RecordQuery { Kind = ObjectKind.Backup, OrgId = Org, Limit = PageSize };
        var counted = await store.CountAsync(query, CancellationToken.None);
        if (counted != size)
            throw new InvalidOperationException($"{size} backups were inserted and the list has {counted}");
        await Task.Delay(TimeSpan.FromSeconds(20));
    }

    private static async Task<double> TimeAsync<T>(Func<Task<T>> ask)
    {
        var began = Stopwatch.GetTimestamp();
        await ask();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static double At(List<double> times, double part)
    {
        times.Sort();
        return times[Math.Min(times.Count - 1, (int)(times.Count * part))];
    }

    private static BackupObject Body(int i) => new()
    {
        Metadata = new Metadata { Name = $"backup-{i}" },
        BackupInfo = new BackupInfo { BackupPath = new string('x', 500) },
    };

    /// <summary>A backup every thirty seconds.</summary>
    private static RecordIndex Index(int i) => new()
    {
        Name = $"backup-{i * 7919L % 1_000_003:d7}-{i}",
        Owner = $"user{i % 40}",
        CreatedAt = Begin.AddSeconds(30L * i),
        UpdatedAt = Begin.AddSeconds((30L * i) + 120),
        Status = i % 10 == 0 ? "Failed" : "Success",
        Type = "Namespace",
        ClusterName = $"cluster-{i % 500}",
        ClusterUid = $"c-{i % 500}",
        Size = i * 1_000_003L % 999_983,
        References = [$"c-{i % 500}", "location-1"],
        Readers = [$"u:user{i % 40}"],
    };
}
