using Microsoft.Extensions.Logging;

namespace PxBackup.Grains.Recovery;

/// <summary>
/// Named points at which a test can end or hold the process, to prove that nothing accepted is lost there. Off unless the
/// environment variable <c>PXBACKUP_FAILPOINTS</c> arms them: <c>name=kill</c> or <c>name=kill@3</c> (the third time),
/// several separated by commas.
/// </summary>
public static partial class FailPoint
{
    private static readonly Dictionary<string, Armed> Points = Read(Environment.GetEnvironmentVariable("PXBACKUP_FAILPOINTS"));

    /// <summary>Ends the process without any clean-up, as <c>kill -9</c> does, when this point is armed.</summary>
    public static Task HitAsync(string name, ILogger logger)
    {
        if (Points.Count == 0 || !Points.TryGetValue(name, out var point) || Interlocked.Decrement(ref point.Left) != 0)
            return Task.CompletedTask;
        LogHit(logger, name);
        Console.Error.WriteLine($"failpoint {name}: the process ends here");
        System.Diagnostics.Process.GetCurrentProcess().Kill();
        return new TaskCompletionSource().Task; // The caller gets no further, even if the end takes a moment.
    }

    private static Dictionary<string, Armed> Read(string? text)
    {
        var points = new Dictionary<string, Armed>();
        foreach (var entry in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = entry.Split('=', 2);
            var action = parts.Length == 2 ? parts[1].Split('@') : [];
            if (action is not ["kill", ..] || (action.Length == 2 && !int.TryParse(action[1], out _)))
                throw new FormatException($"PXBACKUP_FAILPOINTS: '{entry}' is not name=kill or name=kill@count");
            points[parts[0]] = new Armed { Left = action.Length == 2 ? int.Parse(action[1]) : 1 };
        }

        return points;
    }

    [LoggerMessage(LogLevel.Critical, "Failpoint {Name}: the process ends here")]
    private static partial void LogHit(ILogger logger, string name);

    private sealed class Armed
    {
        public int Left;
    }
}
