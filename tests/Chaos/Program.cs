using System.Runtime.InteropServices;
using PxBackup.Chaos;

ChaosOptions options;
try
{
    options = ChaosOptions.Read(args);
}
catch (ArgumentException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(ChaosOptions.Usage);
    return 64;
}

using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    Directory.CreateDirectory(options.Folder);
    Console.WriteLine($"seed {options.Seed}; everything is kept in {options.Folder} while it runs");
    if (options.Failover > 0 || options.Graceful > 0 || options.Starve > TimeSpan.Zero)
        return await new MeasuredRun(options).RunAsync(stop.Token) ? 0 : 1;
    var summary = await new ChaosRun(options).RunAsync(stop.Token);
    summary.WriteTo(Path.Combine(options.Folder, "summary.json"));
    if (options.Summary.Length > 0)
        summary.WriteTo(options.Summary);
    Console.WriteLine(summary.Text());
    var isGood = summary.Violations.Count == 0;
    if (isGood && !options.Keep)
        Directory.Delete(options.Folder, recursive: true);
    else
        Console.WriteLine($"logs, history and database: {options.Folder}");
    if (!isGood)
        Console.WriteLine($"again: ./build.sh chaos --seed {options.Seed}{(options.IsShort ? " --short" : "")}");
    return isGood ? 0 : 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException or HttpRequestException)
{
    Console.Error.WriteLine($"chaos, seed {options.Seed}: {e}; logs are in {options.Folder}");
    return 2;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
