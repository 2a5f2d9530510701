namespace PxBackup.Chaos.Report;

/// <summary>Percentiles of measured times.</summary>
internal static class Percentiles
{
    /// <summary>The smallest value that so large a part does not exceed; zero when nothing was measured.</summary>
    public static TimeSpan Of(IEnumerable<TimeSpan> values, double part)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? TimeSpan.Zero : sorted[Math.Min(sorted.Count - 1, (int)Math.Ceiling(part * sorted.Count) - 1)];
    }
}
