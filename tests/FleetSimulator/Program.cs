using System.Runtime.InteropServices;
using System.Text.Json;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;

const string AccessKey = "simulator";
FleetOptions options;
int? s3Port;
try
{
    (options, s3Port) = FleetCommandLine.Read(args);
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

await using var store = s3Port is null ? null : await SimulatedObjectStore.StartAsync(StoreOptions(s3Port.Value));
await using var fleet = await SimulatedFleet.StartAsync(options);

// One line, for the program that started this one.
Console.WriteLine(JsonSerializer.Serialize(new
{
    control = fleet.Control,
    port = fleet.Port,
    s3 = store is null ? null : new { endpoint = store.Endpoint, accessKeyId = AccessKey, secretAccessKey = SecretKey() },
    clusters = fleet.Clusters.Select(c => new { name = c.Name, server = c.Server }),
}));
await stop.Task;
return 0;

SimulatedObjectStoreOptions StoreOptions(int port)
{
    var chosen = new SimulatedObjectStoreOptions { Port = port, Folder = options.DataDirectory is { } folder ? Path.Combine(folder, "s3") : null };
    chosen.Keys[AccessKey] = SecretKey();
    return chosen;
}

// Made up from the seed: the same at the next start, valid nowhere else.
string SecretKey() => $"secret-of-the-simulator-{options.Seed}";

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.TrySetResult();
}
