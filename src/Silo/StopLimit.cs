using Microsoft.Extensions.Options;

namespace PxBackup.Silo;

/// <summary>
/// Keeps the promise that a stop ends: what does not end by itself after <see cref="SiloOptions.ShutdownTimeout"/>, such as the disposal
/// of a connection to a database that does not answer, is cut off with the process. Nothing is lost: the records are safe at any point.
/// </summary>
internal static partial class StopLimit
{
    /// <summary>What the host's own end takes on a busy machine, after the time-out.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1.5);

    /// <summary>Watches from the moment that the process is told to stop.</summary>
    public static void Watch(IServiceProvider services)
    {
        var limit = services.GetRequiredService<IOptions<SiloOptions>>().Value.ShutdownTimeout + Rest;
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(StopLimit));
        // A thread of its own: the pool may be what does not get on.
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => new Thread(() =>
        {
            using var never = new ManualResetEvent(initialState: false);
            never.WaitOne(limit);
            LogCutOff(logger, limit);
            Environment.Exit(0);
        }) { IsBackground = true, Name = "stop limit" }.Start());
    }

    [LoggerMessage(LogLevel.Warning, "The stop took longer than {Limit}: what is left is cut off")]
    private static partial void LogCutOff(ILogger logger, TimeSpan limit);
}
