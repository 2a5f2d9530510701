using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using PxBackup.DocumentGateway.Commands;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway;

/// <summary>Listens on the loopback address; each connection is answered one command after the other.</summary>
internal sealed class GatewayServer : IAsyncDisposable
{
    private const int Backlog = 512;

    private readonly Gateway gateway;
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly X509Certificate2? certificate;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task accepting;
    private int accepted;

    public GatewayServer(Gateway gateway)
    {
        this.gateway = gateway;
        if (gateway.Options.Certificate is { } file) certificate = X509Certificate2.CreateFromPemFile(file, gateway.Options.Key);
        // A gateway that is started again on its port does not wait for connections of the one before.
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, gateway.Options.Port));
        listener.Listen(Backlog);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        gateway.Address = gateway.Options.Advertise ?? $"127.0.0.1:{Port}";
        accepting = AcceptAsync();
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        listener.Dispose();
        await accepting;
        stopping.Dispose();
        certificate?.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptAsync(stopping.Token);
                _ = ServeAsync(socket, Interlocked.Increment(ref accepted));
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway ends.
        }
    }

    private async Task ServeAsync(Socket socket, int number)
    {
        gateway.Count(1);
        try
        {
            socket.NoDelay = true;
            await using var network = new NetworkStream(socket, ownsSocket: true);
            await using var stream = await SecuredAsync(network);
            var authentication = new Authentication(gateway.Options.User, gateway.Options.Password, number);
            for (var reply = 1; await WireMessage.ReadAsync(stream, stopping.Token) is { } message; reply++)
            {
                var document = await gateway.AnswerAsync(message.Command, authentication, stopping.Token);
                if (!message.Silent) await stream.WriteAsync(message.Reply(document, reply), stopping.Token);
            }
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException or AuthenticationException)
        {
            // The client has gone, or the gateway ends.
        }
        catch (Exception end) when (end is WireException or ServerGoneException)
        {
            await Console.Error.WriteLineAsync($"connection {number} closed: {end.Message}");
        }
        catch (Exception defect)
        {
            // Nothing may end the gateway for everybody else; the text says what to mend.
            await Console.Error.WriteLineAsync($"connection {number} closed: {defect}");
        }
        finally
        {
            gateway.Count(-1);
        }
    }

    private async Task<Stream> SecuredAsync(NetworkStream network)
    {
        if (certificate is null) return network;
        var secured = new SslStream(network);
        await secured.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stopping.Token);
        return secured;
    }
}
