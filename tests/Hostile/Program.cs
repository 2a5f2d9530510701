using System.Runtime.InteropServices;
using PxBackup.Hostile;

HostileOptions options;
try
{
    options = HostileOptions.Read(args);
    if (options.Only.Length > 0 && !Attack.All.Any(attack => attack.Name == options.Only))
        throw new ArgumentException($"there is no attack {options.Only}: {string.Join(", ", Attack.All.Select(attack => attack.Name))}");
}
catch (ArgumentException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(HostileOptions.Usage);
    return 64;
}

if (options.List)
{
    foreach (var attack in Attack.All)
        Console.WriteLine($"{attack.Name,-16}{attack.What}");
    return 0;
}

using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    Directory.CreateDirectory(options.Folder);
    Console.WriteLine($"heap limit {options.Heap} MiB; data and log are kept in {options.Folder} while it runs");
    Console.WriteLine(HostileSummary.Header);
    var summary = await new HostileRun(options).RunAsync(stop.Token);
    if (options.Summary.Length > 0)
        summary.WriteTo(options.Summary);
    var violations = summary.Attacks.Sum(attack => attack.Violations.Count);
    Console.WriteLine($"{summary.Attacks.Count - 1} attacks in {summary.Seconds} s, {(violations == 0 ? "no violation" : $"{violations} VIOLATIONS")}");
    if (violations == 0 && !options.Keep)
        Directory.Delete(options.Folder, recursive: true);
    else
        Console.WriteLine($"data and log: {options.Folder}");
    return violations == 0 ? 0 : 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException or HttpRequestException or Grpc.Core.RpcException)
{
    Console.Error.WriteLine($"hostile: {e}; the log is in {options.Folder}");
    return 2;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
