using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Stands between the driver and the server, and loses the answers it is told to lose.</summary>
internal sealed class MongoCutter : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly string host;
    private readonly int port;
    private readonly CancellationTokenSource stop = new();
    private string command = "";
    private int cuts;
    private int spared;

    public MongoCutter(string host, int port)
    {
        (this.host, this.port) = (host, port);
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Whether the server meets a resent command as one of a session it does not know, as after a failover that lost the session's history.</summary>
    public bool Forgets { get; set; }

    /// <summary>How many answers were lost.</summary>
    public int Lost { get; private set; }

    /// <summary>How many commands reached the server under another session.</summary>
    public int Changed { get; private set; }

    /// <summary>Loses the next answers to a command: the server has worked, the client sees the connection end.</summary>
    /// <param name="to">The command.</param>
    /// <param name="count">How many answers are lost.</param>
    /// <param name="after">How many go through before; when they are used up and one was lost, no further command reaches the server.</param>
    public void LoseAnswers(string to, int count, int after = 0) => (command, spared, cuts) = (to, after, count);

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stop.Token));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                using var server = new TcpClient();
                await server.ConnectAsync(host, port, stop.Token);
                var (near, far) = (client.GetStream(), server.GetStream());
                while (await ReadAsync(near) is { } request)
                {
                    if (Forgets && Lost > 0)
                        ChangeSession(request);
                    var isMeant = NameOf(request) == command && Interlocked.Decrement(ref spared) < 0;
                    if (isMeant && Lost > 0 && cuts == int.MaxValue - 1)
                        return;
                    await far.WriteAsync(request, stop.Token);
                    var answer = await ReadAsync(far);
                    if (answer is null)
                        return;
                    if (isMeant && Interlocked.Decrement(ref cuts) >= 0)
                    {
                        Lost++;
                        return;
                    }

                    await near.WriteAsync(answer, stop.Token);
                    // The server pushes its state to a monitor that asked for it: more answers than requests.
                    while (MoreToCome(answer))
                    {
                        answer = await ReadAsync(far);
                        if (answer is null)
                            return;
                        await near.WriteAsync(answer, stop.Token);
                    }
                }
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side has gone: the other one sees it.
        }
    }

    private async Task<byte[]?> ReadAsync(NetworkStream from)
    {
        var length = new byte[4];
        if (await from.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, stop.Token) < 4)
            return null;
        var message = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        length.CopyTo(message, 0);
        await from.ReadExactlyAsync(message.AsMemory(4), stop.Token);
        return message;
    }

    private static bool MoreToCome(byte[] message) => BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(12)) == 2013 && (message[16] & 2) != 0;

    /// <summary>The command of an OP_MSG: header 16, flags 4, section kind 1, document length 4, element type 1, then the name.</summary>
    private static string NameOf(byte[] message)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(12)) != 2013 || message.Length < 27)
            return "";
        var name = message.AsSpan(26);
        return Encoding.UTF8.GetString(name[..Math.Max(0, name.IndexOf((byte)0))]);
    }

    private void ChangeSession(byte[] message)
    {
        // lsid: { id: UUID }: type 5, name, length 16, subtype 4, then the bytes. Another session after every loss.
        var at = message.AsSpan().IndexOf("\u0005id\0\u0010\0\0\0\u0004"u8);
        if (at < 0)
            return;
        message[at + 9] ^= (byte)Lost;
        Changed++;
    }
}
