namespace PxBackup.Tests.Simulation;

/// <summary>
/// All chance of one history: SplitMix64, which starts at once (histories are many and short) and gives the same numbers on every
/// release of .NET. Also handed to the product where it spreads its pauses.
/// </summary>
internal sealed class SeededRandom(ulong seed) : Random
{
    private ulong _state = seed;

    /// <summary>The seed of the n-th history of a run.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    public override int Next(int maxValue) => (int)(NextUInt64() % (uint)maxValue);

    public override int Next(int minValue, int maxValue) => minValue + Next(maxValue - minValue);

    public override long NextInt64() => (long)(NextUInt64() >> 1);

    public override double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True so often out of a hundred.</summary>
    public bool Percent(int percent) => Next(100) < percent;

    /// <summary>A duration between two, in seconds.</summary>
    public TimeSpan Seconds(double from, double to) => TimeSpan.FromSeconds(from + ((to - from) * NextDouble()));

    /// <summary>One of them.</summary>
    public T Of<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    protected override double Sample() => NextDouble();

    private ulong NextUInt64() => Mix(_state += 0x9E3779B97F4A7C15);
}
