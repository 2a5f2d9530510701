using System.Runtime.InteropServices;
using PxBackup.DocumentGateway;

GatewayOptions options;
try
{
    options = GatewayOptions.Read(args);
}
catch (ArgumentException wrong)
{
    await Console.Error.WriteLineAsync(wrong.Message);
    await Console.Error.WriteLineAsync(GatewayOptions.Usage);
    return 2;
}

var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

await using var gateway = new Gateway(options, TimeProvider.System);
await using var server = new GatewayServer(gateway);

// One line, for the program that started this one. The user is named, the password is not: whoever started this knows it.
var user = options.User is { } name ? Uri.EscapeDataString(name) + "@" : "";
var query = string.Join('&', new[] { options.Set is { } set ? $"replicaSet={set}" : "directConnection=true", options.Certificate is null ? null : "tls=true" }.OfType<string>());
Console.WriteLine($"MONGO_URI=mongodb://{user}{gateway.Address}/?{query}");

if (options.UntilInputEnds) _ = EndWithInputAsync();
await stop.Task;
return 0;

async Task EndWithInputAsync()
{
    while (await Console.In.ReadLineAsync() is not null)
    {
        // What is said there does not matter, only that somebody is still there.
    }
    stop.TrySetResult();
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.TrySetResult();
}
