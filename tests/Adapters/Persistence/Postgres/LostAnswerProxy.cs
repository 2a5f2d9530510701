using System.Net;
using System.Net.Sockets;

namespace PxBackup.Tests.Adapters.Persistence.Postgres;

/// <summary>A TCP proxy that, once armed, cuts the connection where the server's next answer would come.</summary>
internal sealed class LostAnswerProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly string host;
    private readonly int server;
    private readonly Task accepting;
    private volatile bool armed;

    public LostAnswerProxy(string host, int server)
    {
        this.host = host;
        this.server = server;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The next answer is lost, and the connection with it.</summary>
    public void Arm() => armed = true;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var pairs = new List<Task>();
        try
        {
            while (true)
                pairs.Add(PassAsync(await listener.AcceptTcpClientAsync(stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(pairs);
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using var behind = new TcpClient();
        using (client)
        {
            await behind.ConnectAsync(host, server, stop.Token);
            // Whichever side ends first, both sockets are closed.
            await Task.WhenAny(PassAsync(client.GetStream(), behind.GetStream(), isAnswer: false), PassAsync(behind.GetStream(), client.GetStream(), isAnswer: true));
        }
    }

    private async Task PassAsync(NetworkStream from, NetworkStream to, bool isAnswer)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                var length = await from.ReadAsync(buffer, stop.Token);
                if (length == 0 || (isAnswer && armed))
                {
                    armed = false;
                    return;
                }

                await to.WriteAsync(buffer.AsMemory(0, length), stop.Token);
            }
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One side has closed: so does the other.
        }
    }
}
