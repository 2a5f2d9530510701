using System.Diagnostics;

namespace PxBackup.Benchmarks.Running;

/// <summary>A closed loop: so many workers, each with one operation under way.</summary>
internal static class Load
{
    /// <summary>For so long.</summary>
    public static Task<LoadResult> ForAsync(TimeSpan duration, int workers, Child? server, Func<int, Task> operation)
    {
        var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        return RunAsync(workers, server, _ => Stopwatch.GetTimestamp() < end, operation);
    }

    /// <summary>So many operations.</summary>
    public static Task<LoadResult> CountAsync(int count, int workers, Child? server, Func<int, Task> operation) =>
        RunAsync(workers, server, number => number < count, operation);

    private static async Task<LoadResult> RunAsync(int workers, Child? server, Func<int, bool> goOn, Func<int, Task> operation)
    {
        var next = -1;
        var cpu = server?.Cpu ?? TimeSpan.Zero;
        var start = Stopwatch.GetTimestamp();
        var times = await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(async () =>
        {
            var mine = new List<double>();
            for (var i = Interlocked.Increment(ref next); goOn(i); i = Interlocked.Increment(ref next))
            {
                var began = Stopwatch.GetTimestamp();
                await operation(i);
                mine.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return mine;
        })));
        var elapsed = Stopwatch.GetElapsedTime(start);
        double[] sorted = [.. times.SelectMany(mine => mine).Order()];
        return new LoadResult(sorted, elapsed, (server?.Cpu ?? TimeSpan.Zero) - cpu);
    }
}

/// <summary>What a closed loop found.</summary>
/// <param name="Milliseconds">Latencies, sorted.</param>
/// <param name="Elapsed">All of it.</param>
/// <param name="ServerCpu">What the server used meanwhile.</param>
internal sealed record LoadResult(double[] Milliseconds, TimeSpan Elapsed, TimeSpan ServerCpu)
{
    public double PerSecond => Milliseconds.Length / Elapsed.TotalSeconds;

    /// <summary>Microseconds of the server's processor time per operation.</summary>
    public double CpuMicroseconds => ServerCpu.TotalMicroseconds / Milliseconds.Length;

    public double P50 => At(0.5);

    public double P99 => At(0.99);

    private double At(double part) => Milliseconds.Length == 0 ? double.NaN : Milliseconds[Math.Min(Milliseconds.Length - 1, (int)(Milliseconds.Length * part))];
}
