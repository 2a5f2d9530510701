using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PxBackup.Hostile.Attacks;

/// <summary>What anybody on the network can do, without a token.</summary>
internal static class OnTheEdge
{
    private const int BodyBytes = 4 * 1024 * 1024;

    public static IReadOnlyList<Attack> All { get; } =
    [
        new("slow-bodies", "250 callers without a token send 4 MB each, slowly", SlowBodiesAsync),
        new("garbage", "10,000 gRPC calls without a token whose bodies are garbage", GarbageAsync),
        new("passwords", "105 wrong passwords for the administrator by one stranger, then more by 60 others", PasswordsAsync),
    ];

    private static async Task<IReadOnlyList<string>> SlowBodiesAsync(Scene scene, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(TimeSpan.FromSeconds(scene.Options.Volume(60) + 4));
        await Task.WhenAll(Enumerable.Range(0, 250).Select(i => i % 2 == 0 ? SlowRestAsync(scene.Target.Rest, end.Token) : SlowGrpcAsync(scene.Target.Grpc, end.Token)));
        return [];
    }

    private static async Task SlowRestAsync(Uri rest, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(rest.Host, rest.Port, cancellationToken);
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/backup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {BodyBytes}\r\n\r\n{{\"metadata\":{{\"name\":\""), cancellationToken);
            await TrickleAsync(stream, cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // Cut off, which is right.
        }
    }

    private static async Task SlowGrpcAsync(Uri grpc, CancellationToken cancellationToken)
    {
        try
        {
            using var http = new HttpClient(new SocketsHttpHandler()) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(grpc, "/Backup/Create")) { Content = new SlowContent() };
            request.Headers.TryAddWithoutValidation("te", "trailers");
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // Cut off, which is right.
        }
    }

    private static async Task TrickleAsync(Stream stream, CancellationToken cancellationToken)
    {
        var chunk = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));
        for (var sent = 0; sent < BodyBytes - (2 * chunk.Length); sent += chunk.Length)
        {
            await stream.WriteAsync(chunk, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(20, cancellationToken);
        }

        await Task.Delay(Timeout.Infinite, cancellationToken); // The last piece never comes.
    }

    private static async Task<IReadOnlyList<string>> GarbageAsync(Scene scene, CancellationToken cancellationToken)
    {
        var (before, calls) = (scene.Target.LogBytes, scene.Options.Volume(10_000));
        using var http = new HttpClient(new SocketsHttpHandler { EnableMultipleHttp2Connections = true }) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        await Parallel.ForEachAsync(Enumerable.Range(0, calls), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken }, async (i, stop) =>
        {
            // A message of three bytes that is no protobuf.
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(scene.Target.Grpc, "/Backup/Create")) { Content = new ByteArrayContent([0, 0, 0, 0, 3, 0xff, 0xff, 0xff]) };
            request.Content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
            request.Headers.TryAddWithoutValidation("te", "trailers");
            using var answer = await http.SendAsync(request, stop);
            _ = await answer.Content.ReadAsByteArrayAsync(stop);
        });
        var logged = scene.Target.LogBytes - before;
        return logged > calls * 40L ? [$"{logged / calls} bytes were logged for each garbage call"] : [];
    }

    private static async Task<IReadOnlyList<string>> PasswordsAsync(Scene scene, CancellationToken cancellationToken)
    {
        await GuessAsync(scene, IPAddress.Parse("127.0.99.1"), 105, cancellationToken);
        await Parallel.ForEachAsync(Enumerable.Range(1, 60), new ParallelOptions { MaxDegreeOfParallelism = 20, CancellationToken = cancellationToken },
            async (i, stop) => await GuessAsync(scene, IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"127.0.98.{i}")), scene.Options.Volume(30), stop));
        try
        {
            // From where the administrator signed in before.
            using var administrator = await Tenant.SignInAsync(scene.Target, Target.AdminName, Target.AdminPassword).WaitAsync(TimeSpan.FromSeconds(10), cancellationToken);
            return [];
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            return [$"strangers lock the administrator out: {e.Message}"];
        }
    }

    private static async Task GuessAsync(Scene scene, IPAddress source, int times, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (context, stop) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(source, 0));
                await socket.ConnectAsync(context.DnsEndPoint, stop);
                return new NetworkStream(socket, ownsSocket: true);
            },
        }) { BaseAddress = scene.Target.Rest, Timeout = TimeSpan.FromSeconds(20) };
        for (var i = 0; i < times; i++)
        {
            using var form = Tenant.SignInForm(Target.AdminName, $"wrong-{i}");
            try
            {
                using var answer = await http.PostAsync(Tenant.SignInPath, form, cancellationToken);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>A gRPC message of 4 MB that arrives slowly and never ends.</summary>
    private sealed class SlowContent : HttpContent
    {
        public SlowContent() => Headers.TryAddWithoutValidation("content-type", "application/grpc");

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(new byte[] { 0, 0, (byte)((BodyBytes - 64) >> 16), 0xff, 0 }, cancellationToken);
            await TrickleAsync(stream, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
