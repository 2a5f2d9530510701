using PxBackup.Benchmarks.Running;

namespace PxBackup.Benchmarks.Start;

/// <summary>Start of a small install: process start to <c>/v1/health</c>, memory and CPU at rest (goal P14). Arguments: repetitions (default 5).</summary>
internal static class StartBenchmark
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);

    public static async Task RunAsync(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 5;
        using var scratch = new Scratch();
        List<(double Seconds, double Cpu, double Rss)> first = [], later = [];
        for (var i = 0; i < repetitions; i++)
        {
            var data = scratch.Folder($"data{i}");
            foreach (var runs in (List<(double, double, double)>[])[first, later])
            {
                await using var product = await Product.StartAsync(data);
                runs.Add((product.StartTime.TotalSeconds, product.Server.Cpu.TotalSeconds, product.Server.Rss / 1024.0));
            }
        }

        var results = new Results("start", "what", "seconds to /v1/health", "CPU seconds", "RSS MiB", "idle CPU, % of a core");
        results.Row("first start, empty folder", Samples.Of(first, run => run.Seconds), Samples.Of(first, run => run.Cpu), Samples.Of(first, run => run.Rss), "");
        results.Row("later start", Samples.Of(later, run => run.Seconds), Samples.Of(later, run => run.Cpu), Samples.Of(later, run => run.Rss), "");
        await AtRestAsync(scratch, results);
        results.Print($"{repetitions} first and later starts in turns; at rest: {Settle.TotalSeconds} s after the last call, CPU over {Rest.TotalSeconds} s");
    }

    private static async Task AtRestAsync(Scratch scratch, Results results)
    {
        const int clusters = 5, backups = 100;
        await using var fleet = await Fleet.StartAsync(clusters, storkSpeed: 50);
        await using var product = await Product.StartAsync(scratch.Folder("rest"));
        await RowAsync(results, "at rest, nothing in it", product);
        await product.SignInAsync();
        var registered = await fleet.RegisterAsync(product, 1, clusters);
        var location = await fleet.LocationAsync(product);
        await Fleet.OnlineAsync(product, clusters);
        await FinishedBackups.MakeAsync(product, registered, location, backups);
        await RowAsync(results, $"at rest, {clusters} clusters, {backups} finished backups", product);
    }

    private static async Task RowAsync(Results results, string what, Product product)
    {
        await Task.Delay(Settle);
        var before = product.Server.Cpu;
        await Task.Delay(Rest);
        results.Row(what, "", product.Server.Cpu.TotalSeconds, product.Server.Rss / 1024.0, (product.Server.Cpu - before) / Rest * 100);
    }
}
