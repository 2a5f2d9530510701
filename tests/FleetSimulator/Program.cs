using System.Runtime.InteropServices;
using System.Text.Json;
using PxBackup.FleetSimulator;

FleetOptions options;
try
{
    options = FleetCommandLine.Read(args);
}
catch (ArgumentException wrong)
{
    await Console.Error.WriteLineAsync(wrong.Message);
    await Console.Error.WriteLineAsync(FleetCommandLine.Usage);
    return 2;
}

var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

await using var fleet = await SimulatedFleet.StartAsync(options);

// One line, for the program that started this one.
Console.WriteLine(JsonSerializer.Serialize(new
{
    control = fleet.Control,
    port = fleet.Port,
    clusters = fleet.Clusters.Select(c => new { name = c.Name, server = c.Server }),
}));
await stop.Task;
return 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.TrySetResult();
}
