using System.Diagnostics;
using Xunit;

namespace PxBackup.Tests.Simulation;

/// <summary>
/// The promises of goals N1–N6, N9 and N12 over random histories of backups, restores and deletions, with the product's own grains.
/// <c>PXBACKUP_SIM_HISTORIES</c>: how many (50,000); <c>PXBACKUP_SIM_BASE</c>: number of the first; <c>PXBACKUP_SIM_SEED</c>: this one only,
/// with its trace.
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private static long Histories => Number("PXBACKUP_SIM_HISTORIES", 50_000);

    [Fact]
    public void Histories_keep_every_promise()
    {
        if (Environment.GetEnvironmentVariable("PXBACKUP_SIM_SEED") is { Length: > 0 } seed)
        {
            Assert.Fail(Replay(ulong.Parse(seed), out var broken) + $"\nseed {seed}: {broken ?? "every promise was kept"}");
            return;
        }

        var (first, next, clock) = (Number("PXBACKUP_SIM_BASE", 1), -1L, Stopwatch.StartNew());
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        Tuple<ulong, string>? found = null;
        var total = new Coverage();
        var threads = Enumerable.Range(0, Math.Max(1, Environment.ProcessorCount)).Select(_ => new Thread(() =>
        {
            var coverage = new Coverage();
            while (Volatile.Read(ref found) is null && Interlocked.Increment(ref next) is var number && number < Histories)
            {
                var seed = SeededRandom.Mix((ulong)(first + number));
                if (History.Run(seed, trace: false, coverage).Broken is { } broken)
                {
                    lock (total)
                        found ??= Tuple.Create(seed, broken);
                }
            }

            lock (total)
                total.Add(coverage);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        output.WriteLine($"{total}; {total.Histories / clock.Elapsed.TotalSeconds:F0} histories/s on {threads.Count} threads, {total.Histories / (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds:F0} per second of processor time");
        if (found is var (broke, what))
            Assert.Fail($"after {total.Histories} histories in {clock.Elapsed.TotalSeconds:F1} s: {what}\nPXBACKUP_SIM_SEED={broke} repeats it with its trace");
        if (total.Histories >= 10_000)
            Assert.Empty(total.Missing());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_seed_gives_the_same_history(int number)
    {
        var first = Replay(SeededRandom.Mix((ulong)number), out _);

        var second = Replay(SeededRandom.Mix((ulong)number), out _);

        Assert.Equal(first, second);
    }

    private static string Replay(ulong seed, out string? broken)
    {
        World? world = null;
        var thread = new Thread(() => world = History.Run(seed, trace: true, new Coverage()));
        thread.Start();
        thread.Join();
        broken = world!.Broken;
        return string.Join('\n', world.Trace);
    }

    private static long Number(string variable, long otherwise) => long.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : otherwise;
}
