using System.Diagnostics;
using PxBackup.Benchmarks.Running;

namespace PxBackup.Benchmarks.Clusters;

/// <summary>
/// What a registered and watched cluster costs at rest: memory from the slope between sizes, processor over a minute (goal: at most
/// 128 KiB each), and, with <c>MONGO_URI</c>, what it writes to the database. Arguments: numbers of clusters (default 100 300 1000).
/// </summary>
internal static class WatchedClusters
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(string[] args)
    {
        int[] sizes = args.Length > 0 ? [.. args.Select(int.Parse)] : [100, 300, 1_000];
        using var scratch = new Scratch();
        await using var fleet = await Fleet.StartAsync(sizes.Max(), storkSpeed: 10);
        var mongo = Environment.GetEnvironmentVariable("MONGO_URI") ?? "";
        await using var database = mongo.Length > 0 ? new ScratchDatabase(mongo) : null;
        await using var product = await Product.StartAsync(scratch.Folder("data"), database?.Settings ?? []);
        await product.SignInAsync();
        var results = new Results("clusters", "clusters", "RSS MiB", "PSS MiB", "peak RSS MiB", "registered /s", "CPU ms each to register", "idle CPU, % of a core", "idle CPU ms per cluster and minute", "writes to the database in that minute");
        // One first: what any first cluster loads and compiles belongs to none.
        await fleet.RegisterAsync(product, 1, 1);
        List<(int Clusters, double Rss, double Pss)> points = [await MeasureAsync(1, "", "")];
        var registered = 1;
        foreach (var size in sizes)
        {
            var (start, cpu) = (Stopwatch.GetTimestamp(), product.Server.Cpu);
            await fleet.RegisterAsync(product, registered + 1, size);
            var rate = (size - registered) / Stopwatch.GetElapsedTime(start).TotalSeconds;
            var each = (product.Server.Cpu - cpu).TotalMilliseconds / (size - registered);
            registered = size;
            await Fleet.OnlineAsync(product, size);
            points.Add(await MeasureAsync(size, rate, each));
        }

        List<string> notes = [$"{Settle.TotalSeconds} s to settle, CPU over {Rest.TotalSeconds} s; no collection is forced; simulator: {fleet.Simulator.Rss >> 10} MiB"];
        notes.Add($"slope over all points: RSS {Slope(points, point => point.Rss):f0} KiB, PSS {Slope(points, point => point.Pss):f0} KiB a cluster");
        notes.Add($"between the last two points: RSS {(points[^1].Rss - points[^2].Rss) / (points[^1].Clusters - points[^2].Clusters):f0} KiB, PSS {(points[^1].Pss - points[^2].Pss) / (points[^1].Clusters - points[^2].Clusters):f0} KiB a cluster");
        results.Print([.. notes]);

        async Task<(int, double, double)> MeasureAsync(int clusters, object rate, object each)
        {
            await Task.Delay(Settle);
            var (cpu, writes) = (product.Server.Cpu, await WritesAsync());
            await Task.Delay(Rest);
            var (used, written) = (product.Server.Cpu - cpu, await WritesAsync() - writes);
            var (rss, pss) = (product.Server.Rss, product.Server.Pss);
            results.Row(clusters, rss / 1024.0, pss / 1024.0, product.Server.PeakRss / 1024.0, rate, each, used / Rest * 100, used.TotalMilliseconds / clusters * (TimeSpan.FromMinutes(1) / Rest), mongo.Length > 0 ? written : "");
            Console.Error.WriteLine($"{clusters} clusters: RSS {rss >> 10} MiB, PSS {pss >> 10} MiB, {product.Server.Threads} threads");
            return (clusters, rss, pss);
        }

        async Task<long> WritesAsync() => mongo.Length > 0 ? (await MongoCommands.OfAsync(product)).Writes : 0;
    }

    // Least squares; KiB per cluster.
    private static double Slope(List<(int Clusters, double Rss, double Pss)> points, Func<(int Clusters, double Rss, double Pss), double> value)
    {
        var (meanX, meanY) = (points.Average(point => point.Clusters), points.Average(value));
        return points.Sum(point => (point.Clusters - meanX) * (value(point) - meanY)) / points.Sum(point => (point.Clusters - meanX) * (point.Clusters - meanX));
    }
}
