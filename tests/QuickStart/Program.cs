using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;
using PxBackup.QuickStart;

// The run command: everything on one machine with nothing but the .NET SDK.
const string user = "px-central-admin";
const string accessKey = "quickstart-access";

QuickStartOptions options;
try
{
    options = QuickStartOptions.Read(args);
}
catch (ArgumentException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(QuickStartOptions.Usage);
    return 64;
}

using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    // A database that begins empty knows nothing of what earlier clusters and buckets hold.
    if (options.Silos > 0 && options.Mongo.Length == 0)
        foreach (var folder in new[] { "fleet", "s3" }.Select(name => Path.Combine(options.Data, name)).Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
    Directory.CreateDirectory(options.Data);
    var password = Kept("admin-password");
    var secretKey = Kept("s3-secret-key");
    Console.WriteLine($"data in {options.Data}");
    await using var store = await SimulatedObjectStore.StartAsync(
        new SimulatedObjectStoreOptions { Keys = { [accessKey] = secretKey }, Folder = Path.Combine(options.Data, "s3"), Port = KeptPort("s3-port") }, stop.Token);
    File.WriteAllText(Path.Combine(options.Data, "s3-port"), $"{store.Endpoint.Port}");
    await using var fleet = await SimulatedFleet.StartAsync(
        new FleetOptions { Clusters = options.Clusters, StorkSpeed = options.StorkSpeed, DataDirectory = Path.Combine(options.Data, "fleet"), ControlPort = 0 }, stop.Token);
    Console.WriteLine($"simulated: {fleet.Clusters.Count} clusters ({fleet.Clusters[0].Server} …), S3 at {store.Endpoint}");
    await using var server = await Installation.StartAsync(options, password, stop.Token);
    var rest = options.Rest;
    var grpc = $"http://127.0.0.1:{options.GrpcPort}";
    foreach (var line in server.Lines)
        Console.WriteLine(line);
    var token = await SignInAsync(rest, password, stop.Token);
    using var channel = GrpcChannel.ForAddress(grpc);
    await new Walk(channel, token, fleet, store, accessKey, secretKey).RunAsync(stop.Token);
    foreach (var cluster in fleet.Clusters)
        File.WriteAllText(Path.Combine(options.Data, $"{cluster.Name}.kubeconfig"), cluster.Kubeconfig);
    if (options.Exit)
        return 0;
    Console.WriteLine($"""

        PxBackup is up:
          REST      {rest}   (health: {rest}/v1/health, metrics: {rest}/metrics)
          gRPC      127.0.0.1:{options.GrpcPort} (h2c, reflection)
          sign-in   {rest}/auth/realms/master/protocol/openid-connect/token
          user      {user}
          password  {password}
          S3        {store.Endpoint} (access key {accessKey}, secret key in {Path.Combine(options.Data, "s3-secret-key")})
          clusters  kubeconfigs in {options.Data}/*.kubeconfig, faults and ground truth at {fleet.Control}
          logs      {Path.Combine(options.Data, "*.log")}
        Stop with Ctrl+C; the next start goes on with the same data.
        """);
    await Task.WhenAny(server.Ended, Task.Delay(Timeout.Infinite, stop.Token));
    if (!stop.IsCancellationRequested)
        throw new InvalidOperationException($"a process ended; see {Path.Combine(options.Data, "*.log")}");
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or RpcException or IOException or HttpRequestException)
{
    Console.Error.WriteLine(e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : e.Message);
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

// Made at the first start, readable by this user only.
string Kept(string name)
{
    var file = Path.Combine(options.Data, name);
    if (!File.Exists(file))
    {
        var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            create.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(file, create);
        stream.Write(System.Text.Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(32, lowercase: true)));
    }

    return File.ReadAllText(file);
}

int KeptPort(string name) => File.Exists(Path.Combine(options.Data, name)) && int.TryParse(File.ReadAllText(Path.Combine(options.Data, name)), out var port) ? port : 0;

static async Task<string> SignInAsync(string rest, string password, CancellationToken cancellationToken)
{
    using var http = new HttpClient();
    using var form = new FormUrlEncodedContent(new Dictionary<string, string>
    {
        ["grant_type"] = "password",
        ["client_id"] = "pxcentral",
        ["username"] = user,
        ["password"] = password,
        ["token-duration"] = "1d",
    });
    using var answer = await http.PostAsync($"{rest}/auth/realms/master/protocol/openid-connect/token", form, cancellationToken);
    var body = await answer.Content.ReadFromJsonAsync<JsonObject>(cancellationToken);
    return answer.IsSuccessStatusCode
        ? body!["access_token"]!.GetValue<string>()
        : throw new InvalidOperationException($"sign-in failed: {body}");
}
